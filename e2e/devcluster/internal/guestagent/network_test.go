package guestagent

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rendered is the shape of what Wukong writes:
// controllers/wukongvm/internal/cloudinit/testdata/networks.network-config.
const rendered = `version: 2
ethernets:
  default:
    match:
      macaddress: "02:00:00:00:00:01"
    dhcp4: true
    dhcp4-overrides:
      route-metric: 100
    dhcp6: false
  office:
    match:
      macaddress: "02:00:00:00:00:02"
    dhcp4: false
    dhcp6: false
    mtu: 1400
    addresses:
      - "192.168.7.5/24"
      - "fd00:7::5/64"
    routes:
      - to: "0.0.0.0/0"
        via: "192.168.7.1"
        metric: 2200
      - to: "::/0"
        via: "fd00:7::1"
    nameservers:
      addresses:
        - "192.168.7.1"
        - "fd00:7::1"
      search:
        - example.org
  span:
    match:
      macaddress: "02:00:00:00:00:0d"
    dhcp4: false
    dhcp6: false
    optional: true
`

func TestNetworkAsWukongRendersIt(t *testing.T) {
	t.Parallel()
	parsed, err := parseNetwork([]byte(rendered))
	require.NoError(t, err)
	assert.Equal(t, plan{dhcp4: true, metric: 100}, parsed.planFor("eth0", "02:00:00:00:00:01"))
	assert.Equal(t, plan{
		mtu:       1400,
		addresses: []netip.Prefix{netip.MustParsePrefix("192.168.7.5/24"), netip.MustParsePrefix("fd00:7::5/64")},
		routes: []plannedRoute{
			{to: netip.MustParsePrefix("0.0.0.0/0"), via: netip.MustParseAddr("192.168.7.1"), metric: 2200},
			{to: netip.MustParsePrefix("::/0"), via: netip.MustParseAddr("fd00:7::1")},
		},
		resolver: "search example.org\nnameserver 192.168.7.1\nnameserver fd00:7::1\n",
	}, parsed.planFor("eth1", "02:00:00:00:00:02"))
	assert.Equal(t, plan{}, parsed.planFor("eth2", "02:00:00:00:00:0d"), "no address and no DHCP")
	assert.Equal(t, plan{dhcp4: true}, parsed.planFor("eth3", "02:00:00:00:00:0e"), "one that is not named")
}

func TestNetworkAsPeopleWriteIt(t *testing.T) {
	t.Parallel()
	parsed, err := parseNetwork([]byte(`network:
  version: 2
  ethernets:
    eth0:
      dhcp6: true
    rest:
      match: {name: "eth[12]"}
      addresses: [10.0.0.2/24]
      gateway4: 10.0.0.1
      gateway6: fd00::1
      accept-ra: true
      routes: [{to: default, via: 10.0.0.3, metric: 5, on-link: true}]
    upper:
      match: {macaddress: "02:00:00:AA:00:01"}
      mtu: 9000
`))
	require.NoError(t, err)
	assert.Equal(t, plan{dhcp6: true, acceptRA: true}, parsed.planFor("eth0", "02:00:00:00:00:01"))
	rest := parsed.planFor("eth2", "02:00:00:00:00:01")
	assert.True(t, rest.acceptRA)
	assert.Equal(t, []plannedRoute{
		{to: netip.MustParsePrefix("0.0.0.0/0"), via: netip.MustParseAddr("10.0.0.3"), metric: 5, onLink: true},
		{to: netip.MustParsePrefix("0.0.0.0/0"), via: netip.MustParseAddr("10.0.0.1")},
		{to: netip.MustParsePrefix("::/0"), via: netip.MustParseAddr("fd00::1")},
	}, rest.routes)
	assert.Equal(t, plan{mtu: 9000}, parsed.planFor("eth9", "02:00:00:aa:00:01"))
}

func TestNetworkThatIsEmptyOrWrong(t *testing.T) {
	t.Parallel()
	parsed, err := parseNetwork(nil)
	require.NoError(t, err)
	assert.Equal(t, plan{dhcp4: true}, parsed.planFor("eth0", "02:00:00:00:00:01"))
	for document, message := range map[string]string{
		"version: 1\n":                                                             "knows version 2",
		"version: 2\nbonds: {}\n":                                                  "bonds",
		"network:\n  version: 2\n  vlans: {}\n":                                    "vlans",
		"version: 2\nethernets: {a: {set-name: b}}\n":                              "set-name",
		"version: 2\nethernets: {a: {addresses: [10.0.0.1]}}\n":                    "ethernets.a: address",
		"version: 2\nethernets: {a: {routes: [{to: 10.0.0.0/8, via: x}]}}\n":       "route to",
		"version: 2\nethernets: {a: {routes: [{to: '::/0', via: 10.0.0.1}]}}\n":    "the other IPv6",
		"version: 2\nethernets: {a: {routes: [{to: somewhere, via: 10.0.0.1}]}}\n": "route to",
		"version: 2\nethernets: {a: {gateway4: none}}\n":                           "none",
	} {
		_, err := parseNetwork([]byte(document))
		assert.ErrorContains(t, err, message, document)
	}
}
