package addressing

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestUsableRoutes(t *testing.T) {
	two := func() *v1alpha1.WukongNetwork {
		return office("192.168.7.0/24", "", "192.168.8.0/24", "", "fd00:7::/64", "")
	}
	cases := map[string]struct {
		network   *v1alpha1.WukongNetwork
		addresses []v1alpha1.InterfaceAddress
		// wanted are the destinations.
		wanted  []string
		invalid string
	}{
		"beside an address": {network: withRoutes(two(), "10.0.0.0/8", "192.168.7.2"),
			addresses: []v1alpha1.InterfaceAddress{"192.168.7.5"}, wanted: []string{"10.0.0.0/8"}},
		"beside another machine's address only": {network: withRoutes(two(), "10.0.0.0/8", "192.168.8.2"),
			addresses: []v1alpha1.InterfaceAddress{"192.168.7.5"}},
		"only those of use": {
			network:   withRoutes(two(), "10.0.0.0/8", "192.168.8.2", "172.16.0.0/12", "192.168.7.2"),
			addresses: []v1alpha1.InterfaceAddress{"192.168.7.5"}, wanted: []string{"172.16.0.0/12"},
		},
		"link-local next hop": {network: withRoutes(two(), "fd99::/48", "fe80::1"),
			addresses: []v1alpha1.InterfaceAddress{"fd00:7::5"}, wanted: []string{"fd99::/48"}},
		"by DHCP nobody knows": {network: withRoutes(two(), "10.0.0.0/8", "172.20.0.1"),
			wanted: []string{"10.0.0.0/8"}},
		"beside nobody": {network: withRoutes(two(), "10.0.0.0/8", "172.20.0.1"),
			addresses: []v1alpha1.InterfaceAddress{"192.168.7.5"},
			invalid: "route to 10.0.0.0/8 of WukongNetwork office: next hop 172.20.0.1 is on no subnet of the " +
				"network and not beside 192.168.7.5/24; correct it, or add the subnet"},
		"families mixed": {network: withRoutes(two(), "10.0.0.0/8", "fd00:7::2"),
			invalid: "route to 10.0.0.0/8 via fd00:7::2 of WukongNetwork office mixes IPv4 and IPv6; use a next hop " +
				"of the same family"},
		"no network": {network: withRoutes(two(), "default", "192.168.7.2"),
			invalid: "route to default via 192.168.7.2 of WukongNetwork office is not of the form 10.20.0.0/16 via " +
				"192.168.7.2; correct it"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			resolved, err := Resolve(lan(test.addresses...), test.network, macAddress, nil)
			if test.invalid != "" {
				var invalid *InvalidError
				require.ErrorAs(t, err, &invalid)
				assert.Equal(t, test.invalid, err.Error())
				return
			}
			require.NoError(t, err)
			var found []string
			for _, route := range resolved.Routes {
				found = append(found, route.To)
			}
			assert.Equal(t, test.wanted, found)
		})
	}
}
