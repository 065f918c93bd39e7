// Package wukongnetwork reconciles WukongNetwork: a network of type Bridge owns one NetworkAttachmentDefinition of its own name;
// type NetworkAttachmentDefinition only looks at one that someone else made; type Pod needs nothing.
//
// The phases of a network, derived anew in each pass from what exists:
//
//	Pending --> Ready <--> Error: spec that cannot work, name taken, attachment or Multus missing
//	   any --deleted--> Terminating, only as long as someone else's finalizer holds it
//
// There is no finalizer: the garbage collector takes the NetworkAttachmentDefinition. Multus reads it when a pod's sandbox is set
// up, so machines that run keep their interface.
//
// What the bridge CNI plugin (v1.7.1) makes of the attachment, and a person should know:
//   - a node without the bridge gets a new, empty one, which leads nowhere. Machines on such nodes are cut off, not refused;
//   - vlan makes the port an access port of that VLAN. The plugin sets vlan_filtering only on a bridge that it makes itself; on
//     a bridge that exists without it, the kernel lets all frames pass untagged.
//
// A network may have a gateway in each of its subnets, several of one family too: which default route a machine gets follows from
// the subnet that its address lies in, so only the machine can have one too many. See checkAddressing for what cannot work.
//
// Writes of a network from creation to Ready: the NetworkAttachmentDefinition, one status patch, and one patch of its own metadata
// when it names a Wukong.
package wukongnetwork
