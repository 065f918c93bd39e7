// Package nmstate is the add-on with the kinds of NMState and a small stand-in for its handler: see package
// nmstatestandin.
//
// Each node gets a spare NIC, eth1, without an address. They are all on one wire, a bridge in the first node's network
// namespace, as NICs of machines are on a switch; tagged frames pass. The wire vanishes with the nodes.
package nmstate
