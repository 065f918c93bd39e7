// Package diskmove is the WukongDisk's half of its move to another StorageClass: it decides what is next from what exists and what the WukongVM
// answers, and writes nothing. The other half is package volumemove of controllers/wukongvm.
//
// A disk that no guest has is copied by CDI, a disk of a running guest is migrated by KubeVirt to a blank claim:
//
//	                       nobody runs it: the WukongVM says Released
//	spec.storageClassName ------------------------------------------> Copying --the clone is complete--> moved
//	changes                                                              |
//	   |                                                                 '-- somebody has the disk: the clone is deleted
//	   | a guest has it
//	   v
//	Preparing --Accepted, the target is ready--> Migrating --Moved--> moved
//	   |                                             |  |
//	   | Refused: reported, and asked again          |  '--Undecided--> a person names the claim that counts
//	   v                                             | spec changes again, or Refused
//	(no target yet)                                  v
//	                                             Cancelling --Withdrawn--> the target is deleted
//
// The moment of a move is the mark on the target that it is in use. Which claim holds the disk is read from the DataVolumes alone (see Copies);
// status only repeats it.
package diskmove
