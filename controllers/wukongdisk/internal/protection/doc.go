// Package protection decides which storage of a disk outlives the disk or its owner: by reclaimPolicy, and by
// deletionProtection. It writes nothing.
//
//   - A retained claim survives its disk. What is retained has no owner reference to the disk: see apply.Retained.
//   - A protected disk survives its owners. The admission policy that refuses its deletion also refuses the deletion of
//     objects that have the label of protection: the claim that holds the disk, and its DataVolume.
package protection
