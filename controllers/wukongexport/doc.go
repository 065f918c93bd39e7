// Package wukongexport reconciles WukongExport: one Job, whose pod (package mover) reads a claim and sends its bytes to S3, to a
// registry, or to whoever has a download link's token. The phases, all but the final ones derived anew in each pass:
//
//	                                              +-- the target's own error; the Job tries again, six times in all
//	                                              v                                   |
//	Pending --source complete and not in use--> Transferring --s3, registry--> Completed
//	   ^                                          |      |
//	   +----- a machine uses the disk again ------+      +--download--> Serving --expiry--> Expired
//	          (the Job is deleted: its copy                                |
//	           would be torn)                       Transferring, six failures --> Failed
//
// Completed, Expired and Failed are final: status is then the record of what was done, and an export is never done twice.
// ttlSecondsAfterFinished deletes it.
//
// # How the pod tells what it does
//
// The pod has no ServiceAccount token. A Role for each export, with the right to patch one object, would mean that this operator may
// write Roles and RoleBindings in every namespace, which is worth more to an attacker than a percentage is to a person. So the direction is turned
// round: the manager, while it leads, holds one HTTP connection to each running mover, on which the mover writes a line whenever its
// progress makes a step (progress.go): nothing is polled, and the pod writes nothing to the API server. Where network policies forbid
// that connection, progress is not known, and all else works: the result and the error come by the container's termination message, which kubelet
// puts into the pod's status.
//
// # Why an own download server, and not KubeVirt's VirtualMachineExport
//
// VirtualMachineExport offers raw and raw.gz, without checksum, and continues only raw. The mover makes both formats anyway, so a
// server of a hundred lines gives all formats with Range requests and the checksum as ETag, needs no right on
// KubeVirt's objects, and works for disks while KubeVirt is not installed.
//
// # Rights
//
// The credentials of a target are mounted into the pod by kubelet: this controller never reads a Secret of a person. It writes its own,
// with the token of a download. What exists only for the time of the transfer is owned by the Job (a claim restored from a
// snapshot), so that no right to delete claims is needed.
//
// Writes of an export from creation to Completed: the Job, at most twelve status patches (pending, ten steps of progress, the end), and for a
// download its Secret and Service; for a snapshot its claim, and the deletion of the Job.
package wukongexport
