// Package wukongsnapshot reconciles WukongSnapshot: one VolumeSnapshot of a disk's claim, taken once.
//
//	Pending --disk complete, and quiet where that is required--> InProgress --ready to use--> Succeeded
//	   ^ disk or CSI snapshots missing, disk not complete,           | the storage's own error: it tries again
//	     a machine runs, name taken, quota                           |
//	                                                                 +--deadline, or less consistent than required--> Failed
//	                                                                      (the VolumeSnapshot is deleted)
//
// Succeeded and Failed are final. Status is then the record of what was done, because a VolumeSnapshot that someone deletes is not taken again: it
// would be of another point in time. Such a snapshot says SnapshotLost.
//
// # Consistency
//
// A VolumeSnapshot is cut by the storage, which asks no guest. So it is as consistent as a power failure, unless no machine could write to the
// disk from the moment it was begun until it was complete. The beginning is written on the VolumeSnapshot when it is made; a machine that comes
// later is remembered in status.
//
// # The end
//
//	any --deleted--> gone: with Delete the garbage collector takes the VolumeSnapshot; one that shall be retained, and is complete, carries no owner
//	    reference (see package apply). The finalizer is needed for a policy that changed just before the end.
//
// Writes of a snapshot from creation to Succeeded: its finalizer, the VolumeSnapshot, and two patches of status; one more while it has to wait.
package wukongsnapshot
