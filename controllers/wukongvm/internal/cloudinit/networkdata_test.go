package cloudinit

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Hardware addresses of three interfaces.
const mac1, mac2, mac3 = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"

func TestEthernetByMode(t *testing.T) {
	extra := []v1alpha1.Route{{To: "10.20.0.0/16", Via: "192.168.7.2", Metric: new(int32(50))}}
	dns := &v1alpha1.DNS{
		Nameservers: []v1alpha1.IPAddress{"192.168.7.1"}, Searches: []v1alpha1.DomainName{"example.org"},
	}
	cases := map[string]struct {
		spec   Interface
		wanted ethernet
	}{
		"DHCP": {
			spec:   Interface{Name: "lan", MACAddress: "02:AB:00:00:00:0F", Mode: v1alpha1.AddressDHCP},
			wanted: ethernet{Match: match{MACAddress: "02:ab:00:00:00:0f"}, DHCP4: true},
		},
		"DHCP with routes and MTU; resolvers are the server's": {
			spec: Interface{Name: "lan", MACAddress: mac1, Mode: v1alpha1.AddressDHCP, Routes: extra,
				DNS: nil, MTU: new(int32(9000))},
			wanted: ethernet{Match: match{MACAddress: mac1}, DHCP4: true, MTU: new(int32(9000)),
				Routes: []route{{To: "10.20.0.0/16", Via: "192.168.7.2", Metric: new(int32(50))}}},
		},
		"None gets nothing, and boot does not wait for it": {
			spec: Interface{Name: "lan", MACAddress: mac1, Mode: v1alpha1.AddressNone, Routes: extra,
				DNS: dns, MTU: new(int32(9000))},
			wanted: ethernet{Match: match{MACAddress: mac1}, Optional: true, MTU: new(int32(9000))},
		},
		"Static": {
			spec: func() Interface {
				made := static("lan", mac1, "fd00:7::5/64,192.168.7.5/24,192.168.8.5/24",
					"fd00:7::1,192.168.7.1,192.168.8.1")
				made.Routes, made.DNS = extra, dns
				return made
			}(),
			wanted: ethernet{
				Match:     match{MACAddress: mac1},
				Addresses: []text{"192.168.7.5/24", "192.168.8.5/24", "fd00:7::5/64"},
				Routes: []route{
					{To: "0.0.0.0/0", Via: "192.168.7.1"},
					{To: "::/0", Via: "fd00:7::1"},
					{To: "10.20.0.0/16", Via: "192.168.7.2", Metric: new(int32(50))},
				},
				Nameservers: &nameservers{Addresses: []text{"192.168.7.1"}, Search: []text{"example.org"}},
			},
		},
		"a route that the gateway gives already": {
			spec: func() Interface {
				made := static("lan", mac1, "192.168.7.5/24", "192.168.7.1")
				made.Routes = []v1alpha1.Route{{To: "0.0.0.0/0", Via: "192.168.7.1", Metric: new(int32(9))},
					{To: "0.0.0.0/0", Via: "192.168.7.9"}}
				return made
			}(),
			wanted: ethernet{Match: match{MACAddress: mac1}, Addresses: []text{"192.168.7.5/24"},
				Routes: []route{{To: "0.0.0.0/0", Via: "192.168.7.1"}, {To: "0.0.0.0/0", Via: "192.168.7.9"}}},
		},
		"no resolvers": {
			spec: func() Interface {
				made := static("lan", mac1, "192.168.7.5/24", "")
				made.DNS = &v1alpha1.DNS{}
				return made
			}(),
			wanted: ethernet{Match: match{MACAddress: mac1}, Addresses: []text{"192.168.7.5/24"}},
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			parsed := renderNetwork(t, test.spec)
			assert.Equal(t, 2, parsed.Version)
			assert.Equal(t, map[text]ethernet{"lan": test.wanted}, parsed.Ethernets)
		})
	}
}

