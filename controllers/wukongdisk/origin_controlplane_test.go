//go:build controlplane

package wukongdisk_test

import (
	"testing"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// A clone waits for its origin to come and to be complete, and costs no write at rest, neither then nor after.
func TestCloneOfADisk(t *testing.T) {
	f, manager := start(t)
	clone := f.newDisk("clone", builder.CloneOf("", "golden"))
	f.Create(clone)
	testkit.Wait(f, clone, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing,
		"WukongDisk "+f.Namespace+"/golden does not exist")
	golden := f.newDisk("golden")
	f.Create(golden)
	testkit.Wait(f, clone, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "DataVolume golden")
	assert.False(t, f.Exists("clone", &cdiv1.DataVolume{}))

	f.fill(golden)
	assert.Equal(t, &cdiv1.DataVolumeSource{PVC: &cdiv1.DataVolumeSourcePVC{Namespace: f.Namespace, Name: "golden"}},
		f.waitDataVolume(clone).Spec.Source)
	f.fill(clone)
	f.waitReady(clone)
	f.Remove(golden)
	f.WaitGone(golden)
	f.waitReady(clone)

	f.WaitIdle()
	manager.Stop()
	second := f.StartManager()
	f.WaitPasses(1)
	assert.Zero(t, second.Writes.Total(), second.Writes)
}

// CDI copies nothing that a pod uses, and does not report that. So the clone waits, reports for which WukongVM, and
// continues when the guest has released the disk. A WukongVM that waits for the clone itself is no obstacle.
func TestCloneOfADiskThatAGuestHas(t *testing.T) {
	f, _ := start(t)
	golden, clone := f.newDisk("golden"), f.newDisk("clone", builder.CloneOf("", "golden"))
	f.Create(golden)
	f.fill(golden)
	f.waitReady(golden)
	vm := f.newVM("web", "golden", "clone")
	f.Create(vm)
	f.waitHeldBy(golden, "web")
	vm.Status.NodeName = "node1"
	f.SetStatus(vm)
	f.WaitIdle()
	f.Create(clone)
	testkit.Wait(f, clone, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "it is in use by WukongVM web")
	f.WaitIdle()
	assert.False(t, f.Exists("clone", &cdiv1.DataVolume{}))

	vm.Status.NodeName = ""
	f.SetStatus(vm)
	f.waitDataVolume(clone)
}

// Two disks that are clones of each other wait, say so, and fall silent.
func TestClonesOfEachOtherFallSilent(t *testing.T) {
	f, manager := start(t)
	one, two := f.newDisk("one", builder.CloneOf("", "two")), f.newDisk("two", builder.CloneOf("", "one"))
	f.Create(one, two)
	testkit.Wait(f, one, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "waits itself")
	testkit.Wait(f, two, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "waits itself")
	f.WaitIdle()
	assert.Less(t, manager.Writes.Total(), 10, manager.Writes)
}

// Nothing of another namespace is cloned, or reported, until its owner grants it: by the spec of a disk, or by an
// annotation of a claim.
func TestContract7CloneAcrossNamespacesIsGranted(t *testing.T) {
	f, _ := start(t)
	images := f.elsewhere()
	golden := images.newDisk("golden")
	claim := images.NewClaim("plain")
	images.Create(golden)
	images.fill(golden)
	images.waitReady(golden)
	images.CreateClaim(claim)
	images.Bind(claim)

	ofDisk := f.newDisk("of-disk", builder.CloneOf(images.Namespace, "golden"))
	ofClaim := f.newDisk("of-claim", builder.CloneOfClaim(images.Namespace, "plain"))
	ofNothing := f.newDisk("of-nothing", builder.CloneOf(images.Namespace, "nothing"))
	f.Create(ofDisk, ofClaim, ofNothing)
	for _, disk := range []*v1alpha1.WukongDisk{ofDisk, ofClaim, ofNothing} {
		testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonCloneNotGranted,
			"does not exist, or does not grant it")
		assert.False(t, f.Exists(disk.Name, &cdiv1.DataVolume{}))
	}
	images.Patch(golden, `{"spec":{"cloneableFrom":["`+f.Namespace+`"]}}`)
	images.Patch(claim, `{"metadata":{"annotations":{"vm.novasphere.dev/cloneable-from":"other, `+f.Namespace+`"}}}`)
	assert.Equal(t, &cdiv1.DataVolumeSourcePVC{Namespace: images.Namespace, Name: "golden"},
		f.waitDataVolume(ofDisk).Spec.Source.PVC)
	assert.Equal(t, &cdiv1.DataVolumeSourcePVC{Namespace: images.Namespace, Name: "plain"},
		f.waitDataVolume(ofClaim).Spec.Source.PVC)
	assert.ErrorContains(t, f.Client.Create(t.Context(), f.newDisk("odd", func(spec *v1alpha1.WukongDiskSpec) {
		spec.CloneableFrom = []string{"No_Namespace"}
	})), "must be the name of a namespace, or * for all")
}

