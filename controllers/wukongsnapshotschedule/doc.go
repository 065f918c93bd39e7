// Package wukongsnapshotschedule reconciles WukongSnapshotSchedule: it creates WukongSnapshots at scheduled times,
// deletes old ones, and regularly restores the newest one into a WukongVM that it starts and deletes again.
//
//	Active --scheduled time--> Taking --the snapshot is finished--> Active
//	   \---scheduled trial---> Trying --the guest started, or did not in time--> Active
//	Suspended: no snapshots and no trials
//	Error: the spec cannot be carried out, the source is missing, or the last snapshot failed or was missed
//
// # Parts
//
//	internal/due        for which scheduled time a snapshot is due, and which times were missed
//	internal/retention  which snapshots are deleted
//	trial.go            the trial
//	backup.go           the backups
//
// # Once
//
// A snapshot has its scheduled time in its name, so a manager that is killed after it created the snapshot finds it. A
// snapshot that is deleted is not taken again, because status.lastScheduleTime has its time. Snapshots belong to the
// schedule by a label with its name: a schedule that is deleted and applied again continues with them.
//
// A backup is a WukongBackup with the name of the snapshot. Status has which snapshot was copied last.
//
// A trial is a WukongClone with the name of the schedule and the suffix -trial, whose result is deleted with it. What
// it showed is written to status before it is deleted.
//
// Writes for each scheduled time: the snapshot, two patches of status (when it is created, and when it is finished),
// and the deletion of the oldest snapshot. For each trial: the WukongClone, its deletion, and two patches of status.
package wukongsnapshotschedule
