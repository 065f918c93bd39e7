//go:build controlplane

package wukongdisk_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// What held a disk that was complete is taken away, in each of the ways in which that is done. The disk is not filled
// from its source again, and says lastingly that its bytes are lost, until a person asks for another (issue C.0).
func TestC0ADiskIsNotFilledASecondTimeByItself(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(f *testkit.Fixture, disk *v1alpha1.WukongDisk){
		"the claim": func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
			f.Remove(testkit.Read(f, disk.Name, &corev1.PersistentVolumeClaim{}))
		},
		"the DataVolume, and with it the claim": func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
			f.Remove(testkit.Read(f, disk.Name, &cdiv1.DataVolume{}),
				client.PropagationPolicy(metav1.DeletePropagationForeground))
		},
		"both, and the status, as a backup tool does": func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
			f.Remove(testkit.Read(f, disk.Name, &cdiv1.DataVolume{}),
				client.PropagationPolicy(metav1.DeletePropagationForeground))
			f.Until(func() bool { return !f.Exists(disk.Name, &corev1.PersistentVolumeClaim{}) })
			f.Patch(disk, `{"metadata":{"finalizers":null}}`)
			f.Remove(disk)
			f.Until(func() bool { return !f.Has(disk) })
			restored := disk.DeepCopy()
			restored.UID, restored.ResourceVersion, restored.Status, restored.DeletionTimestamp = "", "",
				v1alpha1.WukongDiskStatus{}, nil
			f.Create(restored)
			restored.DeepCopyInto(disk)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, disk := startFilled(t)

			take(f, disk)
			testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonBytesLost,
				"kubectl annotate wukongdisk data --namespace="+f.Namespace)
			f.Never(func() bool { return f.Exists("data", &corev1.PersistentVolumeClaim{}) }, 2*time.Second,
				"a claim that nobody asked for")
			testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonBytesLost, "")
			assert.Equal(t, v1alpha1.DiskError, disk.Status.Phase)

			f.Patch(disk, `{"metadata":{"annotations":{"`+v1alpha1.AnnotationFilled+`":null}}}`)
			testkit.Wait(f, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
			f.Until(func() bool {
				return testkit.Read(f, "data", disk).Annotations[v1alpha1.AnnotationFilled] == "data"
			})
		})
	}
}

// startFilled has a disk of the name data that is complete, and which CDI and the disk itself know to be so.
func startFilled(t *testing.T) (*testkit.Fixture, *v1alpha1.WukongDisk) {
	t.Helper()
	f := testkit.Parallel(t)
	f.Simulate()
	f.StartManager()
	disk := builder.Disk(f.Namespace, "data", builder.Size("1Gi"))
	f.Create(disk)
	testkit.Wait(f, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	f.Until(func() bool {
		return testkit.Read(f, "data", disk).Annotations[v1alpha1.AnnotationFilled] == "data" &&
			testkit.Read(f, "data", &cdiv1.DataVolume{}).Annotations[dvstate.AnnotationPrePopulated] != ""
	})
	return f, disk
}

// A claim that a guest has stays until the guest stops, and its disk warns for as long.
func TestC0ADiskWarnsWhileItsClaimIsBeingDeleted(t *testing.T) {
	for name, victim := range map[string]client.Object{
		"the claim": &corev1.PersistentVolumeClaim{}, "the DataVolume": &cdiv1.DataVolume{},
	} {
		t.Run(name, func(t *testing.T) {
			f, disk := startFilled(t)
			claim := testkit.Read(f, "data", &corev1.PersistentVolumeClaim{})
			f.Patch(claim, `{"metadata":{"finalizers":["kubernetes.io/pvc-protection"]}}`)

			f.Remove(f.Named("data", victim))
			testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonClaimDeleted,
				"the bytes of this disk are gone as soon as")
			assert.Equal(t, "data", disk.Status.ClaimName, "the guest keeps its disk")
			assert.True(t, disk.Complete(), "it can still be copied")

			f.Patch(claim, `{"metadata":{"finalizers":null}}`)
			testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonBytesLost, "")
			assert.Equal(t, "data", disk.Status.ClaimName)
			assert.False(t, disk.Complete())
		})
	}
}

// Disks that were filled by an earlier version are sealed when this one looks at them. CDI, which would do the rest,
// does not run here.
func TestC0DisksOfBeforeAreSealed(t *testing.T) {
	f, manager := start(t)
	disk := f.newDisk("data", builder.Size("1Gi"))
	f.Create(disk)
	f.fill(disk)
	f.waitReady(disk)
	manager.Stop()
	f.Patch(testkit.Read(f, "data", &cdiv1.DataVolume{}),
		`{"metadata":{"annotations":{"`+dvstate.AnnotationPopulatedFor+`":null}}}`)
	f.Patch(disk, `{"metadata":{"annotations":{"`+v1alpha1.AnnotationFilled+`":null}}}`)
	f.StartManager()
	f.Until(func() bool {
		marks := testkit.Read(f, "data", &cdiv1.DataVolume{}).Annotations
		return marks[dvstate.AnnotationPopulatedFor] == "data" && marks[dvstate.AnnotationPrePopulated] == "data" &&
			testkit.Read(f, "data", disk).Annotations[v1alpha1.AnnotationFilled] == "data"
	})
}

// A pass may have read a DataVolume that is deleted before the pass writes it. It must not create it again: CDI would
// fill it, and the disk would have other bytes.
func TestADataVolumeThatWasDeletedSinceItWasReadIsNotMadeAgain(t *testing.T) {
	f, manager := start(t)
	disk := f.newDisk("root")
	f.Create(disk)
	f.fill(disk)
	f.waitReady(disk)
	manager.Stop()
	read := f.waitDataVolume(disk)
	f.Remove(read)
	f.WaitGone(read)
	desired := &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: read.Name, UID: read.UID}, Spec: read.Spec,
	}
	_, err := apply.Child(f.Context(), &apply.Applier{Client: f.Client, FieldManager: "test"}, disk, desired)
	require.Error(t, err)
	assert.True(t, apierrors.IsConflict(err), "it is read again, and not a refusal: %v", err)
	assert.False(t, f.Exists("root", &cdiv1.DataVolume{}))
}
