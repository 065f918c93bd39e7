//go:build controlplane

package wukongdisk_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// creating is what CDI says of an importer pod that has its node and does not start.
func creating(since time.Duration) cdiv1.DataVolumeCondition {
	return cdiv1.DataVolumeCondition{
		Type: cdiv1.DataVolumeRunning, Status: corev1.ConditionFalse, Reason: "ContainerCreating",
		LastHeartbeatTime: metav1.NewTime(time.Now().Add(-since)),
	}
}

// What kubelet says of an importer pod that does not start is told on the disk, once it has had the time to; not for
// one that has just been made.
func TestAnImporterThatDoesNotStartIsTold(t *testing.T) {
	f, _ := start(t)
	disk, early, again := f.newDisk("late"), f.newDisk("early"), f.newDisk("again")
	for _, one := range []*v1alpha1.WukongDisk{disk, early, again} {
		f.Create(one)
		claim := f.ClaimOf(f.waitDataVolume(one))
		f.Create(&corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, GenerateName: "importer."},
			InvolvedObject: corev1.ObjectReference{
				Kind: "Pod", Namespace: f.Namespace, Name: "importer-prime-" + string(claim.UID),
			},
			Type: corev1.EventTypeWarning, Reason: "FailedMount",
			Message:        `MountVolume.SetUp failed for volume "cdi-cert-vol" : configmap "ca" not found`,
			FirstTimestamp: metav1.Now(), LastTimestamp: metav1.Now(), Count: 1,
		})
	}
	f.SetDataVolume("late", cdiv1.ImportScheduled, creating(time.Minute))
	f.SetDataVolume("early", cdiv1.ImportScheduled, creating(0))
	replaced := testkit.Read(f, "again", &cdiv1.DataVolume{}) // its first pod failed, and CDI made another one
	replaced.Status.Phase, replaced.Status.RestartCount, replaced.Status.Conditions = cdiv1.ImportScheduled, 1,
		[]cdiv1.DataVolumeCondition{creating(time.Minute)}
	f.SetStatus(replaced)
	testkit.Wait(f, again, metav1.ConditionFalse, v1alpha1.ReasonImportFailed,
		`configmap "ca" not found; it is retried`)
	told := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonImportFailed,
		`MountVolume.SetUp failed for volume "cdi-cert-vol" : configmap "ca" not found; it is retried`)
	assert.Equal(t, v1alpha1.DiskError, told.Status.Phase)
	testkit.Wait(f, early, metav1.ConditionFalse, v1alpha1.ReasonImporting, "")

	f.SetDataVolume("late", cdiv1.ImportInProgress,
		cdiv1.DataVolumeCondition{Type: cdiv1.DataVolumeRunning, Status: corev1.ConditionTrue})
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonImporting, "is being filled")
	f.Bind(testkit.Read(f, "late", &corev1.PersistentVolumeClaim{}))
	f.SetDataVolume("late", cdiv1.Succeeded)
	f.waitReady(disk)
	f.WaitIdle()
}

// Fault D.5: a source that cannot be read costs the same few writes however long that lasts, though CDI clears the
// importer's words at each try.
func TestAnImportThatFailsForEverCostsFewWrites(t *testing.T) {
	f, manager := start(t)
	disk := f.newDisk("root")
	f.Create(disk)
	claim := f.ClaimOf(f.waitDataVolume(disk))
	try := func(restarts int32, phase cdiv1.DataVolumePhase, running cdiv1.DataVolumeCondition) {
		dataVolume := testkit.Read(f, "root", &cdiv1.DataVolume{})
		dataVolume.Status.Phase, dataVolume.Status.RestartCount, dataVolume.Status.Progress = phase, restarts, "40.0%"
		running.Type, running.LastTransitionTime = cdiv1.DataVolumeRunning, metav1.Now()
		dataVolume.Status.Conditions = []cdiv1.DataVolumeCondition{running}
		f.SetStatus(dataVolume)
		f.WaitIdle()
	}
	runs := cdiv1.DataVolumeCondition{Status: corev1.ConditionTrue, Reason: "Pod is running"}
	fails := cdiv1.DataVolumeCondition{Status: corev1.ConditionFalse, Reason: "Error", Message: "no such host"}
	try(0, cdiv1.ImportInProgress, runs)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonImporting, "is being filled")
	try(0, cdiv1.ImportInProgress, fails)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonImportFailed, "no such host")
	try(11, cdiv1.ImportInProgress, fails)
	before := manager.Writes.Total()
	for range 2 {
		try(12, cdiv1.ImportInProgress, runs)
		try(12, cdiv1.ImportInProgress, fails)
		try(13, cdiv1.ImportScheduled,
			cdiv1.DataVolumeCondition{Status: corev1.ConditionFalse, Reason: "Pod is running"})
	}
	assert.Equal(t, before, manager.Writes.Total(), manager.Writes)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonImportFailed,
		"no such host (Error); it is retried (restarts so far: 10)")

	f.Bind(claim)
	f.SetDataVolume("root", cdiv1.Succeeded)
	f.waitReady(disk)
}
