// Package csidriver is the CSI driver of the dev cluster: volumes and snapshots as folders and sparse files in one
// folder that all nodes share, since all of them are on one machine.
//
// What it can do, so that storage behaves in tests as it does elsewhere: dynamic provisioning, ReadWriteOnce and
// ReadWriteMany, file systems and block devices, snapshots, restore, clones, expansion while in use, and running out of
// space.
//
// How it differs from storage that one would buy:
//
//   - A file system volume is a folder. Its size is booked against its pool but not enforced: a pod that writes more
//     than it asked for gets it. KubeVirt and CDI size disk images by the claim, so guests see true sizes. Usage
//     statistics are true.
//   - A block volume is a sparse file behind a loop device, which has its true size. All nodes use the same device.
//   - How exact snapshots and clones are, the file system of the pool decides, see below.
//
// Snapshots. Where the pool is a Btrfs subvolume, every snapshot and every clone of a volume begins with a snapshot of
// the whole pool, made by one ioctl, from which the wanted volumes are taken by reflinks; then it is deleted. So it is
// one moment of all files of a volume, and of all volumes of a group. What is in it:
//
//   - all that a writer had made sure of by fsync, or a guest by a flush of its disk, before the call;
//   - of what was written later, or without that, some: as after a power cut. A write that began after another was made
//     sure of is never there without it, also when they are to different volumes;
//   - for a block volume the same, and what the page cache of its device held when the call came.
//
// On XFS each file is cloned at one moment (FICLONE), so the volume of a disk is too, and the driver offers no groups.
// On any other file system a snapshot is a copy that is made while the volume may change: freeze its writer first, as
// KubeVirt does by the guest agent.
//
// Measured with one file of 1 GiB of random content, on two cores that were busy with builds: 0.04 s for the snapshot
// of the pool, 0.04 s for the reflink, 0.05 s to delete the snapshot of the pool; a copy takes 0.9 s within the page
// cache, and 6 s to reach the disk. For a group of three volumes with a hundred files in all, while a writer called
// fsync after each of its records: 0.02 s to 0.22 s for the snapshot of the pool, 0.03 s to 0.2 s for the reflinks, and
// less than a millisecond to delete the snapshot of the pool.
//
// Parameters of a StorageClass:
//
//	pool           name of the pool in which sizes are booked; "default" if not set
//	poolBytes      capacity of that pool, for example 1Gi; if not set, the capacity that the driver was started with
//	nodeExpansion  "true": an expansion needs a pod on a node to be complete, as with most file systems. Block
//	               volumes always do
//
// The driver registers itself with kubelet, and needs no attacher. It passes the CSI sanity suite, see sanity_test.go.
package csidriver
