// Package multus is the add-on that gives pods, and so virtual machines, more than one network.
//
// Multus runs as a plain CNI plugin: a program on each node, with a kubeconfig of its own, that runs the cluster's
// plugin first and then those of the NetworkAttachmentDefinitions that a pod names.
//
// Each node gets a bridge named br-lan, and the bridges of neighbouring nodes are joined by a cable: one Ethernet
// segment across the cluster, without addresses, on which guests of different nodes reach each other. It is inside the
// nodes' network namespaces and vanishes with them; the host sees nothing of it. VLAN tags pass where the host's kernel
// can filter VLANs on bridges (CONFIG_BRIDGE_VLAN_FILTERING).
//
// The plugins on the nodes are bridge, macvlan, ptp, vlan, tap, host-device, tuning and bandwidth, with the address
// managers host-local and static.
package multus
