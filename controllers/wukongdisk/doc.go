// Package wukongdisk reconciles WukongDisk: one DataVolume, which owns its PersistentVolumeClaim, or a claim that
// exists and is only used.
//
// Each pass derives the phase of a disk again, from what exists:
//
//	                 +-> AwaitingConsumer (class binds at first use) --+
//	Pending ---------+                                                 +--> Importing --> Ready
//	   |             +-------------------------------------------------+        |
//	   |  class, claim, CDI missing; name conflict                              | the importer's own error
//	   +--> Error  <------------------------------------------------------------+   (CDI retries: back to Importing)
//
//	Ready --spec.size grows--> Expanding --> Ready: the claim requests more, and the storage grows it while the
//	guest runs. A class that cannot expand, a quota, and a size that shrinks are reported as Error, and the disk
//	still works.
//
//	Ready --its claim is being deleted--> Error (ClaimDeleted) --the claim is deleted--> Error (BytesLost), until a
//	user asks for another filling: see internal/backing
//
//	any --deleted--> Terminating: waits until no WukongVM uses the disk; then
//	     Delete   the garbage collector deletes DataVolume and claim
//	     Retain   the DataVolume is deleted with orphaning, the claim stays without an owner
//
// The parts of a decision are packages of their own, which write nothing but the relay's objects:
//
//	internal/backing      which DataVolume and claim hold the disk, and what it means when they are missing
//	internal/source       what the disk is filled from: origins of clones, and the DataVolume
//	internal/relay        the pod that verifies or decrypts an object of a bucket for CDI's importer
//	internal/provisioner  whether the StorageClass exists, and why a claim gets no volume
//	internal/growth       how the claim gets the size of the spec
//	internal/attachment   which WukongVM may use the disk, and what else uses it
//	internal/protection   which storage outlives the disk or its owner
//
// In controllers/internal are protocol/custody (which WukongVM may use the disk, and until when), protocol/diskmove
// (the disk's half of its move to another StorageClass) and diskstate (what claims and DataVolumes report).
//
// The finalizer is needed for both waits of a deletion. A WukongVM that is itself being deleted does not count as a
// user, so that deletion always ends; Kubernetes keeps the claim until its last pod is deleted.
//
// Writes of a disk from creation to Ready: the DataVolume, at most three status patches (pending, importing, ready),
// one patch of its own metadata unless its creator set the finalizer already, and one patch that marks it as filled. A
// class that binds at first use, a name of a Wukong that is created later, and every tenth percent of a long import add
// a status patch each.
package wukongdisk
