// Package addresses is the addresses of a WukongVM's interfaces: which of them must be assigned to each before any
// object has them, how an interface gets them, and why it cannot have one. Inputs decides, and is pure. Assigner
// writes the locks (WukongAddresses), by package addresslock.
package addresses
