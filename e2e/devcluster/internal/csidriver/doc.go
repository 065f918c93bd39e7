// Package csidriver is the CSI driver of the dev cluster: volumes and snapshots as folders and sparse files in one folder that
// all nodes share, since all of them are on one machine.
//
// What it can do, so that storage behaves in tests as it does elsewhere: dynamic provisioning, ReadWriteOnce and ReadWriteMany,
// file systems and block devices, snapshots, restore, clones, expansion while in use, and running out of space.
//
// How it differs from storage that one would buy:
//
//   - A file system volume is a folder. Its size is booked against its pool but not enforced: a pod that writes more than it
//     asked for gets it. KubeVirt and CDI size disk images by the claim, so guests see true sizes. Usage statistics are true.
//   - A block volume is a sparse file behind a loop device, which has its true size. All nodes use the same device.
//   - Snapshots and clones are instant where the file system can share blocks between files (XFS, Btrfs). Elsewhere they are
//     copies, made while the volume may change: freeze its writer first, as KubeVirt does by the guest agent.
//
// Parameters of a StorageClass:
//
//	pool           name of the pool in which sizes are booked; "default" if not set
//	poolBytes      capacity of that pool, for example 1Gi; if not set, the capacity that the driver was started with
//	nodeExpansion  "true": an expansion needs a pod on a node to be complete, as with most file systems. Block volumes always do
//
// The driver registers itself with kubelet, and needs no attacher. It passes the CSI sanity suite, see sanity_test.go.
package csidriver
