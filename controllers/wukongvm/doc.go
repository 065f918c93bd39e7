// Package wukongvm reconciles WukongVM: the WukongDisks and WukongNetworks stamped from its templates, a Secret with
// cloud-init data, and one KubeVirt VirtualMachine, created complete in one request.
//
// The VirtualMachine is written when everything that decides its content is known: each disk has its claim's name, each network
// its attachment, each Secret its key. It does not wait for imports: KubeVirt starts the machine when the disks are filled.
// From then on a missing input never touches it; only the power state is still carried over.
//
//	Pending  --inputs known-->  Creating  --disks filled-->  Starting  -->  Running  <-->  Migrating
//	   |                                                        ^             |  ^
//	   | an input is wrong or missing                           |             |  '-- Paused (KubeVirt's own pause)
//	   v                                                  powerState        powerState
//	 Error (heals when it is mended)                       Running          Stopped
//	                                                            |             v
//	                                                         Stopped  <--  Stopping
//
// What was stamped from a template that left spec is then released or deleted, as the disk's detachPolicy says; a network is deleted. It is
// found by its owner, not by what status remembers.
//
// There is no finalizer: everything is owned by the WukongVM, and the garbage collector ends it. KubeVirt's own finalizer shuts
// the guest down first, and Kubernetes keeps a claim until its last pod is gone.
//
// Ready is True when the machine is as powerState says: running, or stopped. When it is False, the first of these that applies gives
// reason and message: an API that is missing, a refused or conflicting object, disks, networks, addresses, cloud-init Secrets, and last what
// KubeVirt says.
//
// A pass reads (observe.go, world.go), decides (plan.go), writes by the list of steps (steps.go), and reports (status.go). Its parts are packages below internal, which decide and do not
// write, from inputs that their functions name:
//
//	virt        what KubeVirt's two objects say, and which of its feature gates are on
//	power       whether the machine runs
//	disks       which disks the VirtualMachine has, how they come and go, what status.disks reports
//	volumemove  the WukongVM's half of the move of a disk to another StorageClass
//	nics        what the interfaces are connected to, and what status.networks reports; interfaces: how they change under a running guest
//	addresses   which addresses each must hold; addressing: gateways and routes; waiting: who is woken when one is released
//	cloudinit   the data of the Secret
//	placement   nodes, labels and annotations
//	policy      the NetworkPolicy
//	services    the Services
//	guest       what the agent in the guest reports
package wukongvm
