package wukongsnapshotschedule

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/wukongsnapshotschedule/internal/retention"
)

// backupKept is how long a WukongBackup that has ended remains, in seconds. How it ended is in the status of the
// schedule.
const backupKept = 7 * 24 * 3600

// Backup is what a pass does for backups, and what it reports.
type Backup struct {
	// begin is the WukongBackup to create; nil for none.
	begin *v1alpha1.WukongBackup
	// last is the backup that ended last; nil for none.
	last *v1alpha1.ScheduledBackupStatus
	// waits is why the backup that is due does not begin; empty when nothing prevents it.
	waits string
}

// observeBackups lists the backups of the schedule, and reads whether another one has the name of the next.
func (r *Reconciler) observeBackups(
	ctx context.Context, object *v1alpha1.WukongSnapshotSchedule, world *World,
) error {
	backups := &v1alpha1.WukongBackupList{}
	if err := r.client.List(ctx, backups, client.InNamespace(object.Namespace),
		client.MatchingLabels{v1alpha1.LabelSchedule: object.Name}); err != nil {
		return fmt.Errorf("list the WukongBackups: %w", err)
	}
	for i := range backups.Items {
		if backup := &backups.Items[i]; metav1.IsControlledBy(backup, object) {
			world.backups = append(world.backups, backup)
		}
	}
	good := retention.Successful(world.snapshots)
	if object.Spec.Backup == nil || len(good) == 0 {
		return nil
	}
	var err error
	world.namesake, err = read.Get(ctx, r.client, object.Namespace, good[0].Name, &v1alpha1.WukongBackup{})
	return err
}

// decideBackup begins a backup of the newest snapshot, unless that has one or another backup is being made.
func (p *Plan) decideBackup(object *v1alpha1.WukongSnapshotSchedule, world *World) {
	p.backup.last = lastBackup(object, world)
	running := slices.ContainsFunc(world.backups, func(one *v1alpha1.WukongBackup) bool { return !one.Finished() })
	switch {
	case object.Spec.Backup == nil, p.newest == nil, running, ptr.Deref(object.Spec.Suspend, false):
	case isBackedUp(p.backup.last, p.newest):
	case world.namesake == nil:
		p.backup.begin = backupOf(object, p.newest)
	case !metav1.IsControlledBy(world.namesake, object):
		p.backup.waits = fmt.Sprintf("the backup waits until WukongBackup %s is deleted, the name of which it needs",
			world.namesake.Name)
		p.lookAfter(look)
	}
}

// lastBackup is the backup that ended last, as status has it or as the WukongBackups report it.
func lastBackup(object *v1alpha1.WukongSnapshotSchedule, world *World) *v1alpha1.ScheduledBackupStatus {
	last := object.Status.LastBackup
	for _, backup := range world.backups {
		completed := backup.Status.CompletionTime
		if completed == nil || last != nil && !isLater(backup, last) {
			continue
		}
		last = &v1alpha1.ScheduledBackupStatus{
			SnapshotName: backup.Spec.SnapshotRef.Name, TakenAt: backup.Status.TakenAt, CompletionTime: *completed,
			Result: v1alpha1.BackupSucceeded, Location: backup.Status.Location, Message: backup.Status.Warning,
		}
		if backup.Status.Phase != v1alpha1.OperationSucceeded {
			last.Result, last.Location, last.Message = v1alpha1.BackupFailed, "", model.Ready(backup).Message
		}
		last.Message = strings.ToValidUTF8(last.Message[:min(len(last.Message), maxMessage)], "")
	}
	return last
}

// isLater reports whether a backup ended after another one; in the same second, whether its snapshot is newer.
func isLater(backup *v1alpha1.WukongBackup, last *v1alpha1.ScheduledBackupStatus) bool {
	completed := backup.Status.CompletionTime
	return last.CompletionTime.Before(completed) ||
		last.CompletionTime.Equal(completed) && last.TakenAt.Before(backup.Status.TakenAt)
}

// maxMessage is what the schema accepts, in bytes.
const maxMessage = 1024

