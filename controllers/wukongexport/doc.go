// Package wukongexport reconciles WukongExport: one Job, whose pod (package mover) reads a claim and sends its bytes to
// S3, to a registry, or to the users who have the token of a download link. Each pass derives the phases again, except
// the final ones:
//
//	                                              +-- the target's own error; the Job tries again, six times in all
//	                                              v                                   |
//	Pending --source complete and not in use--> Transferring --s3, registry--> Completed
//	   ^                                          |      |
//	   +----- a guest uses the disk again --------+      +--download--> Serving --expiry--> Expired
//	          (the Job is deleted: its copy                                |
//	           would be torn)                       Transferring, six failures --> Failed
//
// Completed, Expired and Failed are final. Status is then the record of what was done, and an export is never done
// twice. ttlSecondsAfterFinished deletes it.
//
// # Parts
//
// The parts of a decision are packages of their own, which write nothing to the cluster:
//
//	internal/job       the Job, its pod and what they mount
//	internal/restore   the claim that is restored from a VolumeSnapshot, and why that is not possible
//	internal/download  the Secret and the Service of a download link
//	internal/attempt   the newest pod: what it waits for, why it failed, and why the Job makes none
//	internal/progress  the connections to the movers
//
// # How the pod reports its progress
//
// The pod has no ServiceAccount token. With a Role for each export, that permits a patch of one object, this operator
// could write Roles and RoleBindings in every namespace. To an attacker that is worth more than a percentage is to a
// user. So the direction is reversed: the leading manager holds one HTTP connection to each running mover. The mover
// writes a line to it when its progress makes a step (internal/progress). Nothing is polled, and the pod writes nothing
// to the API server. Where network policies refuse that connection, the progress is unknown, and everything else works:
// the container's termination message has the result and the error, and kubelet writes it to the status of the pod.
//
// # Why an own download server, and not KubeVirt's VirtualMachineExport
//
// VirtualMachineExport offers raw and raw.gz, without checksum, and continues only raw. The mover makes both formats
// anyway. So a server of a hundred lines offers all formats with Range requests and the checksum as ETag. It needs no
// right to KubeVirt's objects, and works for disks while KubeVirt is not installed.
//
// # Rights
//
// Kubelet mounts the credentials of a target into the pod: this controller never reads a Secret of a user. It writes
// its own, with the token of a download. The Job owns what exists only for the time of the transfer (a claim restored
// from a snapshot), so that no right to delete claims is needed.
//
// Writes of an export from creation to Completed: the Job, at most twelve status patches (pending, ten steps of
// progress, the end), and for a download its Secret and Service; for a snapshot its claim, and the deletion of the Job.
package wukongexport
