// Package wukongsnapshot reconciles WukongSnapshot: VolumeSnapshots of a disk, or of all disks of a WukongVM, taken once.
//
//	Pending --source complete, and as quiet as required--> InProgress --all ready to use--> Succeeded
//	   ^ source or CSI snapshots missing, not complete,         | the storage's own error: it is retried
//	     guest agent missing, migration, name taken, quota      |
//	                                                            +--deadline, or less consistent than required--> Failed
//	                                                                 (the VolumeSnapshots are deleted)
//
// Succeeded and Failed are final. Status is then the record of what was done, because a VolumeSnapshot that someone deletes
// is not taken again: it would be of another point in time. Such a snapshot reports SnapshotLost.
//
// # A WukongVM
//
// Before the first VolumeSnapshot is made, the manifest of the WukongVM is kept in a ControllerRevision, and the guest of a
// VirtualMachineInstance that runs is frozen by its agent (package quiesce has the states). One snapshot at a time has a
// guest frozen: whoever has written Freezing to its status looks for another one that did, and goes back when it finds one.
// While the snapshot is InProgress, status.disks says what it holds, whatever becomes of the WukongVM's spec.
//
// # Consistency
//
// A VolumeSnapshot is cut by the storage, which asks no guest. So it is as consistent as a power failure, unless no guest
// could write to the disks from the moment when the first one was begun until the last one was cut: because none ran, or
// because the freeze of all that time is proven. The beginning is written on each VolumeSnapshot when it is made; a machine
// that comes later is remembered in status.
//
// # The end
//
//	any --deleted--> gone: with Delete the garbage collector takes the VolumeSnapshot; one that shall be retained, and is complete, carries no owner
//	    reference (see package apply). The finalizer is needed for a policy that changed just before the end.
//
// Writes of a snapshot of a disk from creation to Succeeded: its finalizer, the VolumeSnapshot, and two patches of status;
// one more while it has to wait. Of a frozen guest with n disks: the finalizer, the ControllerRevision, n VolumeSnapshots
// and their rehearsal, two calls to the agent, and eight patches of status.
package wukongsnapshot
