// Package addresslock assigns addresses to the interfaces of WukongVMs, so that no two interfaces have the same
// address on a segment.
//
// An address is assigned by creating a WukongAddress whose name is made of the segment and the address. The API server
// allows one object per name. Therefore the lock holds across namespaces and networks, with stale caches, and when two
// managers both believe to be the leader. Each object is smaller than a kilobyte, whatever the number of addresses,
// and has one writer. A list of 10,000 addresses in one object would be a megabyte, and each created or deleted
// WukongVM would rewrite it in conflict with all others.
//
// The states of an address:
//
//	free --Take makes--> held --wukongaddress deletes: VM and guest are gone, or do not use it--> free
//	                     held --the same, but reserved--> kept --Take adopts: same namespace, name, interface--> held
//	                                                      kept --network deleted, or lock deleted by hand--> free
//
// Take never releases an address: the next pass finds what an earlier one took before it failed or its manager died.
package addresslock
