// Package csi is the add-on that gives the cluster storage: the driver of package csidriver with Kubernetes' sidecars, and the
// snapshot controller.
//
// There are three StorageClasses, and the VolumeSnapshotClass wukong:
//
//	wukong-shared  default; ReadWriteMany and ReadWriteOnce, bound at once, expandable without a pod
//	wukong-local   ReadWriteOnce by convention; bound when a pod wants it, an expansion is finished when a pod uses it
//	wukong-fixed   like wukong-shared, but cannot be expanded
//
// An expansion that is finished by a node (wukong-local, and every volume of the mode Block) takes as long as kubelet needs to look
// at the pod again: a few seconds, or a minute and a half.
//
// Where CDI runs, its StorageProfiles say what these classes can do, since CDI cannot know our driver.
package csi
