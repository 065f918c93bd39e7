// Package wukongaddress lets addresses go: it deletes a WukongAddress when nobody can use the address any more. Taking one is the
// WukongVM's work, see controllers/internal/addresslock, which has the states.
//
// An address stays as long as any of these holds:
//   - the machine's spec asks for it: the interface has it as a static address, or gets its addresses from the pool of the network;
//   - the machine has not looked at its newest spec yet, or does not hold what the interface is to have instead: its guest could start with
//     what it had;
//   - the guest may use it: it runs, and its agent does not say otherwise;
//   - the machine is gone, but KubeVirt's VirtualMachine or its instance is not: the garbage collector may take its time;
//   - it is reserved by keepAddresses, the machine or the interface is gone, and the network exists.
//
// Nothing of this is believed from the cache: before it deletes, it reads everything anew, and it deletes only the object that it has read,
// so that of a machine which takes an address over and this controller which deletes it, one comes first and the other fails.
//
// WukongVMs have no finalizer for it and WukongAddresses no owner reference, which could not cross from a namespace to the cluster: what
// was missed while no manager ran is found when one starts, since it looks at every WukongAddress.
package wukongaddress
