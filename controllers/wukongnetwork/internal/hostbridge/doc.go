// Package hostbridge manages Linux bridges of the nodes, by NMState.
//
// A bridge exists once for the whole cluster: all WukongNetworks of type Bridge that name it, in all namespaces, are
// its users, and one NodeNetworkConfigurationPolicy, wukong-BRIDGE, implements it. A cluster-scoped policy cannot have
// an owner in a namespace, so the garbage collector cannot count its users. The reconciler of this package does, with
// the bridge's name as its key:
//
//	none --a network manages it--> present --the last network is deleted--> absent --every node removed it--> none
//	                                  ^                                       |
//	                                  '------- a network manages it again ----'
//
// NMState leaves a bridge on the nodes when its policy is deleted. So the policy first asks for the absence of the
// bridge, and is deleted when every node that can has removed it. All state for this is in the policy itself: no
// network has a finalizer, a network can be deleted while NMState is missing, and a new manager continues where the
// previous one stopped.
//
// The oldest network that manages the bridge decides. A network with another desired state waits and reports the
// conflict, and so does the oldest; the guests of the oldest must not stop because of another network. A user that
// does not manage the bridge takes it as it is. When the last manager of the bridge is deleted and others still use
// it, it stays as it was.
//
// A bridge with running guests stays, even if no network names it any longer: a guest keeps what it started with until
// it stops. The nodes report that by the ports of the bridge.
//
// Only the policy records what was created before. An interface that it lists and that is no longer desired (a bond, a
// VLAN interface, the bridge) remains in it as absent.
//
// An existing unmanaged bridge, bond or VLAN interface on a node, which the policy did not create, is refused.
// managed.adopt accepts it; then nothing is ever withdrawn, since the previous state is unknown.
//
// No node may lose its network. A port with an address of the node, one with the default route, and one that already
// belongs to another bridge or bond, are refused before any write, on every node whose NodeNetworkState is known. A
// ready node whose state is unknown delays the first write. With keepHostAddress the bridge asks for the port's own
// lease with the port's own MAC address, which works the same way on every node and after every later change. Static
// addresses are refused even then, because one policy cannot keep a different address for each node through a later
// change. A node that joins later is protected by NMState, which rolls back a change if the gateway or the API server
// do not answer after it.
package hostbridge
