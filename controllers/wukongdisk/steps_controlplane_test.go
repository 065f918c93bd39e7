//go:build controlplane

package wukongdisk_test

import (
	"strings"
	"testing"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
	"github.com/novasphere/wukong/controllers/internal/testkit/steprows"
	"github.com/novasphere/wukong/controllers/wukongdisk"
)

type diskRow = steprows.Row[*v1alpha1.WukongDisk]

// keepsClaim checks that machines can use the disk.
func keepsClaim(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
	f.Helper()
	assert.Equal(f, disk.Name, testkit.Read(f, disk.Name, disk).Status.ClaimName)
}

func patching(change string) func(*testkit.Fixture, *v1alpha1.WukongDisk) {
	return func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) { f.Patch(disk, change) }
}

// isFilled plays CDI until the disk is ready.
func isFilled(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
	f.Helper()
	disks{f}.fill(disk)
	disks{f}.waitReady(disk)
	assert.Equal(f, disk.Name, disk.Annotations[v1alpha1.AnnotationFilled])
}

// askRestore plays the WukongVM of the disk's name, which asks for a restore from a snapshot that exists.
func askRestore(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
	f.Helper()
	taken := &snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: disk.Name},
		Spec: snapshotv1.VolumeSnapshotSpec{
			Source: snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: &disk.Name},
		},
	}
	f.Create(taken)
	taken.Status = &snapshotv1.VolumeSnapshotStatus{ReadyToUse: ptr.To(true)}
	f.SetStatus(taken)
	vm := testkit.Read(f, disk.Name, &v1alpha1.WukongVM{})
	vm.Status.Restore = &v1alpha1.VMRestoreStatus{
		Phase: v1alpha1.RestoreFilling,
		Request: v1alpha1.VMRestore{
			RequestedAt: metav1.NewTime(time.Now().UTC().Truncate(time.Second)),
			SnapshotRef: v1alpha1.LocalObjectReference{Name: "before"},
		},
		Disks: []v1alpha1.VMRestoreDisk{{Name: disk.Name, DiskName: disk.Name, VolumeSnapshotName: disk.Name}},
	}
	f.SetStatus(vm)
}

func TestEachStepIsRefusedAndFails(t *testing.T) {
	f := disks{testkit.Parallel(t).Running("wukongdisk").MovingBy(moverImage)}
	class, other := f.newClass(true).Name, f.newClass(true).Name
	begin := func(f *testkit.Fixture, name string) *v1alpha1.WukongDisk {
		disk := disks{f}.newDisk(name, builder.OnClass(class))
		f.Create(disk)
		return disk
	}
	rows := rowsOfAFilledDisk(other)
	rows["metadata"] = diskRow{
		Resource: "wukongdisks", Heals: isFilled,
		GoesOn: func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
			assert.Empty(f, testkit.Read(f, disk.Name, disk).Status.ClaimName, "a machine would start on it")
			if strings.HasSuffix(disk.Name, "-failed") {
				assert.Zero(f, disk.Status.ObservedGeneration, "others act on it")
			} else {
				assert.Equal(f, disk.Generation, disk.Status.ObservedGeneration, "a refusal is an answer")
				assert.Equal(f, v1alpha1.DiskError, disk.Status.Phase)
			}
			assert.False(f, f.Exists(disk.Name, &cdiv1.DataVolume{}), "nothing is made before the finalizer keeps or deletes it")
		},
	}
	rows["data-volume"] = diskRow{
		Resource: "datavolumes", Heals: isFilled,
		GoesOn: func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
			assert.Contains(f, testkit.Read(f, disk.Name, disk).Finalizers, v1alpha1.FinalizerDisk)
		},
	}
	rows["filled"] = diskRow{
		Resource: "wukongdisks", GoesOn: keepsClaim,
		Settles: func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) { f.WaitDataVolume(disk.Name) },
		Act:     func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) { disks{f}.fill(disk) },
		Heals: func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
			disks{f}.waitReady(disk)
			assert.Equal(f, disk.Name, disk.Annotations[v1alpha1.AnnotationFilled])
		},
	}
	for step, row := range rows {
		row.Begin = begin
		rows[step] = row
	}
	rows["relay"] = diskRow{
		Resource: "jobs",
		Begin: func(f *testkit.Fixture, name string) *v1alpha1.WukongDisk {
			disk := disks{f}.newDisk(name, builder.OnClass(class), verified(""))
			f.Create(disk)
			return disk
		},
		GoesOn: func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
			assert.False(f, f.Exists(disk.Name, &cdiv1.DataVolume{}), "an importer would find nobody")
			assert.Contains(f, testkit.Read(f, disk.Name, disk).Finalizers, v1alpha1.FinalizerDisk)
		},
		Heals: func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
			disks{f}.relayPod(disk, isReady)
			isFilled(f, disk)
		},
	}
	steprows.Run(t, f.Fixture, steprows.Table[*v1alpha1.WukongDisk]{
		Steps: wukongdisk.Steps, Rows: rows, Wake: patching(`{"spec":{"cloneableFrom":["other"]}}`),
	})
}

