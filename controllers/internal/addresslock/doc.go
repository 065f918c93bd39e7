// Package addresslock takes addresses for interfaces of machines, so that no two ever have the same one on a segment.
//
// An address is taken by creating a WukongAddress whose name is made of the segment and the address. The API server lets one object of a
// name exist, so the lock holds across namespaces, networks, managers that both believe to lead, and caches that lag. Each object has
// less than a kilobyte however many addresses there are, and nobody writes what another has to write as well: a list of 10,000 in one object
// would have a megabyte, and each machine that comes or goes would rewrite it in conflict with all others.
//
// The states of an address:
//
//	free --Take creates--> held --wukongaddress deletes: machine and guest are gone, or have it no more--> free
//	                       held --the same, but reserved--> kept --Take adopts: same namespace, name and interface--> held
//	                                                        kept --network deleted, or an administrator deletes it--> free
//
// Take never gives an address back: what it got before it failed or the manager died is found again by the next pass.
package addresslock
