// Package wukongvm reconciles WukongVM: the WukongDisks and WukongNetworks of its templates, a Secret with cloud-init
// data, and one KubeVirt VirtualMachine, which is created complete in one request.
//
// The VirtualMachine is written when everything that decides its content is known: each disk has the name of its
// claim, each network its attachment, each Secret its key. It does not wait for imports: KubeVirt starts the guest
// when the disks are filled. From then on a missing input never changes the VirtualMachine, except for its power
// state.
//
//	Pending  --inputs known-->  Creating  --disks filled-->  Starting  -->  Running  <-->  Migrating
//	   |                                                        ^             |  ^
//	   | an input is wrong or missing                           |             |  '-- Paused (KubeVirt's own pause)
//	   v                                                  powerState        powerState
//	 Error (until the cause is fixed)                      Running          Stopped
//	                                                            |             v
//	                                                         Stopped  <--  Stopping
//
// A WukongDisk whose template is no longer in the spec is then released or deleted, as its detachPolicy says; a
// WukongNetwork is deleted. They are found by their owner, not by the status.
//
// There is no finalizer: the WukongVM owns everything that it makes, and the garbage collector deletes it. KubeVirt's
// own finalizer shuts the guest down first, and Kubernetes keeps a claim until its last pod is deleted.
//
// Ready is True when the WukongVM is as powerState says: running, or stopped. When it is False, the first of these
// that applies gives reason and message: an API that is missing, a refused or conflicting object, disks, networks,
// addresses, cloud-init Secrets, and last what KubeVirt reports.
//
// A pass reads (observe.go, into the world of world.go), decides (plan.go), writes by the list of steps (steps.go,
// network.go, release.go), and reports (status.go). Its parts are packages below internal. They decide from inputs
// that their functions name, and none of them sees the world or the plan. Where a part also reads or writes, it does
// so in a file of its own (read.go, assign.go).
//
//	virt            what KubeVirt's two objects report, and which of its feature gates are on
//	power           whether the guest runs
//	disks           which disks the VirtualMachine has, how they are plugged in and out, and status.disks
//	volumemove      the WukongVM's half of the move of a disk to another StorageClass
//	nics            what the interfaces are connected to, and status.networks; interfaces: how they change under a
//	                guest
//	addresses       which addresses are assigned to them; addressing: gateways and routes; waiting: who waits for one
//	cloudinit       the data of the Secret
//	placement       nodes, labels and annotations
//	policy          the NetworkPolicy
//	services        the Services
//	virtualmachine  the VirtualMachine, assembled from what these parts decided
//	guest           what the agent in the guest reports
//	events          what other programs report only in events
//	readiness       Ready and the phase, from the causes of the parts and from KubeVirt's objects
//	changes         which changes of these objects start a pass
package wukongvm
