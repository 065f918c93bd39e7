//go:build controlplane

package wukongbackup_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
	"github.com/novasphere/wukong/mover"
)

// backups is the fixture in which the controller runs alone, and the test plays the controllers of snapshots and
// exports, and those who run Jobs. The manager has the name of the operator's account, so that each of its Jobs is
// judged by the policy for them.
type backups struct{ *testkit.Fixture }

func alone(t *testing.T) backups {
	t.Helper()
	return backups{testkit.Parallel(t).Running("wukongbackup").MovingBy("registry.example/wukong:1").
		Called(testenv.Operator)}
}

func start(t *testing.T) backups {
	t.Helper()
	f := alone(t)
	f.StartManager()
	return f
}

func target(key string) v1alpha1.BackupTarget {
	return builder.S3Folder("https://s3.example/backups/shop", "us-east-1", "credentials", key)
}

// snapshotOfVM is a complete snapshot of a WukongVM with disks.
func (f backups) snapshotOfVM(name string, disks ...string) *v1alpha1.WukongSnapshot {
	f.Helper()
	snapshot := builder.SnapshotOfVM(f.Namespace, name, "web")
	f.Create(snapshot)
	f.complete(snapshot, disks...)
	return snapshot
}

func (f backups) complete(snapshot *v1alpha1.WukongSnapshot, disks ...string) {
	f.Helper()
	var stamped []builder.VMOption
	for _, disk := range disks {
		stamped = append(stamped, builder.Stamped(disk))
	}
	vm := builder.VM(f.Namespace, "web", stamped...)
	data, err := json.Marshal(&v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: vm.Name}, Spec: vm.Spec})
	require.NoError(f, err)
	revision := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: f.Namespace, Name: snapshot.Name + "-machine",
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(snapshot, v1alpha1.GroupVersion.WithKind("WukongSnapshot")),
			},
		},
		Revision: 1, Data: runtime.RawExtension{Raw: data},
	}
	f.Create(revision)
	at := metav1.NewTime(time.Now().Truncate(time.Second))
	status := &snapshot.Status
	status.Phase, status.CompletionTime, status.TakenAt = v1alpha1.OperationSucceeded, &at, &at
	status.Machine = &v1alpha1.SnapshotMachine{Name: vm.Name, UID: "u", RevisionName: revision.Name}
	for _, disk := range disks {
		status.Disks = append(status.Disks, v1alpha1.SnapshotDiskStatus{
			Name: disk, DiskName: "web-" + disk, Size: ptr.To(resource.MustParse("1Gi")), StorageClassName: "fast",
			VolumeSnapshotName: snapshot.Name + "-" + disk,
		})
	}
	testkit.Say(f, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "", v1alpha1.ConditionReady)
}

// exportOf waits for the export of a disk.
func (f backups) exportOf(backup *v1alpha1.WukongBackup, disk string) *v1alpha1.WukongExport {
	f.Helper()
	export := &v1alpha1.WukongExport{}
	f.Until(func() bool { return f.Exists(model.BackupExportName(backup, disk), export) }, "no export of %s", disk)
	return export
}

// copied plays the controller of exports: it has copied a disk.
func (f backups) copied(backup *v1alpha1.WukongBackup, disks ...string) {
	f.Helper()
	for _, disk := range disks {
		export := f.exportOf(backup, disk)
		at := metav1.NewTime(time.Now().Truncate(time.Second))
		export.Status.Phase, export.Status.CompletionTime = v1alpha1.OperationSucceeded, &at
		export.Status.SizeBytes, export.Status.Checksum = 1000, "sha256:"+strings.Repeat("ab", 32)
		testkit.Say(f, export, metav1.ConditionTrue, v1alpha1.ReasonCompleted, "", v1alpha1.ConditionReady)
	}
}

// end plays those who run the Job of a backup: its pod ended with a report.
func (f backups) end(backup *v1alpha1.WukongBackup, phase corev1.PodPhase, report mover.Report) *batchv1.Job {
	f.Helper()
	job := &batchv1.Job{}
	f.Until(func() bool { return f.Exists(model.BackupJobName(backup), job) }, "no Job")
	pod := &corev1.Pod{ObjectMeta: *job.Spec.Template.ObjectMeta.DeepCopy(), Spec: *job.Spec.Template.Spec.DeepCopy()}
	pod.Namespace, pod.Name = f.Namespace, job.Name+"-"+string(job.UID)[:5]
	pod.Labels[batchv1.ControllerUidLabel], pod.Labels[batchv1.JobNameLabel] = string(job.UID), job.Name
	f.Create(pod)
	message, err := json.Marshal(report)
	require.NoError(f, err)
	pod.Status = corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "mover", State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{Message: string(message)},
		},
	}}}
	f.SetStatus(pod)
	ended, now := batchv1.JobComplete, metav1.Now()
	job.Status.StartTime = &now
	if phase == corev1.PodFailed {
		ended, job.Status.Failed = batchv1.JobFailed, 6
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
			Type: batchv1.JobFailureTarget, Status: corev1.ConditionTrue, LastTransitionTime: now,
		})
	} else {
		job.Status.Succeeded, job.Status.CompletionTime = 1, &now
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
			Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: now,
		})
	}
	job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
		Type: ended, Status: corev1.ConditionTrue, LastTransitionTime: now,
	})
	f.SetStatus(job)
	return job
}

