// Package csi is the add-on that gives the cluster storage: the driver of package csidriver with Kubernetes' sidecars,
// and the snapshot controller.
//
// There are three StorageClasses, and the VolumeSnapshotClass wukong:
//
//	wukong-shared  default; ReadWriteMany and ReadWriteOnce, bound at once, expandable without a pod
//	wukong-local   ReadWriteOnce by convention; bound when a pod wants it, an expansion is finished when a pod uses it
//	wukong-fixed   like wukong-shared, but cannot be expanded
//
// The label devcluster.wukong.local/snapshots of the CSIDriver says how exact snapshots are, which the file system
// below the volumes decides (see package pooldisk):
//
//	atomic    a snapshot is one moment; there is a VolumeGroupSnapshotClass wukong too, whose snapshots are one moment
//	          of several volumes
//	per-file  a snapshot is one moment of each file, so of each disk of a machine, but not of several
//	copied    a snapshot is a copy, torn if its volume is written meanwhile
//
// An expansion that is finished by a node (wukong-local, and every volume of the mode Block) takes as long as kubelet
// needs to look at the pod again: a few seconds, or a minute and a half.
//
// Where CDI runs, its StorageProfiles say what these classes can do, since CDI cannot know our driver.
package csi
