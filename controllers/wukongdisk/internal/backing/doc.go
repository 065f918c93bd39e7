// Package backing describes the storage behind a disk: which DataVolume and which claim hold it, whether they are the
// disk's own, and what it means when they are missing, unmanaged or being deleted. Its functions read the cluster or
// decide from what was read. They write nothing.
//
// A disk is never filled a second time automatically after it was complete once. Its guest would find an empty disk, or
// a disk from a year ago, and nobody would notice. Two marks prevent it:
//
//   - The DataVolume has dvstate.AnnotationPopulatedFor from the beginning. CDI never makes a second claim for it.
//   - The disk has v1alpha1.AnnotationFilled. This mark still exists after status and DataVolume are lost, for example
//     after a restore from a backup. A user who removes it asks for the disk to be filled from its source again.
package backing
