// Package wukongbackup reconciles WukongBackup: it copies a WukongSnapshot into an S3 bucket, once.
//
//	Pending --the snapshot is complete--> InProgress: one WukongExport for each disk
//	                                         |--all copied--> a Job writes manifest and index, and deletes old backups
//	                                         |                   |--> Succeeded
//	                                         \--one failed-------+--> Failed
//
// # In the bucket
//
//	<url>/<name>/<disk>.qcow2.gz[.age]   the disks
//	<url>/<name>/restore.yaml[.age]      restores the backup: see internal/content
//	<url>/<name>/backup.json             the index; it is written last, so a folder without it is not complete
//
// The format is qcow2 and never raw: the bytes of a raw disk are those of a guest, and CDI's importer would take a
// guest that begins its disk with the header of another format for an image of that format. gzip and age are what
// everyone has: a backup can be restored without Wukong (age --decrypt, gunzip, qemu-img convert).
//
// # Once
//
// The exports and the Job have names that follow from the backup, and are owned by it. What an export reported at its
// end is copied to status, so that an export which is deleted afterwards is not needed again. A file of an earlier
// attempt is replaced. A backup that fails leaves files without an index; a later backup in the same folder deletes
// them after two days, if it has retention.
//
// Writes of a backup of n disks: n exports, the Job and its Secret, a patch of status for each step of progress of the
// whole, and at the end n+1 deletions.
package wukongbackup
