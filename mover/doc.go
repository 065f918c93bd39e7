// Package mover moves the bytes of a disk: it is the program that the Job of a WukongExport runs, as the subcommand "mover" of the
// manager's binary, so that there is one image to build, pull and trust.
//
// It reads a claim and never writes to it. What it sends is computed from the disk while it is read (internal/qcow2,
// internal/gzipped): no scratch space, and each byte of the file can be computed again. That makes every transfer resumable:
//
//	s3        parts of a multipart upload that are there with the right MD5 are not sent again, by whichever pod comes next
//	registry  a layer goes on at the byte that the registry has last, as long as the pod lives, for nothing but the pod knows the upload;
//	          one that is there by its digest is not sent again
//	download  Range requests, with the checksum as ETag
//
// It has no rights in the cluster and no token. It tells what it does in two ways that need none: the Report streams as JSON lines to whoever
// asks on StatusPort, and the last one is the container's termination message.
package mover
