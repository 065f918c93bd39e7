// Package csi is the add-on that gives the cluster storage: the driver of package csidriver with Kubernetes' sidecars, and the
// snapshot controller.
//
// There are three StorageClasses, and the VolumeSnapshotClass wukong:
//
//	wukong-shared  default; ReadWriteMany and ReadWriteOnce, bound at once, expandable without a pod
//	wukong-local   ReadWriteOnce by convention; bound when a pod wants it, an expansion is finished when a pod uses it
//	wukong-fixed   like wukong-shared, but cannot be expanded
//
// Where CDI runs, its StorageProfiles say what these classes can do, since CDI cannot know our driver.
package csi
