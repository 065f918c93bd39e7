// Package sandbox runs a set of programs as a machine of its own: a set of Linux namespaces with an init process.
//
// The init is this program again, started with the hidden argument InitArgument. It goes through these states:
//
//	join      enters the cgroup of the sandbox, makes that the root of its cgroup namespace, and executes itself again
//	          (a thread can unshare the cgroup namespace only for itself; an exec makes it the process's)
//	mount     makes the sandbox's own root: an overlay over the host's, so that nothing written there reaches the host
//	ready     tells the parent, which now connects the network
//	released  starts the programs and restarts those that end; adopts and reaps orphans
//
// If the parent dies before it released the sandbox, the init ends. After that the sandbox lives on its own until its
// init is killed, with which the kernel ends everything: processes, mounts and network devices.
package sandbox
