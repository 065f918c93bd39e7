package addressing

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
)

const macAddress = "02:00:00:00:00:01"

// office is a network with alternating subnets and gateways.
func office(cidrsAndGateways ...string) *v1alpha1.WukongNetwork {
	network := &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Name: "office"},
		Spec:       v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge},
	}
	for i := 0; i < len(cidrsAndGateways); i += 2 {
		network.Spec.Subnets = append(network.Spec.Subnets,
			v1alpha1.Subnet{CIDR: cidrsAndGateways[i], Gateway: cidrsAndGateways[i+1]})
	}
	return network
}

// withRoutes adds routes, alternating destinations and next hops.
func withRoutes(network *v1alpha1.WukongNetwork, toAndVia ...string) *v1alpha1.WukongNetwork {
	for i := 0; i < len(toAndVia); i += 2 {
		network.Spec.Routes = append(network.Spec.Routes, v1alpha1.Route{To: toAndVia[i], Via: toAndVia[i+1]})
	}
	return network
}

// lan is an interface with static addresses.
func lan(addresses ...v1alpha1.InterfaceAddress) *v1alpha1.VMNetwork {
	return &v1alpha1.VMNetwork{
		Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "office"}, Addresses: addresses,
	}
}

func prefixes(texts ...string) []netip.Prefix {
	var parsed []netip.Prefix
	for _, text := range texts {
		parsed = append(parsed, netip.MustParsePrefix(text))
	}
	return parsed
}

func addresses(texts ...string) []netip.Addr {
	var parsed []netip.Addr
	for _, text := range texts {
		parsed = append(parsed, netip.MustParseAddr(text))
	}
	return parsed
}