// isBackedUp reports whether a snapshot, or a newer one, was copied or could not be. A backup is not retried: that of
// the next snapshot contains more.
func isBackedUp(last *v1alpha1.ScheduledBackupStatus, snapshot *v1alpha1.WukongSnapshot) bool {
	return last != nil && (last.SnapshotName == snapshot.Name ||
		last.TakenAt != nil && !snapshot.Status.TakenAt.IsZero() && !last.TakenAt.Before(snapshot.Status.TakenAt))
}

// backupOf is the backup of a snapshot.
func backupOf(object *v1alpha1.WukongSnapshotSchedule, snapshot *v1alpha1.WukongSnapshot) *v1alpha1.WukongBackup {
	spec := object.Spec.Backup.DeepCopy()
	spec.Target.S3.URL += "/" + object.Namespace + "/" + object.Name
	return &v1alpha1.WukongBackup{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: object.Namespace, Name: snapshot.Name, Labels: map[string]string{v1alpha1.LabelSchedule: object.Name},
		},
		Spec: v1alpha1.WukongBackupSpec{
			SnapshotRef: v1alpha1.LocalObjectReference{Name: snapshot.Name}, Target: spec.Target, Retention: spec.Retention,
			TTLSecondsAfterFinished: ptr.To[int64](backupKept),
		},
	}
}

// beginBackup creates the WukongBackup that is due.
func (r *Reconciler) beginBackup(ctx context.Context, schedule *v1alpha1.WukongSnapshotSchedule, work *work) error {
	if work.backup.begin == nil {
		return nil
	}
	if err := r.own(schedule, work.backup.begin); err != nil {
		return err
	}
	return r.create(ctx, "WukongBackup", work.backup.begin)
}

// reportBackup reports how the last backup ended, and why the next one does not begin.
func reportBackup(set *conditions.Set, object *v1alpha1.WukongSnapshotSchedule, plan *Plan) {
	last, waits := plan.backup.last, ""
	if plan.backup.waits != "" {
		waits = "; " + plan.backup.waits
	}
	switch {
	case object.Spec.Backup == nil:
	case last == nil && plan.backup.waits != "":
		set.Unknown(v1alpha1.ConditionBackedUp, v1alpha1.ReasonNameConflict, plan.backup.waits)
	case last == nil:
		set.Unknown(v1alpha1.ConditionBackedUp, v1alpha1.ReasonNotBackedUp, "no backup has ended yet")
	case last.Result == v1alpha1.BackupSucceeded && last.Message != "":
		set.True(v1alpha1.ConditionBackedUp, v1alpha1.ReasonBackedUp, fmt.Sprintf(
			"WukongSnapshot %s was copied, and old backups were not deleted: %s%s", last.SnapshotName, last.Message, waits))
	case last.Result == v1alpha1.BackupSucceeded:
		set.True(v1alpha1.ConditionBackedUp, v1alpha1.ReasonBackedUp,
			fmt.Sprintf("WukongSnapshot %s was copied%s", last.SnapshotName, waits))
	default:
		set.False(v1alpha1.ConditionBackedUp, v1alpha1.ReasonBackupFailed,
			fmt.Sprintf("WukongSnapshot %s was not copied: %s%s", last.SnapshotName, last.Message, waits))
	}
}

// isCopied reports whether a snapshot is being copied out of the cluster.
func (r *Reconciler) isCopied(ctx context.Context, snapshot *v1alpha1.WukongSnapshot) (bool, error) {
	backups := &v1alpha1.WukongBackupList{}
	if err := r.client.List(ctx, backups, client.InNamespace(snapshot.Namespace),
		client.MatchingFields{index.BackupBySnapshot: snapshot.Name}); err != nil {
		return false, fmt.Errorf("list the WukongBackups of WukongSnapshot %s: %w", snapshot.Name, err)
	}
	return slices.ContainsFunc(backups.Items, func(one v1alpha1.WukongBackup) bool { return !one.Finished() }), nil
}