// succeeds plays all others until a backup of the disk root has succeeded.
func (f backups) succeeds(backup *v1alpha1.WukongBackup) {
	f.Helper()
	f.copied(backup, "root")
	f.end(backup, corev1.PodSucceeded, mover.Report{Percent: 100, SizeBytes: 10})
	testkit.WaitTrue(f.Fixture, backup, v1alpha1.ReasonCompleted)
}

func TestABackup(t *testing.T) {
	f := start(t)
	f.snapshotOfVM("monday", "root", "data", "logs", "spare")
	backup := builder.Backup(f.Namespace, "monday", "monday", target("key"), builder.KeepingBackups(3))
	f.Create(backup)
	export := f.exportOf(backup, "root")
	assert.True(t, metav1.IsControlledBy(export, backup))
	assert.Equal(t, "https://s3.example/backups/shop/monday/root.qcow2.gz.age", export.Spec.Target.S3.URL)
	assert.Equal(t, "key", export.Spec.Target.S3.Encryption.SecretRef.Name)
	assert.Equal(t, v1alpha1.ExportQCOW2, export.Spec.Format, "the importer believes what a raw disk begins with")
	assert.Equal(t, "monday-root", export.Spec.Source.VolumeSnapshot.Name)
	f.exportOf(backup, "logs")
	assert.False(t, f.Exists(model.BackupExportName(backup, "spare"), &v1alpha1.WukongExport{}), "three at a time")

	f.copied(backup, "root", "data", "logs")
	// An export that is deleted after its end was read is not needed again.
	testkit.WaitUntil(f.Fixture, backup, func(now *testkit.Attempt, backup *v1alpha1.WukongBackup) {
		done := 0
		for _, disk := range backup.Status.Disks {
			if disk.Checksum != "" {
				done++
			}
		}
		assert.Equal(now, 3, done)
		assert.Equal(now, ptr.To[int32](70), backup.Status.ProgressPercent)
	})
	f.Remove(f.exportOf(backup, "data"))
	f.copied(backup, "spare")
	job := f.end(backup, corev1.PodSucceeded, mover.Report{Percent: 100, SizeBytes: 24, Deleted: 2, Warning: "locked"})
	assert.False(t, f.Exists(model.BackupExportName(backup, "data"), &v1alpha1.WukongExport{}))
	assert.ElementsMatch(t, []string{"mover", "--target=backup", "--location=https://s3.example/backups/shop/monday",
		"--region=us-east-1", "--encrypted", "--keep-count=3"}, job.Spec.Template.Spec.Containers[0].Args)
	files := testkit.Read(f, job.Name, &corev1.ConfigMap{})
	assert.True(t, metav1.IsControlledBy(files, backup))
	assert.Contains(t, files.Data["restore.yaml"], "kind: WukongVM")
	assert.Contains(t, files.Data["backup.json"], `"wukong-backup/v1"`)

	testkit.WaitTrue(f.Fixture, backup, v1alpha1.ReasonCompleted)
	assert.Contains(t, model.Ready(backup).Message, "old backups were not deleted: locked")
	assert.Equal(t, v1alpha1.OperationSucceeded, backup.Status.Phase)
	assert.Equal(t, "https://s3.example/backups/shop/monday/restore.yaml.age", backup.Status.Location)
	assert.EqualValues(t, 4*1000+24, backup.Status.SizeBytes)
	assert.EqualValues(t, 2, backup.Status.DeletedBackups)
	f.WaitGone(job)
	for _, disk := range []string{"root", "logs", "spare"} {
		f.WaitGone(f.Named(model.BackupExportName(backup, disk), &v1alpha1.WukongExport{}))
	}
	record := backup.Status.DeepCopy()
	f.Remove(testkit.Read(f, "monday", &v1alpha1.WukongSnapshot{}))
	f.WaitIdle()
	assert.Equal(t, record, &testkit.Read(f, "monday", backup).Status, "what was done stays done")
}

