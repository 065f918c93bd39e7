// Package pooldisk makes the file system on which the volumes of the dev cluster stand: one in a sparse file, on a loop
// device, that can share blocks between files, so that a snapshot is one moment and takes no time.
//
//	btrfs  snapshots all files at one moment (BTRFS_IOC_SNAP_CREATE_V2)
//	xfs    clones a file at one moment (FICLONE), where the kernel has no Btrfs
//	none   a plain folder on the host's disk, where it has neither: snapshots are copies, made while the volume may
//	       change
//
// Each node mounts the device in its own mount namespace; the kernel shares the file system behind it. The host does
// not mount it, so nothing of it is in the way of the host or of another cluster's nodes, which see the host's mounts.
// The device ends with the last mount, and the last mount with the last node: a node that is killed leaves nothing,
// unless a block volume's device is on one of the files, which Detach ends.
package pooldisk
