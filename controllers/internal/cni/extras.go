package cni

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// configList is a chain of plugins.
type configList struct {
	CNIVersion string `json:"cniVersion"`
	Name       string `json:"name"`
	Plugins    []any  `json:"plugins"`
}

// bandwidthConfig configures the bandwidth plugin (plugins v1.7.1, plugins/meta/bandwidth/main.go, type
// BandwidthEntry), in bits per second and bits. Ingress is what the pod receives, as in our API.
type bandwidthConfig struct {
	Type         string `json:"type"`
	IngressRate  int64  `json:"ingressRate,omitempty"`
	IngressBurst int64  `json:"ingressBurst,omitempty"`
	EgressRate   int64  `json:"egressRate,omitempty"`
	EgressBurst  int64  `json:"egressBurst,omitempty"`
}

// A bucket holds a tenth of a second of its rate, and at least two of the largest segments (64 KiB) that a guest sends
// at once: a smaller bucket drops them (tc-tbf(8)).
const (
	burstsPerSecond = 10
	smallestBurst   = 2 * 64 * 1024 * 8
)

func limit(wanted *v1alpha1.Bandwidth) bandwidthConfig {
	config := bandwidthConfig{Type: "bandwidth"}
	if wanted == nil {
		return config
	}
	config.IngressRate, config.IngressBurst = rate(wanted.Ingress)
	config.EgressRate, config.EgressBurst = rate(wanted.Egress)
	return config
}

func rate(wanted *resource.Quantity) (bitsPerSecond, burst int64) {
	if wanted == nil {
		return 0, 0
	}
	return wanted.Value(), max(wanted.Value()/burstsPerSecond, smallestBurst)
}

// ipam configures the static address manager (plugins v1.7.1, plugins/ipam/static/main.go, type IPAMConfig).
type ipam struct {
	Type      string        `json:"type"`
	Addresses []ipamAddress `json:"addresses"`
	Routes    []ipamRoute   `json:"routes,omitempty"`
}

type ipamAddress struct {
	Address string `json:"address"`
}

type ipamRoute struct {
	Destination string `json:"dst"`
	Gateway     string `json:"gw"`
}

func staticAddress(extras Extras) *ipam {
	result := &ipam{Type: "static", Addresses: []ipamAddress{{Address: extras.Address.String()}}}
	for _, route := range extras.Routes {
		result.Routes = append(result.Routes, ipamRoute{Destination: route.To, Gateway: route.Via})
	}
	return result
}
