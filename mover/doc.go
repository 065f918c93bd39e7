// Package mover moves the bytes of a disk. It is the program of the Jobs of WukongExports, WukongBackups and
// WukongDisks, as the subcommand "mover" of the manager's binary, so that there is one image to build, pull and trust.
//
// It reads a claim and never writes to it. What it sends is computed from the disk while it is read (internal/qcow2,
// internal/gzipped): without scratch space, and each byte of the file can be computed again. That makes every transfer
// resumable:
//
//	s3        parts of a multipart upload that exist with the right MD5 are not sent again, also by a later pod, unless
//	          the file is encrypted: each encryption uses a new key, so that the same bytes look different
//	registry  a layer is resumed after the last byte that the registry has, as long as the pod lives, since only the
//	          pod knows the upload; a layer that exists by its digest is not sent again
//	download  Range requests, with the checksum as ETag
//
// Two targets read no disk: relay offers an object of a bucket to CDI's importer, verified and decrypted, and backup
// writes the small files that complete a backup, and deletes old backups.
//
// It has no rights in the cluster and no token. It reports in two ways that need none: it streams the Report as JSON
// lines to clients of StatusPort, and writes the last one as the container's termination message.
package mover
