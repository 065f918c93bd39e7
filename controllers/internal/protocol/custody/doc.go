// Package custody decides who may write to a disk. Two guests that write one file system destroy it, and on a ReadWriteMany claim nothing in
// Kubernetes or KubeVirt keeps them from it. So the disk's controller names one WukongVM (status.attachedTo), and a WukongVM waits until it is
// named. A claim, in turn, is one WukongDisk's. The package reads nothing and writes nothing.
//
//	nobody --a WukongVM lists the disk (of several the oldest)--> attached
//	attached --its VirtualMachine, its instance and status.disks have the claim no more--> nobody
//
// The WukongVM's half of the protocol is in package disks of controllers/wukongvm: it puts the claim into its VirtualMachine when it is named,
// and its status lists the disk as long as the VirtualMachine or the instance has the claim.
package custody
