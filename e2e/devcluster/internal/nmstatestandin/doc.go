// Package nmstatestandin does on the nodes of the dev cluster what the handler of kubernetes-nmstate does elsewhere, as
// far as Wukong asks for it: it applies NodeNetworkConfigurationPolicies to its node, and says in a
// NodeNetworkConfigurationEnactment how that went and in a NodeNetworkState what is there. The real handler needs
// NetworkManager and a library in Rust on each node.
//
// It knows linux-bridge, vlan and ethernet interfaces, up and absent, with ports and MTU. Everything else makes an
// enactment fail with the words "not supported by this stand-in". A trunk port is a port like any other: a bridge
// without VLAN filtering passes all tags.
//
// Where the kernel has no 802.1Q (CONFIG_VLAN_8021Q), a VLAN interface is a veth pair with two eBPF programs that tag
// and untag; see vlan.go.
package nmstatestandin
