// Package disks decides about the disks of a WukongVM: which volumes its VirtualMachine has, which of them can be
// plugged in and unplugged, what prevents the WukongVM from having one, the content of status.disks, and what happens
// to a disk that is removed from the spec. It decides, and writes nothing.
//
// A disk is added to the VirtualMachine when its controller names this WukongVM in status.attachedTo. Its entry in
// status.disks is removed only when neither the VirtualMachine nor the instance has its claim: so two guests never
// write to one disk. The disks that a guest starts with are in its launcher pod, so that the scheduler sees where
// their claims are, and remain until it stops. A disk that is added while the guest runs is hotpluggable (KubeVirt's
// DeclarativeHotplugVolumes), and may be removed again:
//
//	Waiting --attachedTo names this WukongVM--> Attaching --> Attached --removed from spec--> Detaching --> released
package disks
