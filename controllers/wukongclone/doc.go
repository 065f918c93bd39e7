// Package wukongclone reconciles WukongClone: it makes a WukongVM or a WukongDisk from another one, or from a snapshot,
// once.
//
//	Pending --granted, references exist--> InProgress/Snapshotting --snapshot complete--> InProgress/Creating
//	   |                                       |                                             |
//	   \--deadline--> Failed                   \--snapshot failed, deadline--> Failed        |--complete--> Succeeded
//	                                                                                         \--deadline--> Failed
//
// A WukongVM is cloned from a temporary WukongSnapshot of it; a snapshot, or a disk, needs none. The result is one
// object, complete (package controllers/internal/carry), which this controller never changes afterwards. CDI fills its
// disks.
//
// # Parts
//
//	internal/progress  how far its disks are
//
// In controllers/internal is carry: what the result is, that is, which fields it has from the source, and its identity.
//
// # Once
//
// Both objects that a clone makes have names that follow from it, and each step is "it exists, or not". The temporary
// snapshot has the UID of the WukongClone in its name and in a label. The result has the annotation cloned-by with name
// and UID. So a manager that was killed finds what it made. A WukongClone that is deleted and applied again has another
// UID: it finds the result by its own name in the annotation, and makes nothing, if the annotation cloned-from has its
// source.
//
// # The end
//
// The temporary snapshot is deleted after the clone has succeeded, never before: CDI reads from it. In the namespace of
// the clone it has an owner reference, too. For one in another namespace the WukongClone has a finalizer, and if that
// is removed, ttlSecondsAfterFinished of the snapshot deletes it. A clone that fails deletes the result if it made it
// and no disk is complete. Else the result stays, and so do the snapshot and the clone as long as a disk is incomplete,
// because it may still be filled.
//
// Writes of a clone of a WukongVM from creation to Succeeded: the rehearsal of the WukongVM (a creation as a dry run),
// the snapshot, the WukongVM, the deletion of the snapshot, and a patch of status for each step and each phase that a
// disk is seen in.
package wukongclone
