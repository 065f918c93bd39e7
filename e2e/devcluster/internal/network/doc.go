// Package network connects the sandboxes of the cluster.
//
//	host ── veth ── [bridge in the control plane's network namespace] ── veth ── node1
//	                                                                  └─ veth ── node2
//
// The bridge is inside the control plane's namespace, so the host has a single new link with a single new address, its
// firewall does not see what the nodes say to each other, and all links vanish with the sandboxes. Pods are routed, not
// bridged: each node has a subnet for its pods, and the others have a route to it.
package network