// Contract 5: the snapshot API may come after Wukong.
func TestContract5DiskOfASnapshot(t *testing.T) {
	apart := testkit.Apart(t, testenv.Options{Without: []testenv.Definitions{testenv.Snapshots}})
	f := disks{apart.Running("wukongdisk")}
	f.StartManager()
	disk := f.newDisk("root", builder.FromVolumeSnapshot("monday"))
	f.Create(disk)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing,
		"volumesnapshots.snapshot.storage.k8s.io")
	f.Install(testenv.Snapshots)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing,
		"VolumeSnapshot "+f.Namespace+"/monday does not exist")

	snapshot := &snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "monday"},
		Spec: snapshotv1.VolumeSnapshotSpec{
			Source: snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: ptr.To("golden")},
		},
	}
	f.Create(snapshot)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "it is being taken")
	full := &snapshotv1.VolumeSnapshotError{Message: ptr.To("pool is full")}
	snapshot.Status = &snapshotv1.VolumeSnapshotStatus{Error: full}
	f.SetStatus(snapshot)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "pool is full")
	snapshot.Status = &snapshotv1.VolumeSnapshotStatus{ReadyToUse: ptr.To(true)}
	f.SetStatus(snapshot)
	assert.Equal(t, &cdiv1.DataVolumeSourceSnapshot{Namespace: f.Namespace, Name: "monday"},
		f.waitDataVolume(disk).Spec.Source.Snapshot)

}

// A disk starts from the VolumeSnapshot of a WukongSnapshot when it is complete, and in another namespace only where it
// is granted.
func TestDiskOfAWukongSnapshot(t *testing.T) {
	f, _ := start(t)
	other := f.elsewhere()
	disk := f.newDisk("root", builder.FromSnapshot("", "monday"))
	abroad := other.newDisk("root", builder.FromSnapshot(f.Namespace, "monday"))
	f.Create(disk, abroad)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing,
		"WukongSnapshot "+f.Namespace+"/monday does not exist")

	snapshot := builder.Snapshot(f.Namespace, "monday", "data")
	f.Create(snapshot)
	say := func(status metav1.ConditionStatus, message string) {
		meta.SetStatusCondition(&snapshot.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionReady, Status: status, Reason: v1alpha1.ReasonInProgress, Message: message,
			ObservedGeneration: snapshot.Generation,
		})
		f.SetStatus(snapshot)
	}
	say(metav1.ConditionFalse, "VolumeSnapshot cut-1 is being taken")
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "VolumeSnapshot cut-1 is being taken")
	testkit.Wait(other, abroad, metav1.ConditionFalse, v1alpha1.ReasonCloneNotGranted, "spec.cloneableFrom")
	// The cache may deliver the VolumeSnapshot later than the WukongSnapshot that it belongs to.
	taken := &snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: f.Namespace, Name: "cut-1",
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(snapshot, v1alpha1.GroupVersion.WithKind("WukongSnapshot")),
			},
		},
		Spec: snapshotv1.VolumeSnapshotSpec{
			Source: snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: ptr.To("data")},
		},
	}
	f.Create(taken)
	snapshot.Status.Disks = []v1alpha1.SnapshotDiskStatus{{Name: "data", VolumeSnapshotName: "cut-1"}}
	say(metav1.ConditionTrue, "")
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "it is being taken")
	taken.Status = &snapshotv1.VolumeSnapshotStatus{
		ReadyToUse: ptr.To(true), RestoreSize: ptr.To(resource.MustParse("2Gi")),
	}
	f.SetStatus(taken)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, "restores to 2Gi: set spec.size to")
	large := f.newDisk("large", builder.FromSnapshot("", "monday"), builder.Size("2Gi"))
	f.Create(large)
	assert.Equal(t, &cdiv1.DataVolumeSourceSnapshot{Namespace: f.Namespace, Name: "cut-1"},
		f.waitDataVolume(large).Spec.Source.Snapshot)

	f.Patch(snapshot, `{"spec":{"cloneableFrom":["`+other.Namespace+`"]}}`)
	say(metav1.ConditionTrue, "")
	testkit.Wait(other, abroad, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, "restores to 2Gi")
}