func TestResolveStaticAddresses(t *testing.T) {
	cases := map[string]struct {
		network   *v1alpha1.WukongNetwork
		addresses []v1alpha1.InterfaceAddress
		wanted    []netip.Prefix
		gateways  []netip.Addr
	}{
		"the subnet gives the length": {
			network: office("192.168.7.0/24", ""), addresses: []v1alpha1.InterfaceAddress{"192.168.7.5"},
			wanted: prefixes("192.168.7.5/24"),
		},
		"the length of the subnet, said twice": {
			network: office("192.168.7.0/24", ""), addresses: []v1alpha1.InterfaceAddress{"192.168.7.5/24"},
			wanted: prefixes("192.168.7.5/24"),
		},
		"without subnets the address gives it": {
			network: office(), addresses: []v1alpha1.InterfaceAddress{"192.168.7.5/28"},
			wanted: prefixes("192.168.7.5/28"),
		},
		"gateways of the subnets that the addresses lie in, each once": {
			network: office("10.0.0.0/16", "10.0.0.1", "10.1.0.0/16", "10.1.0.1", "fd00:7::/64", "fd00:7::1",
				"10.2.0.0/16", ""),
			addresses: []v1alpha1.InterfaceAddress{"fd00:7::5", "10.0.0.5", "10.0.0.6", "10.2.0.5"},
			wanted:    prefixes("fd00:7::5/64", "10.0.0.5/16", "10.0.0.6/16", "10.2.0.5/16"),
			gateways:  addresses("fd00:7::1", "10.0.0.1"),
		},
		"the narrowest of nested subnets": {
			network:   office("10.0.0.0/8", "10.0.0.1", "10.9.0.0/16", "10.9.0.1"),
			addresses: []v1alpha1.InterfaceAddress{"10.9.0.5"},
			wanted:    prefixes("10.9.0.5/16"), gateways: addresses("10.9.0.1"),
		},
		"a subnet of two addresses has no network and broadcast address (RFC 3021)": {
			network: office("10.0.0.0/31", ""), addresses: []v1alpha1.InterfaceAddress{"10.0.0.0", "10.0.0.1"},
			wanted: prefixes("10.0.0.0/31", "10.0.0.1/31"),
		},
		"one address": {
			network: office(), addresses: []v1alpha1.InterfaceAddress{"10.0.0.0/32", "fd00::/128"},
			wanted: prefixes("10.0.0.0/32", "fd00::/128"),
		},
		"IPv6 has no broadcast address": {
			network: office("fd00::/120", ""), addresses: []v1alpha1.InterfaceAddress{"fd00::ff"},
			wanted: prefixes("fd00::ff/120"),
		},
		"an end of a byte is no end of the subnet": {
			network: office("10.0.0.0/22", ""), addresses: []v1alpha1.InterfaceAddress{"10.0.0.255", "10.0.1.0"},
			wanted: prefixes("10.0.0.255/22", "10.0.1.0/22"),
		},
		"link-local": {
			network: office(), addresses: []v1alpha1.InterfaceAddress{"169.254.7.5/16", "fe80::5/64"},
			wanted: prefixes("169.254.7.5/16", "fe80::5/64"),
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			resolved, err := Resolve(lan(test.addresses...), test.network, macAddress, nil)
			require.NoError(t, err)
			assert.Equal(t, cloudinit.Interface{
				Name: "lan", MACAddress: macAddress, Mode: v1alpha1.AddressStatic, Addresses: test.wanted,
				Gateways: test.gateways,
			}, resolved)
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	const way = " of network lan "
	cases := map[string]struct {
		network   *v1alpha1.WukongNetwork
		addresses []v1alpha1.InterfaceAddress
		wanted    string
	}{
		"outside": {office("192.168.7.0/24", ""), []v1alpha1.InterfaceAddress{"10.0.0.5"},
			"address 10.0.0.5 of network lan lies in none of the subnets of WukongNetwork office: 192.168.7.0/24; " +
				"use an address inside, or add the subnet"},
		"outside of several": {office("192.168.7.0/24", "", "fd00::/64", ""),
			[]v1alpha1.InterfaceAddress{"10.0.0.5/24"},
			"address 10.0.0.5/24" + way + "lies in none of the subnets of WukongNetwork office: 192.168.7.0/24, " +
				"fd00::/64; use an address inside, or add the subnet"},
		"no length": {office(), []v1alpha1.InterfaceAddress{"10.0.0.5"},
			"address 10.0.0.5" + way + "has no prefix length, and WukongNetwork office lists no subnets; write it " +
				"with its length, such as /24, or add the subnet"},
		"another length": {office("192.168.7.0/24", ""), []v1alpha1.InterfaceAddress{"192.168.7.5/25"},
			"address 192.168.7.5/25" + way +
				"has another prefix length than its subnet 192.168.7.0/24; leave the length out"},
		"the network address": {office("192.168.7.0/24", ""), []v1alpha1.InterfaceAddress{"192.168.7.0"},
			"address 192.168.7.0" + way + "is the address of the network 192.168.7.0/24 itself; use one of a host"},
		"the network address of IPv6": {office(), []v1alpha1.InterfaceAddress{"fd00::/64"},
			"address fd00::/64" + way + "is the address of the network fd00::/64 itself; use one of a host"},
		"the broadcast address": {office(), []v1alpha1.InterfaceAddress{"10.0.3.255/22"},
			"address 10.0.3.255/22" + way + "is the broadcast address of 10.0.0.0/22; use one of a host"},
		"the gateway": {office("192.168.7.0/24", "192.168.7.1"), []v1alpha1.InterfaceAddress{"192.168.7.1"},
			"address 192.168.7.1" + way + "is the gateway of subnet 192.168.7.0/24; use another"},
		"twice": {office("192.168.7.0/24", ""), []v1alpha1.InterfaceAddress{"192.168.7.5", "192.168.7.5/24"},
			"address 192.168.7.5/24" + way + "is listed twice; list it once"},
		"loopback": {office(), []v1alpha1.InterfaceAddress{"127.0.0.5/8"},
			"address 127.0.0.5/8" + way + "is not an address of a host; use another"},
		"multicast": {office(), []v1alpha1.InterfaceAddress{"ff02::1/64"},
			"address ff02::1/64" + way + "is not an address of a host; use another"},
		"unspecified": {office(), []v1alpha1.InterfaceAddress{"0.0.0.0/0"},
			"address 0.0.0.0/0" + way + "is not an address of a host; use another"},
		"IPv4 in IPv6": {office(), []v1alpha1.InterfaceAddress{"::ffff:10.0.0.5"},
			"address ::ffff:10.0.0.5" + way + "is not an IP address; write 192.168.7.5 or 192.168.7.5/24"},
		"a zone": {office(), []v1alpha1.InterfaceAddress{"fe80::5%eth0"},
			"address fe80::5%eth0" + way + "is not an IP address; write 192.168.7.5 or 192.168.7.5/24"},
		"a word": {office(), []v1alpha1.InterfaceAddress{"router"},
			"address router" + way + "is not an IP address; write 192.168.7.5 or 192.168.7.5/24"},
		"a subnet that is none": {office("192.168.7.0", ""), []v1alpha1.InterfaceAddress{"10.0.0.5/24"},
			"subnet 192.168.7.0 of WukongNetwork office is not a network with prefix length, such as 192.168.7.0/24; " +
				"correct it"},
		"a gateway outside": {office("192.168.7.0/24", "10.0.0.1"), []v1alpha1.InterfaceAddress{"10.0.0.5/24"},
			"gateway 10.0.0.1 of WukongNetwork office is not an address in subnet 192.168.7.0/24; correct it"},
		"all that is wrong at once": {office("192.168.7.0/24", "192.168.7.1"),
			[]v1alpha1.InterfaceAddress{"192.168.7.255", "192.168.7.5", "192.168.7.1"},
			"address 192.168.7.255" + way + "is the broadcast address of 192.168.7.0/24; use one of a host. " +
				"address 192.168.7.1" + way + "is the gateway of subnet 192.168.7.0/24; use another"},
		"Static without addresses": {office("192.168.7.0/24", ""), nil,
			"network lan has addressMode Static and no addresses; list them, or leave out addressMode"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			spec := lan(test.addresses...)
			spec.AddressMode = v1alpha1.AddressStatic
			_, err := Resolve(spec, test.network, macAddress, nil)
			var invalid *InvalidError
			require.ErrorAs(t, err, &invalid)
			assert.Equal(t, "lan", invalid.Interface)
			assert.Equal(t, test.wanted, err.Error())
		})
	}
}

func TestResolveByMode(t *testing.T) {
	full := withRoutes(office("192.168.7.0/24", "192.168.7.1"), "10.20.0.0/16", "192.168.7.2")
	full.Spec.MTU = new(int32(1400))
	full.Spec.DNS = &v1alpha1.DNS{Nameservers: []v1alpha1.IPAddress{"192.168.7.1"}}
	t.Run("Static has it all", func(t *testing.T) {
		resolved, err := Resolve(lan("192.168.7.5"), full, macAddress, nil)
		require.NoError(t, err)
		assert.Equal(t, cloudinit.Interface{
			Name: "lan", MACAddress: macAddress, Mode: v1alpha1.AddressStatic, Addresses: prefixes("192.168.7.5/24"),
			Gateways: addresses("192.168.7.1"), Routes: full.Spec.Routes, DNS: full.Spec.DNS, MTU: full.Spec.MTU,
		}, resolved)
	})
	t.Run("DHCP leaves gateway and resolvers to the server", func(t *testing.T) {
		resolved, err := Resolve(lan(), full, macAddress, nil)
		require.NoError(t, err)
		assert.Equal(t, cloudinit.Interface{
			Name: "lan", MACAddress: macAddress, Mode: v1alpha1.AddressDHCP, Routes: full.Spec.Routes,
			MTU: full.Spec.MTU,
		}, resolved)
	})
	t.Run("None has only the MTU", func(t *testing.T) {
		spec := lan()
		spec.AddressMode = v1alpha1.AddressNone
		resolved, err := Resolve(spec, full, macAddress, nil)
		require.NoError(t, err)
		assert.Equal(t,
			cloudinit.Interface{Name: "lan", MACAddress: macAddress, Mode: v1alpha1.AddressNone, MTU: full.Spec.MTU},
			resolved)
	})
}

func TestResolvePodNetwork(t *testing.T) {
	podType := office()
	podType.Spec.Type = v1alpha1.NetworkTypePod
	for name, network := range map[string]*v1alpha1.WukongNetwork{"without an object": nil, "of type Pod": podType} {
		t.Run(name, func(t *testing.T) {
			resolved, err := Resolve(lan(), network, macAddress, nil)
			require.NoError(t, err)
			assert.Equal(t, cloudinit.Interface{Name: "lan", MACAddress: macAddress, Mode: v1alpha1.AddressDHCP},
				resolved)

			_, err = Resolve(lan("10.0.0.5/24"), network, macAddress, nil)
			var invalid *InvalidError
			require.ErrorAs(t, err, &invalid)
			assert.Contains(t, err.Error(), "interface lan is on the pod network")
		})
	}
}

func TestDistinct(t *testing.T) {
	one := cloudinit.Interface{Name: "one", Addresses: prefixes("10.0.0.5/24", "fd00::5/64")}
	two := cloudinit.Interface{Name: "two", Addresses: prefixes("10.0.0.6/24")}
	assert.NoError(t, Distinct([]cloudinit.Interface{one, two, {Name: "three"}}))
	two.Addresses = prefixes("10.0.0.5/16")
	err := Distinct([]cloudinit.Interface{one, two})
	var invalid *InvalidError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, "address 10.0.0.5 of network two is also that of network one; give each interface its own",
		err.Error())
}
