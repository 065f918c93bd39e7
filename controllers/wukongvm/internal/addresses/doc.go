// Package addresses is the addresses of a WukongVM's interfaces: which of them each must hold before anything tells the guest about them,
// how an interface gets its own, and why it cannot have one. It decides; the locks (WukongAddresses) are taken by package addresslock.
package addresses