// An upload waits for a user, reports how to upload, does not wait for a WukongVM, and costs two writes of status until
// it is complete.
func TestUpload(t *testing.T) {
	f, manager := start(t)
	disk := f.newDisk("root", builder.FromUpload)
	f.Create(disk)
	dataVolume := f.waitDataVolume(disk)
	assert.Contains(t, dataVolume.Annotations, "cdi.kubevirt.io/storage.bind.immediate.requested")
	f.Bind(f.ClaimOf(dataVolume))
	f.SetDataVolume("root", cdiv1.UploadScheduled)
	waiting := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonAwaitingUpload,
		"virtctl image-upload dv root --namespace="+f.Namespace+" --no-create")
	assert.Equal(t, v1alpha1.DiskAwaitingUpload, waiting.Status.Phase)
	f.WaitIdle()
	manager.Writes.Reset()
	f.SetDataVolume("root", cdiv1.UploadReady)
	f.WaitIdle()
	assert.Zero(t, manager.Writes.Total(), manager.Writes)
	f.SetDataVolume("root", cdiv1.Succeeded)
	f.waitReady(disk)
}

// A disk of the catalogue starts from the current version of its image, once there is one, and where it is granted.
func TestDiskOfAnImage(t *testing.T) {
	f, _ := start(t)
	images := f.elsewhere()
	disk := f.newDisk("root", builder.FromImage(images.Namespace, "debian"))
	f.Create(disk)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonCloneNotGranted,
		"WukongImage "+images.Namespace+"/debian may not be cloned")
	image := builder.Image(images.Namespace, "debian", builder.ImageHTTP("https://images.example/debian.qcow2"),
		builder.ImageCloneableFrom(f.Namespace))
	images.Create(image)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady,
		"WukongImage "+images.Namespace+"/debian: ")
	assert.False(t, f.Exists("root", &cdiv1.DataVolume{}))
	// Whoever may write the image's DataSource could point it at what the namespace of the image may not read.
	images.Create(&cdiv1.DataSource{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: images.Namespace, Name: "debian",
			Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue},
		},
		Spec: cdiv1.DataSourceSpec{Source: cdiv1.DataSourceSource{
			PVC: &cdiv1.DataVolumeSourcePVC{Namespace: "victim", Name: "data"},
		}},
	})
	image.Status.DataSourceName, image.Status.CurrentVersion = "debian", "debian-2"
	image.Status.Versions = []v1alpha1.ImageVersion{
		{Name: "debian-2", ClaimName: "debian-2"}, {Name: "debian-1", ClaimName: "debian-1"},
	}
	f.SetStatus(image)
	dataVolume := f.waitDataVolume(disk)
	assert.Nil(t, dataVolume.Spec.SourceRef)
	current := &cdiv1.DataVolumeSourcePVC{Namespace: images.Namespace, Name: "debian-2"}
	assert.Equal(t, &cdiv1.DataVolumeSource{PVC: current}, dataVolume.Spec.Source)
	f.fill(disk)
	images.Remove(image)
	f.waitReady(disk)
}

// CDI may keep the versions of an image as snapshots.
func TestDiskOfAnImageThatIsASnapshot(t *testing.T) {
	f, _ := start(t)
	disk := f.newDisk("root", builder.FromImage("", "debian"))
	image := builder.Image(f.Namespace, "debian", builder.ImageHTTP("https://images.example/debian.qcow2"))
	f.Create(disk, image)
	image.Status.DataSourceName, image.Status.CurrentVersion = "debian", "debian-1"
	image.Status.Versions = []v1alpha1.ImageVersion{{Name: "debian-1"}}
	f.SetStatus(image)
	assert.Equal(t, &cdiv1.DataVolumeSourceSnapshot{Namespace: f.Namespace, Name: "debian-1"},
		f.waitDataVolume(disk).Spec.Source.Snapshot)
}

