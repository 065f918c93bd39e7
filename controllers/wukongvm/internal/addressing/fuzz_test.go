package addressing

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// FuzzResolve: whatever is written, the answer is an error that names it, or addresses that a guest can have.
func FuzzResolve(f *testing.F) {
	f.Add("192.168.7.5", "192.168.7.6/24", "192.168.7.0/24", "192.168.7.1", "10.0.0.0/8", "192.168.7.2")
	f.Add("10.0.0.5", "fd00::5", "fd00::/64", "fd00::1", "::/0", "fd00::2")
	f.Add("10.0.0.0/31", "10.0.0.1/31", "10.0.0.0/31", "", "0.0.0.0/0", "10.0.0.0")
	f.Add("10.0.0.5/8", "10.0.0.5", "", "", "", "")
	f.Add("0.0.0.0/0", "255.255.255.255/0", "0.0.0.0/0", "0.0.0.0", "", "")
	f.Fuzz(func(t *testing.T, one, two, cidr, gateway, to, via string) {
		network := office()
		if cidr != "" {
			network = office(cidr, gateway)
		}
		if to != "" {
			withRoutes(network, to, via)
		}
		spec := lan(v1alpha1.InterfaceAddress(one), v1alpha1.InterfaceAddress(two))
		resolved, err := Resolve(spec, network, macAddress, nil)
		if err != nil {
			var invalid *InvalidError
			require.ErrorAs(t, err, &invalid)
			assert.NotEmpty(t, invalid.Problems)
			return
		}
		require.Len(t, resolved.Addresses, 2)
		assert.NotEqual(t, resolved.Addresses[0].Addr(), resolved.Addresses[1].Addr())
		for _, address := range resolved.Addresses {
			assertHost(t, address)
			assert.NotContains(t, resolved.Gateways, address.Addr())
			if cidr != "" {
				assert.Equal(t, netip.MustParsePrefix(cidr).Masked(), address.Masked())
			}
		}
		for _, found := range resolved.Gateways {
			assert.True(t, contains(resolved.Addresses, found), "a gateway beside an address")
		}
		for _, route := range resolved.Routes {
			hop := netip.MustParseAddr(route.Via)
			assert.True(t, contains(resolved.Addresses, hop) || hop.IsLinkLocalUnicast(),
				"a next hop beside an address")
		}
	})
}

func assertHost(t *testing.T, address netip.Prefix) {
	t.Helper()
	assert.True(t, address.IsValid())
	assert.False(t, address.Addr().IsMulticast() || address.Addr().IsLoopback() || address.Addr().IsUnspecified())
	if address.Bits() >= address.Addr().BitLen()-1 {
		return
	}
	assert.NotEqual(t, address.Masked().Addr(), address.Addr(), "the network itself")
	assert.True(t, address.Contains(address.Addr().Next()) || address.Addr().Is6(), "the broadcast address")
}