func TestOneDefaultRouteWins(t *testing.T) {
	metric := func(value int32) *int32 { return &value }
	cases := map[string]struct {
		interfaces []Interface
		// dhcp, ipv4 and ipv6 are the expected metrics by interface.
		dhcp, ipv4, ipv6 map[string]*int32
		without          []string
	}{
		"one interface needs no metric": {
			interfaces: []Interface{static("a", mac1, "10.0.0.5/24,fd00::5/64", "10.0.0.1,fd00::1")},
			ipv4:       map[string]*int32{"a": nil}, ipv6: map[string]*int32{"a": nil},
		},
		"an interface without gateway does not count": {
			interfaces: []Interface{static("a", mac1, "10.0.0.5/24", ""), dhcp("b", mac2)},
			dhcp:       map[string]*int32{"b": nil},
		},
		"static after DHCP loses to every client": {
			interfaces: []Interface{dhcp("a", mac1), static("b", mac2, "10.0.0.5/24", "10.0.0.1")},
			dhcp:       map[string]*int32{"a": metric(100)}, ipv4: map[string]*int32{"b": metric(2200)},
		},
		"static before DHCP beats every client": {
			interfaces: []Interface{static("a", mac1, "10.0.0.5/24", "10.0.0.1"), dhcp("b", mac2)},
			dhcp:       map[string]*int32{"b": metric(200)}, ipv4: map[string]*int32{"a": metric(1)},
		},
		"several static": {
			interfaces: []Interface{static("a", mac1, "10.0.0.5/24", "10.0.0.1"),
				static("b", mac2, "10.1.0.5/24", "10.1.0.1"),
				static("c", mac3, "10.2.0.5/24", "10.2.0.1")},
			ipv4: map[string]*int32{"a": metric(1), "b": metric(2), "c": metric(3)},
		},
		"several DHCP": {
			interfaces: []Interface{dhcp("a", mac1), dhcp("b", mac2)},
			dhcp:       map[string]*int32{"a": metric(100), "b": metric(200)},
		},
		"families do not mix": {
			interfaces: []Interface{static("a", mac1, "10.0.0.5/24", "10.0.0.1"),
				static("b", mac2, "fd00::5/64", "fd00::1")},
			ipv4: map[string]*int32{"a": nil}, ipv6: map[string]*int32{"b": nil},
		},
		"a later IPv6 gateway": {
			interfaces: []Interface{static("a", mac1, "fd00::5/64", "fd00::1"),
				static("b", mac2, "fd01::5/64", "fd01::1")},
			ipv6: map[string]*int32{"a": nil, "b": metric(2200)},
		},
		"a later IPv6 gateway beside IPv4 is left out": {
			interfaces: []Interface{static("a", mac1, "fd00::5/64", "fd00::1"),
				static("b", mac2, "10.0.0.5/24,fd01::5/64", "10.0.0.1,fd01::1")},
			ipv4: map[string]*int32{"b": nil}, ipv6: map[string]*int32{"a": nil}, without: []string{"b"},
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			for interfaceName, device := range renderNetwork(t, test.interfaces...).Ethernets {
				if wanted := test.dhcp[string(interfaceName)]; wanted == nil {
					assert.Nil(t, device.DHCP4Override)
				} else {
					assert.Equal(t, &dhcpOverrides{RouteMetric: *wanted}, device.DHCP4Override)
				}
				ipv4, ipv6 := 0, 0
				for _, made := range device.Routes {
					switch made.To {
					case "0.0.0.0/0":
						ipv4++
						assert.Equal(t, test.ipv4[string(interfaceName)], made.Metric)
					case "::/0":
						ipv6++
						assert.Equal(t, test.ipv6[string(interfaceName)], made.Metric)
					}
				}
				_, wanted4 := test.ipv4[string(interfaceName)]
				_, wanted6 := test.ipv6[string(interfaceName)]
				assert.Equal(t, wanted4, ipv4 == 1)
				assert.Equal(t, wanted6, ipv6 == 1)
			}
		})
	}
}

func TestNetworkThatCannotBe(t *testing.T) {
	bad := func(route v1alpha1.Route) Interface {
		made := dhcp("lan", mac1)
		made.Routes = []v1alpha1.Route{route}
		return made
	}
	cases := map[string]struct {
		interfaces []Interface
		wanted     string
	}{
		"two interfaces of one address": {
			interfaces: []Interface{dhcp("a", "02:00:00:00:00:0A"), dhcp("b", "02:00:00:00:00:0a")},
			wanted: "spec.networks[b].macAddress: interface a has the same address 02:00:00:00:00:0a; give each " +
				"its own",
		},
		"a destination that is none": {interfaces: []Interface{bad(v1alpha1.Route{To: "default", Via: "10.0.0.1"})},
			wanted: "route to default of interface lan"},
		"a next hop that is none": {interfaces: []Interface{bad(v1alpha1.Route{To: "10.0.0.0/8", Via: "router"})},
			wanted: "via router is not an IP address"},
		"a mode that is none": {interfaces: []Interface{{Name: "lan", MACAddress: mac1}},
			wanted: "use DHCP, Static or None"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Render(Inputs{VM: newVM(nil), Interfaces: test.interfaces})
			var invalid *SpecInvalidError
			require.ErrorAs(t, err, &invalid)
			assert.Contains(t, err.Error(), test.wanted)
		})
	}
}
