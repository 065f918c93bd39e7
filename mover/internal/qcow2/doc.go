// Package qcow2 presents a raw disk as a qcow2 file that is never stored: each of its bytes is computed from the disk
// when it is read.
//
// So the file has a size and a checksum before the first byte is sent, and an interrupted transfer can be resumed
// anywhere. Clusters of zeros are omitted. The layout (QEMU's docs/interop/qcow2.rst, version 3, clusters of 64 KiB,
// refcounts of 16 bits):
//
//	header | refcount table | refcount blocks | L1 table | L2 tables with data | data clusters
//
// The data clusters are in the order of the disk. Every cluster is used exactly once, so all refcounts are one.
package qcow2
