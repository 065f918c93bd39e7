// Package volumemove is the WukongVM's half of the move of a WukongDisk to another StorageClass: its answer to the
// disk's controller (status.disks[].move), the claim in its VirtualMachine, and what KubeVirt must migrate. It
// decides, and writes nothing.
//
// A disk that asks to move has status.move, with a method and a phase. The WukongVM answers with a state:
//
//	method  phase of the disk  answer
//	Copy    any                Refused until the WukongVM is stopped, then Released: the disk's controller copies
//	                           the claim
//	Live    Preparing          Accepted, or Refused with the obstacle
//	Live    Migrating          Accepted while it waits for another volume, then Migrating: the VirtualMachine has the
//	                           new claim and a record of it (Handover), written in one request
//	Live    Cancelling         Withdrawn, or Migrating until KubeVirt has reverted the volume
//
// A volume that KubeVirt was given ends as Moved (the new claim has all bytes), as Refused (the old one has), or, when
// the instance is gone and KubeVirt has no record, as Undecided: the user names the claim by an annotation of the
// disk.
package volumemove
