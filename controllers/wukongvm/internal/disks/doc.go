// Package disks is the disks of a WukongVM: which volumes its VirtualMachine has, which of them can be plugged in and out, what keeps
// the machine from having one, what status.disks says, and what becomes of a disk that leaves the spec. It decides, and writes nothing.
//
// A disk comes into the VirtualMachine when its controller names this WukongVM in status.attachedTo, and its entry in status.disks
// goes only when neither the VirtualMachine nor the instance has its claim: two guests never write to one disk. The disks that a machine
// starts with are in its launcher pod, so that the scheduler sees where their claims are, and stay until it stops. One that comes while
// the guest runs is hotpluggable (KubeVirt's DeclarativeHotplugVolumes), and may leave again:
//
//	Waiting  --it is ours-->  Attaching  -->  Attached  --entry left spec-->  Detaching  -->  released
package disks
