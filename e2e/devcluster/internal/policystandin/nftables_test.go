package policystandin

import (
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/vishvananda/netlink"

	"github.com/novasphere/wukong/e2e/devcluster/internal/netlab"
)

// TestPacketsPassAsAllowed sends packets between two pods, and to the node, through the node's firewall.
func TestPacketsPassAsAllowed(t *testing.T) {
	node, one, two := netlab.New(t), netlab.New(t), netlab.New(t)
	for i, pod := range []*netlab.Host{one, two} {
		subnet := []string{"10.0.1.", "10.0.2."}[i]
		name := []string{"pod1", "pod2"}[i]
		netlab.Cable(t, node, name, pod, "eth0")
		node.Address(name, subnet+"1/24")
		pod.Address("eth0", subnet+"2/24")
		pod.Do(func() error {
			return netlink.RouteAdd(&netlink.Route{Gw: netip.MustParseAddr(subnet + "1").AsSlice()})
		})
	}
	node.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o600) })
	apply := func(isolations ...Isolation) { node.Do(func() error { return Apply(isolations) }) }
	passes := func(wanted bool, from, to *netlab.Host, address string, port int, why string) {
		t.Helper()
		assert.Equal(t, wanted, netlab.Reaches(t, from, to, address, port, 100), why)
	}
	const open, shut = 53, 54
	allowed := func(peer string) []Allowance {
		return []Allowance{{Peer: netip.MustParsePrefix(peer), Protocol: 17, First: 50, Last: open}}
	}
	second := netip.MustParseAddr("10.0.2.2")

	apply()
	passes(true, one, two, "10.0.2.2", shut, "without a policy everything passes")

	apply(Isolation{Address: second, Ingress: Direction{Closed: true, Allowed: allowed("10.0.1.0/24")}})
	passes(true, one, two, "10.0.2.2", open, "the port is allowed")
	passes(false, one, two, "10.0.2.2", shut, "this one is not")
	passes(true, two, one, "10.0.1.2", shut, "answers pass, and what goes out is not limited")

	apply(Isolation{Address: second, Ingress: Direction{Closed: true, Allowed: allowed("10.0.3.0/24")}})
	passes(false, one, two, "10.0.2.2", open, "the peer is another one")

	apply(Isolation{Address: second, Egress: Direction{Closed: true, Allowed: allowed("10.0.1.2/32")}})
	passes(true, two, one, "10.0.1.2", open, "it may go out there")
	passes(false, two, one, "10.0.1.2", shut, "and not there")
	passes(false, two, node, "10.0.2.1", shut, "nor to the node")
	passes(true, node, two, "10.0.2.2", shut, "the node reaches its pods")
	passes(true, one, two, "10.0.2.2", shut, "what comes in is not limited")

	apply(Isolation{Address: second, Ingress: Direction{Closed: true}, Egress: Direction{Closed: true}})
	passes(false, one, two, "10.0.2.2", open, "nothing passes")
	apply()
	passes(true, one, two, "10.0.2.2", open, "it opens again")
}
