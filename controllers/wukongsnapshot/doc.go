// Package wukongsnapshot reconciles WukongSnapshot: VolumeSnapshots of a disk, or of all disks of a WukongVM, taken
// once.
//
//	Pending --source complete, and as quiet as required--> InProgress --all ready to use--> Succeeded
//	   ^ source or CSI snapshots missing, not complete,       | the storage's own error: it is retried
//	     guest agent missing, migration, name taken, quota    |
//	                                                          +--deadline, or less consistent than required--> Failed
//	                                                               (the VolumeSnapshots are deleted)
//
// Succeeded and Failed are final. Status is then the record of what was done. A VolumeSnapshot that is deleted later is
// not taken again, because it would be of another point in time. Such a snapshot reports SnapshotLost.
//
// # Parts
//
// The parts of a decision are packages of their own, which write nothing:
//
//	internal/contents     which disks of a WukongVM the snapshot holds, and whether their storage can take one
//	internal/parts        the VolumeSnapshots: the desired ones, and how far the storage is
//	internal/guest        the guest of the WukongVM, as its instance reports it
//	internal/consistency  how consistent the disks are, and whether the guest has to be frozen for that
//	internal/obstacle     why the snapshot cannot begin
//	internal/quiesce      when the guest agent freezes and thaws the guest, and whether that is proven
//	internal/manifest     the ControllerRevision with the manifest of the WukongVM
//
// # A WukongVM
//
// Before the first VolumeSnapshot is made, the manifest of the WukongVM is kept in a ControllerRevision, and the agent
// of a guest that runs freezes it (package quiesce has the states). One snapshot at a time has a guest frozen: a
// snapshot that has written Freezing to its status looks for another one that did, and goes back when it finds one.
// While the snapshot is InProgress, status.disks lists what it holds, whatever the spec of the WukongVM becomes.
//
// # Consistency
//
// The storage makes a VolumeSnapshot without asking a guest. So it is as consistent as after a power failure, unless no
// guest could write to the disks from the moment when the first one was begun until the last one was cut: because none
// ran, or because the freeze of all that time is proven. The beginning is written on each VolumeSnapshot when it is
// made. Status records a WukongVM that starts to use the disks later.
//
// # The end
//
//	any --deleted--> with Delete, the garbage collector deletes the VolumeSnapshots. Those that have to be retained,
//	    and are complete, have no owner reference (package apply). The finalizer is needed for a policy that changed
//	    just before the end.
//
// Writes of a snapshot of a disk from creation to Succeeded: its finalizer, the VolumeSnapshot, and two patches of
// status; one more while it has to wait. Of a frozen guest with n disks: the finalizer, the ControllerRevision, n
// VolumeSnapshots and their rehearsal, two calls to the agent, and eight patches of status.
package wukongsnapshot
