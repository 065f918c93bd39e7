//go:build controlplane

package wukongdisk_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// The whole life of a disk until it is ready, and what it costs.
func TestContract3WritesOfADisk(t *testing.T) {
	f, manager := start(t)
	disk := f.newDisk("root")
	f.Create(disk)
	pending := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonClaimPending, "DataVolume root")
	assert.Equal(t, v1alpha1.DiskPending, pending.Status.Phase)
	assert.Equal(t, "root", pending.Status.ClaimName, "a machine may be made on it")

	claim := f.ClaimOf(f.waitDataVolume(disk))
	f.SetDataVolume("root", cdiv1.Pending)
	f.Bind(claim)
	f.SetDataVolume("root", cdiv1.ImportScheduled)
	importing := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonImporting,
		"DataVolume root is being filled")
	assert.Equal(t, v1alpha1.DiskImporting, importing.Status.Phase)
	f.SetDataVolume("root", cdiv1.ImportInProgress)
	f.SetDataVolume("root", cdiv1.Succeeded)
	ready := f.waitReady(disk)
	assert.Equal(t, v1alpha1.DiskReady, ready.Status.Phase)
	assert.Equal(t, "1Gi", ready.Status.Capacity.String())
	assert.Equal(t, testenv.DefaultStorageClass, ready.Status.StorageClassName)
	assert.Equal(t, []v1alpha1.AccessMode{"ReadWriteMany"}, ready.Status.AccessModes)

	f.WaitIdle()
	assert.Equal(t, map[testenv.Write]int{
		{Verb: "patch", Resource: "wukongdisks"}:        2, // the finalizer, and that it was filled
		{Verb: "patch", Resource: "datavolumes"}:        1,
		{Verb: "patch", Resource: "wukongdisks/status"}: 3, // pending, importing, ready
	}, manager.Writes.Counts())
	assert.Zero(t, manager.Writes.Conflicts())
	assert.Positive(t, transitions(t, "WukongDisk", v1alpha1.ConditionReady, metav1.ConditionFalse),
		"what docs/metrics.md promises is measured")

	t.Run("none at rest, after a restart", func(t *testing.T) {
		f := f.in(t)
		manager.Stop()
		second := f.StartManager()
		f.WaitPasses(1)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})
}

// transitions is how often a condition of a kind has left a status, by the manager's metrics.
func transitions(t *testing.T, kind, conditionType string, status metav1.ConditionStatus) uint64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	require.NoError(t, err)
	wanted := map[string]string{"kind": kind, "type": conditionType, "status": string(status)}
	var count uint64
	for _, family := range families {
		if family.GetName() != "wukong_condition_transition_seconds" {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if maps.Equal(labels, wanted) {
				count += metric.GetHistogram().GetSampleCount()
			}
		}
	}
	return count
}

// A disk that is made with the finalizer in place, as a machine stamps it, spares the write.
func TestWritesOfAStampedDisk(t *testing.T) {
	f, manager := start(t)
	disk := f.newDisk("root")
	controllerutil.AddFinalizer(disk, v1alpha1.FinalizerDisk)
	f.Create(disk)
	f.fill(disk)
	f.waitReady(disk)
	f.WaitIdle()
	assert.Equal(t, 1, manager.Writes.Counts()[testenv.Write{Verb: "patch", Resource: "wukongdisks"}],
		"that it was filled")
}

// B23: a transition time moves only with the status, and a condition says which spec it speaks of.
func TestB23TransitionTime(t *testing.T) {
	f, _ := start(t)
	disk := f.newDisk("root", builder.OnClass("later"))
	f.Create(disk)
	before := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonStorageClassMissing,
		"StorageClass later does not exist")
	f.Patch(disk, `{"spec":{"reclaimPolicy":"Retain"}}`)
	after := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonStorageClassMissing, "")
	f.Until(func() bool {
		after = testkit.Read(f, "root", &v1alpha1.WukongDisk{})
		return after.Status.ObservedGeneration == after.Generation
	})
	assert.Equal(t, int64(2), after.Generation)
	assert.Equal(t, readyOf(before).LastTransitionTime, readyOf(after).LastTransitionTime)
}

func readyOf(disk *v1alpha1.WukongDisk) *metav1.Condition {
	return meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionReady)
}

func TestAwaitingConsumerIsNoError(t *testing.T) {
	f, _ := start(t)
	disk := f.newDisk("root")
	f.Create(disk)
	f.ClaimOf(f.waitDataVolume(disk))
	f.SetDataVolume("root", cdiv1.WaitForFirstConsumer)
	waiting := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonAwaitingConsumer, "nothing is wrong")
	assert.Equal(t, v1alpha1.DiskAwaitingConsumer, waiting.Status.Phase)
	assert.Equal(t, "root", waiting.Status.ClaimName, "a machine may be made on it")
}

