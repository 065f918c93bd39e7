// Package wukongaddress releases addresses: it deletes a WukongAddress when nobody can use the address any longer. A
// WukongVM takes addresses, see controllers/internal/addresslock, which has the states.
//
// An address remains as long as any of these holds:
//   - the WukongVM's spec asks for it: the interface has it as a static address, or gets its addresses from the pool
//     of the network;
//   - the WukongVM has not observed its newest spec yet, or does not have the interface's new addresses: its guest
//     could start with the old ones;
//   - the guest may use it: it runs, and its agent does not report otherwise;
//   - the WukongVM is deleted, but KubeVirt's VirtualMachine or its instance is not: the garbage collector may take
//     its time;
//   - it is reserved by keepAddresses, the WukongVM or the interface is deleted, and the network exists.
//
// The cache is not trusted for this: before it deletes, the controller reads everything from the API server, and it
// deletes only the version that it has read. If a WukongVM takes over an address that this controller deletes, one
// comes first and the other fails.
//
// WukongVMs have no finalizer for this, and WukongAddresses no owner reference, which cannot refer from the cluster to
// a namespace. What was missed while no manager ran is found at the next start, which reconciles every WukongAddress.
package wukongaddress
