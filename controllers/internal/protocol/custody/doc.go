// Package custody decides who may write to a disk. Two guests that write one file system destroy it, and on a
// ReadWriteMany claim neither Kubernetes nor KubeVirt prevents that. So the disk's controller names one WukongVM
// (status.attachedTo), and a WukongVM waits until it is named. In the same way a claim belongs to one WukongDisk. The
// package reads nothing and writes nothing.
//
//	nobody --a WukongVM lists the disk (of several, the oldest)--> attached
//	attached --its VirtualMachine, its instance and status.disks no longer have the claim--> nobody
//
// The WukongVM's half of the protocol is in package disks of controllers/wukongvm: it puts the claim into its
// VirtualMachine when it is named, and its status lists the disk as long as the VirtualMachine or the instance has the
// claim.
package custody
