package nmstatestandin

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/novasphere/wukong/e2e/devcluster/internal/netlab"
)

// guest is a host with an address, on a bridge of a node.
func guest(t *testing.T, node *netlab.Host, bridge, name, cidr string) *netlab.Host {
	t.Helper()
	h := netlab.New(t)
	netlab.Cable(t, node, name, h, "eth0")
	node.Do(func() error {
		port, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		master, err := netlink.LinkByName(bridge)
		if err != nil {
			return err
		}
		return errors.Join(netlink.LinkSetMaster(port, master), netlink.LinkSetUp(port))
	})
	h.Address("eth0", cidr)
	return h
}

func applyOn(node *netlab.Host, text string) {
	node.Do(func() error { return Apply([]byte(text)) })
}

const (
	blue = "interfaces: [{name: eth1.100, type: vlan, state: up, vlan: {base-iface: eth1, id: 100}}, " +
		"{name: br-blue, type: linux-bridge, state: up, bridge: {options: {stp: {enabled: false}}, port: [{name: " +
		"eth1.100, vlan: {}}]}}]"
	green = "interfaces: [{name: eth1.200, type: vlan, state: up, vlan: {base-iface: eth1, id: 200}}, " +
		"{name: br-green, type: linux-bridge, state: up, bridge: {port: [{name: eth1.200}]}}]"
	noBlue = "interfaces: [{name: br-blue, type: linux-bridge, state: absent}, " +
		"{name: eth1.100, type: vlan, state: absent}]"
)

// TestVLANsOverACable: what is in one VLAN reaches the same VLAN of another node, in frames of any size, and no other
// VLAN; it goes without a trace.
func TestVLANsOverACable(t *testing.T) {
	one, two := netlab.New(t), netlab.New(t)
	netlab.Cable(t, one, "eth1", two, "eth1")
	for _, node := range []*netlab.Host{one, two} {
		applyOn(node, blue)
		applyOn(node, green)
		applyOn(node, blue)
	}
	here := guest(t, one, "br-blue", "g1", "10.0.0.1/24")
	there := guest(t, two, "br-blue", "g2", "10.0.0.2/24")
	stranger := guest(t, two, "br-green", "g3", "10.0.0.3/24")
	other := guest(t, one, "br-green", "g4", "10.0.0.4/24")
	assert.True(t, netlab.Reaches(t, here, there, "10.0.0.2", 7, 100))
	assert.True(t, netlab.Reaches(t, here, there, "10.0.0.2", 7, 1472), "the largest that fits into 1500 bytes")
	assert.True(t, netlab.Reaches(t, other, stranger, "10.0.0.3", 7, 1472))
	assert.False(t, netlab.Reaches(t, here, stranger, "10.0.0.3", 7, 100))
	assert.False(t, netlab.Reaches(t, other, there, "10.0.0.2", 7, 100))

	applyOn(two, noBlue)
	assert.False(t, netlab.Reaches(t, here, there, "10.0.0.2", 7, 100))
	assert.True(t, netlab.Reaches(t, other, stranger, "10.0.0.3", 7, 100), "the other VLAN stays")
	two.Do(func() error {
		links, err := netlink.LinkList()
		var names []string
		for _, link := range links {
			names = append(names, link.Attrs().Name)
		}
		assert.NotContains(t, names, "br-blue")
		assert.NotContains(t, names, "eth1.100")
		base, found := netlink.LinkByName("eth1")
		require.NoError(t, found)
		filters, found := netlink.FilterList(base, netlink.HANDLE_MIN_INGRESS)
		require.NoError(t, found)
		assert.LessOrEqual(t, len(filters), 1, "the filter of VLAN 100 is gone")
		return err
	})
	applyOn(two, noBlue)
	applyOn(two, blue)
	assert.Contains(t, reported(t, two), "name: eth1.100")
}

func reported(t *testing.T, node *netlab.Host) string {
	t.Helper()
	var text []byte
	node.Do(func() (err error) {
		text, err = Report()
		return err
	})
	return string(text)
}

func TestReport(t *testing.T) {
	one, two := netlab.New(t), netlab.New(t)
	netlab.Cable(t, one, "eth1", two, "eth1")
	applyOn(one, blue)
	guest(t, one, "br-blue", "g1", "10.0.0.1/24")
	text := reported(t, one)
	assert.Contains(t, text, "- bridge:\n    port:\n    - name: eth1.100\n    - name: g1\n")
	assert.Contains(t, text, "controller: br-blue")
	one.Do(func() error {
		link, err := netlink.LinkByName("eth1")
		require.NoError(t, err)
		given, err := netlink.ParseAddr("10.9.0.5/24")
		require.NoError(t, err)
		return netlink.AddrAdd(link, given)
	})
	assert.Contains(t, reported(t, one), "- ip: 10.9.0.5\n      prefix-length: 24")
}

func TestWhatCannotBeDoneIsSaid(t *testing.T) {
	node := netlab.New(t)
	for text, told := range map[string]string{
		"interfaces: [{name: bond0, type: bond, " +
			"state: up}]": "interface bond0 of type bond, state up: not supported by this stand-in",
		"interfaces: [{name: br0, type: linux-bridge, state: up, ipv4: {dhcp: true}, bridge: " +
			"{port: []}}]": "addresses of interface br0: not supported",
		"interfaces: [{name: br0, type: linux-bridge, state: up, bridge: {port: [{name: " +
			"eth7}]}}]": "port eth7 of bridge br0 does not exist",
		"interfaces: [{name: eth7.1, type: vlan, state: up, vlan: {base-iface: eth7, id: 1}}]": "base interface eth7",
		"interfaces: [{name: eth7, type: ethernet, state: up, " +
			"mtu: 9000}]": "interface eth7: it does not exist",
		"interfaces: [{name: br0, type: linux-bridge, state: up}]": "lacks its section",
		"interfaces: yes": "read the desired state",
	} {
		node.Do(func() error {
			assert.ErrorContains(t, Apply([]byte(text)), told)
			return nil
		})
	}
}
