// Package diskmove is the WukongDisk's half of its move to another StorageClass. It decides the next step from what
// exists and what the WukongVM answers, and writes nothing. The other half is package volumemove of
// controllers/wukongvm.
//
// CDI copies a disk that no guest has. KubeVirt migrates a disk of a running guest to a blank claim:
//
//	                       no guest has it: the WukongVM answers Released
//	spec.storageClassName ------------------------------------------> Copying --the clone is complete--> moved
//	changes                                                              |
//	   |                                                                 '-- a guest has the disk: the clone is deleted
//	   | a guest has it
//	   v
//	Preparing --Accepted, the target is ready--> Migrating --Moved--> moved
//	   |                                             |  |
//	   | Refused: reported, and asked again          |  '--Undecided--> the user chooses the claim
//	   v                                             | spec changes again, or Refused
//	(no target yet)                                  v
//	                                             Cancelling --Withdrawn--> the target is deleted
//
// A move is done at the moment when the target is marked as in use. Which claim holds the disk is read from the
// DataVolumes alone (package copies); status only repeats it.
package diskmove