// What a backup waits for is said, and it continues.
func TestABackupWaitsForItsSnapshot(t *testing.T) {
	f := start(t)
	backup := builder.Backup(f.Namespace, "early", "later", target(""))
	f.Create(backup)
	testkit.Wait(f.Fixture, backup, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing,
		"WukongSnapshot later does not exist; create it")
	snapshot := builder.SnapshotOfVM(f.Namespace, "later", "web")
	f.Create(snapshot)
	testkit.Wait(f.Fixture, backup, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "WukongSnapshot later")
	f.complete(snapshot, "root")
	f.succeeds(backup)
}

func TestABackupThatFails(t *testing.T) {
	for name, row := range map[string]struct {
		fail    func(f backups, backup *v1alpha1.WukongBackup)
		message string
	}{
		"a disk is not copied": {func(f backups, backup *v1alpha1.WukongBackup) {
			export := f.exportOf(backup, "root")
			at := metav1.Now()
			export.Status.Phase, export.Status.CompletionTime = v1alpha1.OperationFailed, &at
			testkit.Say(f, export, metav1.ConditionFalse, v1alpha1.ReasonFailed, "the bucket is full", v1alpha1.ConditionReady)
		}, "disk root was not copied: WukongExport"},
		"the manifest is not written": {func(f backups, backup *v1alpha1.WukongBackup) {
			f.copied(backup, "root")
			f.end(backup, corev1.PodFailed, mover.Report{Reason: v1alpha1.ReasonCredentialsRefused, Message: "not allowed"})
		}, "CredentialsRefused: not allowed"},
		"the snapshot is deleted": {func(f backups, backup *v1alpha1.WukongBackup) {
			f.exportOf(backup, "root")
			f.Remove(testkit.Read(f, "monday", &v1alpha1.WukongSnapshot{}))
		}, "WukongSnapshot monday was deleted before the backup was complete"},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			f.snapshotOfVM("monday", "root")
			backup := builder.Backup(f.Namespace, "monday", "monday", target(""))
			f.Create(backup)
			row.fail(f, backup)
			testkit.Wait(f.Fixture, backup, metav1.ConditionFalse, v1alpha1.ReasonFailed, row.message)
			assert.Equal(t, v1alpha1.OperationFailed, backup.Status.Phase)
		})
	}
}

// A backup of the same name is another one: it neither takes the exports of the first for its own, nor changes them.
func TestABackupThatIsMadeAgain(t *testing.T) {
	f := start(t)
	f.snapshotOfVM("monday", "root")
	backup := builder.Backup(f.Namespace, "monday", "monday", target(""))
	foreign := builder.Export(f.Namespace, model.BackupExportName(backup, "root"), "other",
		builder.ToS3("https://s3.example/b/k", "", "login"))
	f.Create(foreign)
	f.Create(backup)
	testkit.Wait(f.Fixture, backup, metav1.ConditionFalse, v1alpha1.ReasonNameConflict, "WukongExport "+foreign.Name)
	f.Remove(foreign)
	f.Patch(backup, `{"spec":{"ttlSecondsAfterFinished":1000}}`)
	f.succeeds(backup)
	first := backup.UID
	f.Remove(backup)
	f.WaitGone(backup)
	again := builder.Backup(f.Namespace, "monday", "monday", target(""))
	f.Create(again)
	f.succeeds(again)
	assert.NotEqual(t, first, again.UID)
}

// A manager that is killed at any write finishes the backup, and copies no disk twice.
func TestABackupIsFinishedAfterEachKill(t *testing.T) {
	f := alone(t)
	faults := testenv.NewFaults()
	f = backups{f.Meeting(faults)}
	f.snapshotOfVM("monday", "root")
	for writes := range 12 {
		faults.FailAfter(writes)
		manager := f.StartManager()
		name := "kill-" + string(rune('a'+writes))
		backup := builder.Backup(f.Namespace, name, "monday", target(""))
		f.Create(backup)
		f.Until(func() bool {
			exports := &v1alpha1.WukongExportList{}
			require.NoError(f, f.Client.List(f.Context(), exports, client.InNamespace(f.Namespace)))
			for i := range exports.Items {
				if metav1.IsControlledBy(&exports.Items[i], backup) && !exports.Items[i].Finished() {
					f.copied(backup, "root")
				}
			}
			return faults.Failed() > 0 || f.Exists(model.BackupJobName(backup), &batchv1.Job{})
		})
		manager.Stop()
		faults.FailAfter(1 << 20)
		manager = f.StartManager()
		f.succeeds(backup)
		manager.Stop()
	}
}