// rowsOfAFilledDisk are the steps of a disk that a user changes when it is complete.
func rowsOfAFilledDisk(otherClass string) map[string]diskRow {
	return map[string]diskRow{
		"ownership": {
			Resource: "datavolumes", Settles: isFilled, Act: patching(`{"spec":{"reclaimPolicy":"Retain"}}`), GoesOn: keepsClaim,
			Heals: func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
				disks{f}.waitReady(disk)
				assert.Empty(f, testkit.Read(f, disk.Name, &cdiv1.DataVolume{}).OwnerReferences)
			},
		},
		"growth": {
			Resource: "persistentvolumeclaims", Settles: isFilled, Act: patching(`{"spec":{"size":"2Gi"}}`), GoesOn: keepsClaim,
			Heals: func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
				testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonExpanding, "grows from")
				f.Bind(testkit.Read(f, disk.Name, &corev1.PersistentVolumeClaim{}))
				disks{f}.waitReady(disk)
			},
		},
		"move": {
			Resource: "datavolumes", Condition: v1alpha1.ConditionStorageMoved, Settles: isFilled,
			Act: patching(`{"spec":{"storageClassName":"` + otherClass + `"}}`), GoesOn: keepsClaim,
			Heals: func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
				f.Eventually(func(now *testkit.Attempt) {
					list := &cdiv1.DataVolumeList{}
					require.NoError(now, f.Client.List(f.Context(), list, client.InNamespace(f.Namespace)))
					owned := 0
					for i := range list.Items {
						if metav1.IsControlledBy(&list.Items[i], disk) {
							owned++
						}
					}
					assert.Equal(now, 2, owned, "the target is made")
				})
				testkit.WaitCondition(f, disk, v1alpha1.ConditionStorageMoved, metav1.ConditionFalse, v1alpha1.ReasonMoving, "")
			},
		},
		"restore": {
			Resource: "datavolumes", Condition: v1alpha1.ConditionRestored, GoesOn: keepsClaim, Act: askRestore,
			Settles: func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
				isFilled(f, disk)
				f.Create(builder.VM(f.Namespace, disk.Name, builder.Attached(disk.Name)))
				testkit.WaitUntil(f, disk, func(now *testkit.Attempt, disk *v1alpha1.WukongDisk) {
					assert.Equal(now, disk.Name, disk.Status.AttachedTo)
				})
			},
			Heals: func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
				testkit.WaitUntil(f, disk, func(now *testkit.Attempt, disk *v1alpha1.WukongDisk) {
					if assert.NotNil(now, disk.Status.Restore) {
						assert.True(now, f.Exists(disk.Status.Restore.TargetClaimName, &cdiv1.DataVolume{}))
					}
				})
			},
		},
		"protection": {
			Resource: "datavolumes", Settles: isFilled, GoesOn: keepsClaim,
			Act: patching(`{"spec":{"deletionProtection":true}}`),
			Heals: func(f *testkit.Fixture, disk *v1alpha1.WukongDisk) {
				disks{f}.waitReady(disk)
				dataVolume := testkit.Read(f, disk.Name, &cdiv1.DataVolume{})
				assert.Equal(f, string(dataVolume.UID), dataVolume.Labels[v1alpha1.LabelDeletionProtection])
			},
		},
	}
}
