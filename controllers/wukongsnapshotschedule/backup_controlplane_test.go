//go:build controlplane

package wukongsnapshotschedule_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

var bucket = builder.S3Folder("https://s3.example/backups", "us-east-1", "credentials", "key")

// waitBackup waits for the backup of a snapshot.
func (f schedules) waitBackup(name string) *v1alpha1.WukongBackup {
	f.Helper()
	backup := &v1alpha1.WukongBackup{}
	f.Until(func() bool { return f.Exists(name, backup) }, "WukongBackup %s is not created", name)
	return backup
}

// endBackup plays the controller of backups.
func (f schedules) endBackup(backup *v1alpha1.WukongBackup, phase v1alpha1.OperationPhase, message string) {
	f.Helper()
	at := metav1.NewTime(f.now.Now().UTC())
	at.Time = at.Truncate(1e9)
	backup.Status.Phase, backup.Status.CompletionTime = phase, &at
	backup.Status.TakenAt = testkit.Read(f, backup.Spec.SnapshotRef.Name, &v1alpha1.WukongSnapshot{}).Status.TakenAt
	ready, reason := metav1.ConditionTrue, v1alpha1.ReasonCompleted
	if phase == v1alpha1.OperationFailed {
		ready, reason = metav1.ConditionFalse, v1alpha1.ReasonFailed
	} else {
		backup.Status.Location = "https://s3.example/restore.yaml.age"
	}
	testkit.Say(f, backup, ready, reason, message, v1alpha1.ConditionReady)
}

func TestSnapshotsAreBackedUp(t *testing.T) {
	f := withVM(t)
	f.StartManager()
	object := builder.Schedule(f.Namespace, "web", "web", "@hourly", builder.BackedUpTo(bucket))
	object.Spec.Backup.Retention = &v1alpha1.BackupRetention{MaxCount: new(int32)}
	*object.Spec.Backup.Retention.MaxCount = 7
	f.Create(object)
	testkit.WaitCondition(f, object, v1alpha1.ConditionBackedUp, metav1.ConditionUnknown, v1alpha1.ReasonNotBackedUp, "")
	first := f.takeHours(object, 1)[0]
	backup := f.waitBackup(first)
	assert.True(t, metav1.IsControlledBy(backup, object))
	assert.Equal(t, "https://s3.example/backups/"+f.Namespace+"/web", backup.Spec.Target.S3.URL,
		"two schedules, or two tenants, never delete each other's backups")
	assert.Equal(t, object.Spec.Backup.Retention, backup.Spec.Retention)
	assert.Equal(t, first, backup.Spec.SnapshotRef.Name)

	// While a copy is being made none of another snapshot begins. Then only the newest is copied.
	later := f.takeHours(object, 2)
	f.WaitIdle()
	assert.False(t, f.Exists(later[0], &v1alpha1.WukongBackup{}))
	f.endBackup(backup, v1alpha1.OperationSucceeded, "")
	second := f.waitBackup(later[1])
	assert.False(t, f.Exists(later[0], &v1alpha1.WukongBackup{}))
	testkit.WaitCondition(f, object, v1alpha1.ConditionBackedUp, metav1.ConditionTrue, v1alpha1.ReasonBackedUp,
		"WukongSnapshot "+first+" was copied")
	assert.Equal(t, "https://s3.example/restore.yaml.age", object.Status.LastBackup.Location)

	// One that fails is reported, and not retried. That of the next snapshot is another one.
	f.endBackup(second, v1alpha1.OperationFailed, "the bucket is full")
	testkit.WaitCondition(f, object, v1alpha1.ConditionBackedUp, metav1.ConditionFalse, v1alpha1.ReasonBackupFailed,
		"WukongSnapshot "+later[1]+" was not copied: the bucket is full")
	f.Remove(second)
	f.WaitGone(second)
	f.touch(object)
	f.WaitIdle()
	assert.False(t, f.Exists(later[1], &v1alpha1.WukongBackup{}))

	// Nothing that is not the schedule's is taken for its backup.
	foreign := builder.Backup(f.Namespace, f.name(), "other", bucket)
	f.hour(object)
	foreign.Name = f.name()
	f.Create(foreign)
	f.take(f.name())
	testkit.WaitCondition(f, object, v1alpha1.ConditionBackedUp, metav1.ConditionFalse, v1alpha1.ReasonBackupFailed,
		"the backup waits until WukongBackup "+foreign.Name+" is deleted")
	f.Remove(foreign)
	f.WaitGone(foreign)
	f.touch(object)
	f.endBackup(f.waitBackup(foreign.Name), v1alpha1.OperationSucceeded, "")
	testkit.WaitCondition(f, object, v1alpha1.ConditionBackedUp, metav1.ConditionTrue, v1alpha1.ReasonBackedUp, "")

	// Suspended, or without backup, none begins.
	f.Patch(object, `{"spec":{"backup":null}}`)
	name := f.takeHours(object, 1)[0]
	f.WaitIdle()
	require.False(t, f.Exists(name, &v1alpha1.WukongBackup{}))
}
