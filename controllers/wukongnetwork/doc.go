// Package wukongnetwork reconciles WukongNetwork. A network of type Bridge owns one NetworkAttachmentDefinition with
// its own name. Type NetworkAttachmentDefinition only reads an unmanaged one. Type Pod needs none.
//
// The phases of a network, computed from scratch in each pass:
//
//	Pending --> Ready <--> Error: invalid spec, name taken, attachment or Multus missing
//	   any --deleted--> Terminating, only while a finalizer of another component remains
//
// There is no finalizer: the garbage collector deletes the NetworkAttachmentDefinition. Multus reads it when a pod's
// sandbox is created, so running guests keep their interface.
//
// What the bridge CNI plugin (v1.7.1) does with the attachment:
//   - on a node without the bridge it creates an empty one without an uplink. Guests on such nodes are cut off, not
//     refused;
//   - vlan makes the port an access port of that VLAN. The plugin sets vlan_filtering only on a bridge that it creates
//     itself; on an existing bridge without it, the kernel forwards all frames untagged.
//
// A network may have a gateway in each of its subnets, also several of one family: which default route a guest gets
// depends on the subnet of its address, so only a WukongVM can have one too many. See checkAddressing for what is
// refused.
//
// Writes of a network from creation to Ready: the NetworkAttachmentDefinition, one status patch, and one patch of its
// own metadata when it names a Wukong.
package wukongnetwork