// Fault B.3: the origin of a disk that waits for its first consumer is deleted, because an image keeps only a few
// versions.
func TestAWaitingCloneIsMadeFromWhatItsSourceIsByNow(t *testing.T) {
	f, _ := start(t)
	first, second := f.NewClaim("debian-1"), f.NewClaim("debian-2")
	f.CreateClaim(first)
	f.CreateClaim(second)
	image := builder.Image(f.Namespace, "debian", builder.ImageHTTP("https://images.example/debian.qcow2"))
	disk := f.newDisk("root", builder.FromImage("", "debian"))
	f.Create(image, disk)
	serve := func(version string) {
		image := testkit.Read(f, "debian", &v1alpha1.WukongImage{})
		image.Status.CurrentVersion = version
		image.Status.Versions = []v1alpha1.ImageVersion{{Name: version, ClaimName: version}}
		f.SetStatus(image)
	}
	serve("debian-1")
	waiting := f.waitDataVolume(disk)
	assert.Equal(t, "debian-1", waiting.Spec.Source.PVC.Name)
	f.ClaimOf(waiting)
	f.SetDataVolume("root", cdiv1.PendingPopulation)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonAwaitingConsumer, "")

	f.Remove(first)
	f.WaitGone(first)
	f.Patch(disk, `{"spec":{"reclaimPolicy":"Retain"}}`) // or a minute
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "was deleted before this disk")
	assert.Equal(t, waiting.UID, testkit.Read(f, "root", &cdiv1.DataVolume{}).UID,
		"there is nothing else to make it from")
	serve("debian-2")
	f.Eventually(func(now *testkit.Attempt) {
		made := &cdiv1.DataVolume{}
		require.NoError(now, f.Client.Get(t.Context(), client.ObjectKeyFromObject(disk), made))
		assert.Equal(now, "debian-2", made.Spec.Source.PVC.Name)
	})
	f.fill(disk)
	f.waitReady(disk)
}

// A disk on a class that binds at first use is filled at once when a clone or an export waits for it: its WukongVM may
// wait for the clone, or never be created.
func TestADiskThatIsWaitedForDoesNotWaitForAWukongVM(t *testing.T) {
	f, manager := start(t)
	cloned, exported, alone := f.newDisk("cloned"), f.newDisk("exported"), f.newDisk("alone")
	for _, disk := range []*v1alpha1.WukongDisk{cloned, exported, alone} {
		f.Create(disk)
		f.ClaimOf(f.waitDataVolume(disk))
		f.SetDataVolume(disk.Name, cdiv1.PendingPopulation)
		testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonAwaitingConsumer, "")
	}
	clone := f.newDisk("clone", builder.CloneOf("", "cloned"))
	foreign := f.elsewhere()
	stranger := foreign.newDisk("stranger", builder.CloneOf(f.Namespace, "alone"))
	f.Create(clone, stranger, builder.Export(f.Namespace, "backup", "exported"))
	const bindNow = "cdi.kubevirt.io/storage.bind.immediate.requested"
	for _, disk := range []*v1alpha1.WukongDisk{cloned, exported} {
		f.Eventually(func(now *testkit.Attempt) {
			claim := &corev1.PersistentVolumeClaim{}
			require.NoError(now, f.Client.Get(t.Context(), client.ObjectKeyFromObject(disk), claim))
			assert.Equal(now, "true", claim.Annotations[bindNow], disk.Name)
		})
		assert.Equal(t, "true", testkit.Read(f, disk.Name, &cdiv1.DataVolume{}).Annotations[bindNow])
	}
	assert.NotContains(t, testkit.Read(f, "alone", &corev1.PersistentVolumeClaim{}).Annotations, bindNow,
		"an unmanaged request does not count")

	f.WaitIdle()
	manager.Writes.Reset()
	f.Bind(testkit.Read(f, "cloned", &corev1.PersistentVolumeClaim{}))
	f.SetDataVolume("cloned", cdiv1.Succeeded)
	f.waitReady(cloned)
	assert.Equal(t, &cdiv1.DataVolumeSourcePVC{Namespace: f.Namespace, Name: "cloned"},
		f.waitDataVolume(clone).Spec.Source.PVC)
}

