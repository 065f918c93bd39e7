package wukongnetwork

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestCheckAddressing(t *testing.T) {
	lan := v1alpha1.Subnet{CIDR: "192.168.10.0/24", Gateway: "192.168.10.1"}
	other := v1alpha1.Subnet{CIDR: "192.168.20.0/24", Gateway: "192.168.20.1"}
	lan6 := v1alpha1.Subnet{CIDR: "fd00:10::/64", Gateway: "fd00:10::1"}

	tests := map[string]struct {
		subnets []v1alpha1.Subnet
		routes  []v1alpha1.Route
		wrong   string // part of the error; empty when all is well
	}{
		"nothing":    {},
		"one subnet": {subnets: []v1alpha1.Subnet{lan}},
		"a gateway in each of two subnets is the machine's choice": {subnets: []v1alpha1.Subnet{lan, other}},
		"both families": {subnets: []v1alpha1.Subnet{lan, lan6}},
		"a subnet inside another": {
			subnets: []v1alpha1.Subnet{{CIDR: "192.168.0.0/16"}, lan},
			wrong:   "192.168.0.0/16 and 192.168.10.0/24 overlap",
		},
		"a subnet around another": {
			subnets: []v1alpha1.Subnet{lan6, {CIDR: "fd00::/16"}},
			wrong:   "fd00:10::/64 and fd00::/16 overlap",
		},
		"not a subnet": {subnets: []v1alpha1.Subnet{{CIDR: "lan"}}, wrong: "lan is not a network"},

		"a route through the subnet": {
			subnets: []v1alpha1.Subnet{lan},
			routes:  []v1alpha1.Route{{To: "10.0.0.0/8", Via: "192.168.10.254"}},
		},
		"a next hop that nobody knows, on a network that lists no subnets": {
			routes: []v1alpha1.Route{{To: "10.0.0.0/8", Via: "172.16.0.1"}},
		},
		"a next hop of a family without subnets": {
			subnets: []v1alpha1.Subnet{lan},
			routes:  []v1alpha1.Route{{To: "fd01::/16", Via: "fd00::1"}},
		},
		"a link-local next hop": {
			subnets: []v1alpha1.Subnet{lan6},
			routes:  []v1alpha1.Route{{To: "fd01::/16", Via: "fe80::1"}},
		},
		"a next hop outside all subnets": {
			subnets: []v1alpha1.Subnet{lan, other},
			routes:  []v1alpha1.Route{{To: "10.0.0.0/8", Via: "192.168.30.1"}},
			wrong:   "the next hop 192.168.30.1 of 10.0.0.0/8 lies in no subnet",
		},
		"a next hop of the other family": {
			subnets: []v1alpha1.Subnet{lan, lan6},
			routes:  []v1alpha1.Route{{To: "10.0.0.0/8", Via: "fd00:10::1"}},
			wrong:   "another address family",
		},
		"one destination twice, in disguise": {
			subnets: []v1alpha1.Subnet{lan},
			routes:  []v1alpha1.Route{{To: "10.0.0.0/8", Via: "192.168.10.2"}, {To: "10.1.0.0/8", Via: "192.168.10.3"}},
			wrong:   "10.0.0.0/8 and 10.1.0.0/8 are the same destination",
		},
		"a second default route": {
			subnets: []v1alpha1.Subnet{lan},
			routes:  []v1alpha1.Route{{To: "0.0.0.0/0", Via: "192.168.10.2"}},
			wrong:   "second default route beside the gateway 192.168.10.1",
		},
		"a second default route with a metric": {
			subnets: []v1alpha1.Subnet{lan},
			routes:  []v1alpha1.Route{{To: "0.0.0.0/0", Via: "192.168.10.2", Metric: ptr.To(int32(500))}},
		},
		"default routes of different families": {
			subnets: []v1alpha1.Subnet{lan, {CIDR: "fd00:10::/64"}},
			routes:  []v1alpha1.Route{{To: "::/0", Via: "fd00:10::2"}},
		},
		"not a destination": {routes: []v1alpha1.Route{{To: "10.0.0.0", Via: "10.0.0.1"}},
			wrong: "10.0.0.0 is not a network"},
		"not a next hop": {routes: []v1alpha1.Route{{To: "10.0.0.0/8", Via: "router"}},
			wrong: "router of 10.0.0.0/8 is not an IP address"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := checkAddressing(&v1alpha1.WukongNetworkSpec{Subnets: test.subnets, Routes: test.routes})
			if test.wrong == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.wrong)
			}
		})
	}
}
