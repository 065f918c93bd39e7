// Package debian makes Debian root file systems with debootstrap, for container images that need more than a static binary.
//
// They are made from the Debian mirror as it is on that day, so two machines may get different patch releases of a package;
// what was made stays in the cache until its list of packages changes.
package debian
