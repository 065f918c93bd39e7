// Package cdi builds the Containerized Data Importer from its Go module and runs it on the dev cluster.
//
// There is one image, a small Debian with qemu-img and nbdkit, under the name of each of CDI's programs. HTTP and
// registry imports, uploads, clones and blank disks work. Imports from VMware do not: they need the VDDK, which nobody
// may pass on, and the C library libnbd, whose Go binding is replaced (tools/cdi/libnbd).
//
// The operator's manifests are made by CDI's own generator. cdi-operator installs the rest when it sees the CDI object.
package cdi
