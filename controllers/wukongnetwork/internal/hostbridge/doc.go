// Package hostbridge keeps the managed Linux bridges of the nodes, by NMState.
//
// A bridge is one thing for the whole cluster, whoever asks for it: all WukongNetworks of type Bridge that name it, in all namespaces, are
// its users, and one NodeNetworkConfigurationPolicy, wukong-BRIDGE, carries it. A policy of the cluster cannot have an owner in a
// namespace, so the garbage collector cannot count its users. The reconciler of this package does, with the bridge's name for its key:
//
//	none --a network manages it--> present --the last network goes--> absent --every node has let go--> none
//	                                  ^                                  |
//	                                  '---- a network manages it again --'
//
// NMState leaves a bridge on the nodes when its policy is deleted. So the policy first asks for its absence, and is deleted when every
// node that can has done so. All that this needs is in the policy itself: no network holds a finalizer, a network can be deleted while
// NMState is away, and what a manager was in the midst of, the next one finds.
//
// Who decides: the oldest network that manages the bridge. A network that wants it otherwise waits, and is told so, and so is the
// oldest; the machines of the oldest must not stop because someone else made a wish. A user that does not manage the bridge takes it
// as it is. When the last that manages it goes and others use it still, it stays as it was.
//
// A bridge that machines hang on stays, though no network names it any more: a machine keeps what it started with until it stops. The nodes
// tell, by the ports of the bridge.
//
// What is withdrawn: the policy remembers what was made before, and is the only one to do so. An interface that it lists and that is
// wanted no more (a bond, a VLAN interface, the bridge) stays in it as absent.
//
// What exists and is not ours is not taken: a bridge, bond or VLAN interface that a node has and the policy did not make is refused. managed.adopt takes it;
// then nothing is ever withdrawn, since nobody can say any more what was there before.
//
// No node may lose its network. A port with an address of the node, one with the default route, and one that another bridge or bond has
// already, are refused before anything is written, on every node whose NodeNetworkState is known; a node that is ready and whose state is
// not known holds up the first write. keepHostAddress lets the bridge ask for the port's own lease with the port's own MAC address,
// which works alike on every node and at every later change; addresses that were set by hand are refused even so, because one
// policy cannot carry a different address for each node through a later change. A node that joins later is guarded by
// NMState itself, which puts a node back when its gateway or its API server do not answer after a change.
package hostbridge
