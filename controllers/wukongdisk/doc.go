// Package wukongdisk reconciles WukongDisk: one DataVolume, which owns its PersistentVolumeClaim, or a claim that exists and
// is only used.
//
// The phases of a disk, all of them derived anew in each pass from what exists:
//
//	                 +-> AwaitingConsumer (class binds at first use) --+
//	Pending ---------+                                                 +--> Importing --> Ready
//	   |             +-------------------------------------------------+        |
//	   |  class, claim, CDI missing; name taken                                 | the importer's own error
//	   +--> Error  <------------------------------------------------------------+   (CDI tries again: back to Importing)
//
//	Ready --spec.size grows--> Expanding --> Ready: the request of the claim is raised, and the storage grows it under the machine. A class
//	that cannot, a quota, and a shrinking size are told as Error, and the disk works as before.
//
//	Ready --its claim is deleted--> Error (ClaimDeleted) --the claim is gone--> Error (BytesLost), until a person asks for
//	another filling: see lost.go
//
//	any --deleted--> Terminating: waits until no WukongVM uses the disk; then
//	     Delete   the garbage collector takes DataVolume and claim
//	     Retain   the DataVolume is deleted with orphaning, the claim stays without an owner
//
// Parts that decide and do not write are packages of their own: custody (which WukongVM may use the disk, and until when) and diskmove (the
// disk's half of its move to another StorageClass) in controllers/internal/protocol, diskstate (what claims and DataVolumes say), and growth.
//
// The finalizer is needed for both waits. A machine that is itself being deleted does not count as a user, so that deletion
// always ends; Kubernetes keeps the claim until its last pod is gone.
//
// Writes of a disk from creation to Ready: the DataVolume, at most three status patches (pending, importing, ready), and one patch of
// its own metadata unless its maker set the finalizer already, and one that says that it was filled. A class that binds at first use, a name of a
// Wukong that comes later, and every tenth percent of a long import add a status patch each.
package wukongdisk
