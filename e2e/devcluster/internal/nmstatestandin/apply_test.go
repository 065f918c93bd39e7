package nmstatestandin

import (
	"errors"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// host is a network namespace of one test, in place of a node or a guest.
type host struct {
	t      *testing.T
	handle netns.NsHandle
}

func newHost(t *testing.T) *host {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	h := &host{t: t}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own, err := netns.Get()
	require.NoError(t, err)
	defer own.Close()
	h.handle, err = netns.New()
	require.NoError(t, err)
	require.NoError(t, netns.Set(own))
	t.Cleanup(func() { _ = h.handle.Close() })
	return h
}

// do runs something inside.
func (h *host) do(what func() error) {
	h.t.Helper()
	done := make(chan error)
	go func() {
		// The thread ends with the goroutine, as nobody unlocks it.
		runtime.LockOSThread()
		if err := netns.Set(h.handle); err != nil {
			done <- err
			return
		}
		done <- what()
	}()
	require.NoError(h.t, <-done)
}

func (h *host) apply(text string) {
	h.t.Helper()
	h.do(func() error { return Apply([]byte(text)) })
}

// cable joins interfaces of two hosts.
func cable(t *testing.T, one *host, name string, two *host, other string) {
	t.Helper()
	require.NoError(t, netlink.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: name, Namespace: netlink.NsFd(one.handle)}, PeerName: other, PeerNamespace: netlink.NsFd(two.handle),
	}))
}

// guest is a host with an address, on a bridge of a node.
func guest(t *testing.T, node *host, bridge, name, cidr string) *host {
	t.Helper()
	h := newHost(t)
	cable(t, node, name, h, "eth0")
	node.do(func() error {
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
	h.do(func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		given, err := netlink.ParseAddr(cidr)
		if err != nil {
			return err
		}
		return errors.Join(netlink.AddrAdd(link, given), netlink.LinkSetUp(link))
	})
	return h
}

// reaches tells whether a packet of a size gets from one guest to the address of another and back.
func reaches(t *testing.T, from, to *host, address string, size int) bool {
	t.Helper()
	var server net.PacketConn
	to.do(func() (err error) {
		server, err = net.ListenPacket("udp4", address+":7")
		return err
	})
	defer server.Close()
	go func() {
		buffer := make([]byte, 65536)
		for {
			count, peer, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(buffer[:count], peer)
		}
	}()
	var client net.Conn
	from.do(func() (err error) {
		client, err = net.Dial("udp4", address+":7")
		return err
	})
	defer client.Close()
	for range 3 {
		_, _ = client.Write(make([]byte, size))
		require.NoError(t, client.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
		if count, err := client.Read(make([]byte, 65536)); err == nil && count == size {
			return true
		}
	}
	return false
}

const (
	blue = "interfaces: [{name: eth1.100, type: vlan, state: up, vlan: {base-iface: eth1, id: 100}}, " +
		"{name: br-blue, type: linux-bridge, state: up, bridge: {options: {stp: {enabled: false}}, port: [{name: eth1.100, vlan: {}}]}}]"
	green = "interfaces: [{name: eth1.200, type: vlan, state: up, vlan: {base-iface: eth1, id: 200}}, " +
		"{name: br-green, type: linux-bridge, state: up, bridge: {port: [{name: eth1.200}]}}]"
	noBlue = "interfaces: [{name: br-blue, type: linux-bridge, state: absent}, {name: eth1.100, type: vlan, state: absent}]"
)

// TestVLANsOverACable: what is in one VLAN reaches the same VLAN of another node, in frames of any size, and no other VLAN; it goes without a trace.
func TestVLANsOverACable(t *testing.T) {
	one, two := newHost(t), newHost(t)
	cable(t, one, "eth1", two, "eth1")
	for _, node := range []*host{one, two} {
		node.apply(blue)
		node.apply(green)
		node.apply(blue)
	}
	here := guest(t, one, "br-blue", "g1", "10.0.0.1/24")
	there := guest(t, two, "br-blue", "g2", "10.0.0.2/24")
	stranger := guest(t, two, "br-green", "g3", "10.0.0.3/24")
	other := guest(t, one, "br-green", "g4", "10.0.0.4/24")
	assert.True(t, reaches(t, here, there, "10.0.0.2", 100))
	assert.True(t, reaches(t, here, there, "10.0.0.2", 1472), "the largest that fits into 1500 bytes")
	assert.True(t, reaches(t, other, stranger, "10.0.0.3", 1472))
	assert.False(t, reaches(t, here, stranger, "10.0.0.3", 100))
	assert.False(t, reaches(t, other, there, "10.0.0.2", 100))

	two.apply(noBlue)
	assert.False(t, reaches(t, here, there, "10.0.0.2", 100))
	assert.True(t, reaches(t, other, stranger, "10.0.0.3", 100), "the other VLAN stays")
	two.do(func() error {
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
	two.apply(noBlue)
	two.apply(blue)
	assert.Contains(t, reported(t, two), "name: eth1.100")
}

func reported(t *testing.T, node *host) string {
	t.Helper()
	var text []byte
	node.do(func() (err error) {
		text, err = Report()
		return err
	})
	return string(text)
}

func TestReport(t *testing.T) {
	one, two := newHost(t), newHost(t)
	cable(t, one, "eth1", two, "eth1")
	one.apply(blue)
	guest(t, one, "br-blue", "g1", "10.0.0.1/24")
	text := reported(t, one)
	assert.Contains(t, text, "- bridge:\n    port:\n    - name: eth1.100\n    - name: g1\n")
	assert.Contains(t, text, "controller: br-blue")
	one.do(func() error {
		link, err := netlink.LinkByName("eth1")
		require.NoError(t, err)
		given, err := netlink.ParseAddr("10.9.0.5/24")
		require.NoError(t, err)
		return netlink.AddrAdd(link, given)
	})
	assert.Contains(t, reported(t, one), "- ip: 10.9.0.5\n      prefix-length: 24")
}

func TestWhatCannotBeDoneIsSaid(t *testing.T) {
	node := newHost(t)
	for text, told := range map[string]string{
		"interfaces: [{name: bond0, type: bond, state: up}]":                                               "interface bond0 of type bond, state up: not supported by this stand-in",
		"interfaces: [{name: br0, type: linux-bridge, state: up, ipv4: {dhcp: true}, bridge: {port: []}}]": "addresses of interface br0: not supported",
		"interfaces: [{name: br0, type: linux-bridge, state: up, bridge: {port: [{name: eth7}]}}]":         "port eth7 of bridge br0 does not exist",
		"interfaces: [{name: eth7.1, type: vlan, state: up, vlan: {base-iface: eth7, id: 1}}]":             "base interface eth7",
		"interfaces: [{name: eth7, type: ethernet, state: up, mtu: 9000}]":                                 "interface eth7: it does not exist",
		"interfaces: [{name: br0, type: linux-bridge, state: up}]":                                         "lacks its section",
		"interfaces: yes": "read the desired state",
	} {
		node.do(func() error {
			assert.ErrorContains(t, Apply([]byte(text)), told)
			return nil
		})
	}
}
