// Package debian installs the Debian packages that the dev cluster needs and this machine lacks, and makes Debian root
// file systems with debootstrap, for container images that need more than a static binary.
//
// Root file systems are made from the Debian mirror as it is on that day, so two machines may get different patch
// releases of a package; what was made stays in the cache until its list of packages changes.
//
// Everything here needs root on Debian or Ubuntu, and a mirror: DEBIAN_MIRROR, else Mirror. Elsewhere the functions
// return an error that names the packages which a person has to install.
package debian