func TestImporterErrorIsShownAndHeals(t *testing.T) {
	f, _ := start(t)
	disk := f.newDisk("root", builder.FromHTTP("http://images.example/missing.qcow2"))
	f.Create(disk)
	f.Bind(f.ClaimOf(f.waitDataVolume(disk)))
	running := func(status corev1.ConditionStatus, reason, message string) cdiv1.DataVolumeCondition {
		return cdiv1.DataVolumeCondition{
			Type: cdiv1.DataVolumeRunning, Status: status, Reason: reason, Message: message,
		}
	}
	f.SetDataVolume("root", cdiv1.ImportInProgress,
		running(corev1.ConditionFalse, "Error",
			"Unable to connect to http data source: expected status code 200, got 404"))
	failed := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonImportFailed,
		"DataVolume root: importer pod: Unable to connect to http data source: expected status code 200, got 404")
	assert.Equal(t, v1alpha1.DiskError, failed.Status.Phase)

	f.SetDataVolume("root", cdiv1.ImportInProgress, running(corev1.ConditionTrue, "Pod is running", ""))
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonImporting, "")
	f.SetDataVolume("root", cdiv1.Succeeded)
	f.waitReady(disk)
}

// Progress is told in steps: CDI reports it every few seconds, for hours.
func TestProgressIsCoarse(t *testing.T) {
	f, manager := start(t)
	disk := f.newDisk("root")
	f.Create(disk)
	f.Bind(f.ClaimOf(f.waitDataVolume(disk)))
	f.SetDataVolume("root", cdiv1.ImportInProgress)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonImporting, "")
	f.WaitIdle()
	manager.Writes.Reset()
	for _, progress := range []cdiv1.DataVolumeProgress{"1.0%", "9.9%", "12.3%", "19.9%"} {
		dataVolume := testkit.Read(f, "root", &cdiv1.DataVolume{})
		dataVolume.Status.Progress = progress
		f.SetStatus(dataVolume)
		f.WaitIdle()
	}
	assert.Equal(t, ptr.To(int32(10)), testkit.Read(f, "root", &v1alpha1.WukongDisk{}).Status.ProgressPercent)
	assert.Equal(t, 2, manager.Writes.Total(), "0 % and 10 %")
}

// B18: CDI may now a finished DataVolume as garbage, and give its claim to the DataVolume's owner. The disk stays
// ready, and the DataVolume is not made again, which would fill the disk anew.
func TestB18CollectedDataVolumeIsNotMadeAgain(t *testing.T) {
	f, manager := start(t)
	disk := f.newDisk("root")
	f.Create(disk)
	f.fill(disk)
	disk = f.waitReady(disk)

	claim := testkit.Read(f, "root", &corev1.PersistentVolumeClaim{})
	claim.OwnerReferences = nil
	require.NoError(t, controllerutil.SetControllerReference(disk, claim, f.Client.Scheme()))
	require.NoError(t, f.Client.Update(t.Context(), claim))
	f.Remove(&cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "root"}},
		client.PropagationPolicy(metav1.DeletePropagationOrphan))
	f.WaitGone(&cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Name: "root"}})

	f.WaitIdle()
	assert.False(t, f.Exists("root", &cdiv1.DataVolume{}))
	current := f.waitReady(disk)
	assert.Empty(t, current.Status.DataVolumeName)
	assert.Equal(t, "root", current.Status.ClaimName)

	manager.Stop()
	second := f.StartManager()
	f.WaitPasses(1)
	assert.Zero(t, second.Writes.Total(), second.Writes)

	f.Remove(disk)
	f.WaitGone(disk)
	f.WaitGone(claim)
}

// Contract 4 and B12: a field that we set is brought back when someone changes it; what others add stays.
func TestContract4FieldsOfOthersStay(t *testing.T) {
	f, _ := start(t)
	disk := f.newDisk("root")
	f.Create(disk)
	dataVolume := f.waitDataVolume(disk)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonClaimPending, "")

	f.Patch(dataVolume,
		`{"metadata":{"annotations":{"example.com/note":"mine"},"labels":{"app.kubernetes.io/managed-by":null}}}`)
	f.Until(func() bool {
		return testkit.Read(f, "root", &cdiv1.DataVolume{}).Labels["app.kubernetes.io/managed-by"] == "wukong"
	})
	assert.Equal(t, "mine", testkit.Read(f, "root", &cdiv1.DataVolume{}).Annotations["example.com/note"])
}