// Nothing starts on the disks of a clone that is stopped, and the snapshot that they start from is to be deleted.
func TestTheDisksOfACloneAreFilledAtOnce(t *testing.T) {
	f, _ := start(t)
	const bindNow = "cdi.kubevirt.io/storage.bind.immediate.requested"
	mark := map[string]string{v1alpha1.AnnotationClonedBy: "copy/1"}
	alone := f.newDisk("alone")
	alone.Annotations = mark
	f.Create(alone)
	waits := map[string]bool{"alone": true}
	for name, power := range map[string]v1alpha1.PowerState{"stopped": v1alpha1.PowerStopped,
		"running": v1alpha1.PowerRunning} {
		vm := builder.VM(f.Namespace, name, builder.Power(power))
		vm.Annotations = mark
		f.Create(vm)
		disk := f.newDisk(name + "-root")
		disk.OwnerReferences = []metav1.OwnerReference{
			*metav1.NewControllerRef(vm, v1alpha1.GroupVersion.WithKind("WukongVM")),
		}
		f.Create(disk)
		waits[disk.Name] = power == v1alpha1.PowerStopped
	}
	for name, now := range waits {
		disk := testkit.Read(f, name, &v1alpha1.WukongDisk{})
		f.ClaimOf(f.waitDataVolume(disk))
		f.SetDataVolume(name, cdiv1.PendingPopulation)
		testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonAwaitingConsumer, "")
		f.Eventually(func(attempt *testkit.Attempt) {
			annotations := testkit.Read(f, name, &corev1.PersistentVolumeClaim{}).Annotations
			assert.Equal(attempt, now, annotations[bindNow] == "true", name)
		})
	}
}

// A snapshot of a stopped WukongVM waits for disks that nothing else would ever fill.
func TestTheDisksOfASnapshottedWukongVMAreFilledAtOnce(t *testing.T) {
	f, _ := start(t)
	const bindNow = "cdi.kubevirt.io/storage.bind.immediate.requested"
	vm := builder.VM(f.Namespace, "web", builder.Stopped, builder.Stamped("root"), builder.Stamped("scratch"),
		builder.Attached("data"), builder.Attached("left"))
	f.Create(vm)
	waits := map[string]bool{"web-root": true, "data": true, "web-scratch": false, "left": false}
	for name := range waits {
		disk := f.newDisk(name)
		if name == "web-root" {
			disk.OwnerReferences = []metav1.OwnerReference{
				*metav1.NewControllerRef(vm, v1alpha1.GroupVersion.WithKind("WukongVM")),
			}
		}
		f.Create(disk)
		f.ClaimOf(f.waitDataVolume(disk))
		f.SetDataVolume(name, cdiv1.PendingPopulation)
		testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonAwaitingConsumer, "")
	}
	f.WaitIdle()
	f.Create(builder.SnapshotOfVM(f.Namespace, "monday", "web", builder.OfDisks("root", "data", "scratch")))
	f.Eventually(func(now *testkit.Attempt) {
		for _, name := range []string{"web-root", "data"} {
			claim := &corev1.PersistentVolumeClaim{}
			require.NoError(now, f.Client.Get(t.Context(), client.ObjectKey{Namespace: f.Namespace, Name: name}, claim))
			assert.Equal(now, "true", claim.Annotations[bindNow], name)
		}
	})
	f.WaitIdle()
	for name, now := range waits {
		annotations := testkit.Read(f, name, &corev1.PersistentVolumeClaim{}).Annotations
		assert.Equal(t, now, annotations[bindNow] == "true",
			"%s: web-scratch belongs to no WukongVM, and the snapshot leaves out left", name)
	}
}

// What is wrong with the size of a disk does not keep its bytes from being cloned.
func TestADiskThatCannotGrowCanBeCloned(t *testing.T) {
	f, _ := start(t)
	class := f.Namespace + "-fixed"
	f.Create(&storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: class}, Provisioner: "test.novasphere.dev/none",
	})
	golden := f.newDisk("golden", builder.OnClass(class))
	f.Create(golden)
	f.fill(golden)
	f.waitReady(golden)
	f.Patch(golden, `{"spec":{"size":"2Gi"}}`)
	refused := testkit.Wait(f, golden, metav1.ConditionFalse, v1alpha1.ReasonExpansionUnsupported,
		"does not allow expansion")
	assert.True(t, refused.Complete())
	clone := f.newDisk("clone", builder.CloneOf("", "golden"))
	f.Create(clone)
	assert.Equal(t, "golden", f.waitDataVolume(clone).Spec.Source.PVC.Name)
}
