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
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

func cloneOf(kind, namespace, name string) v1alpha1.WukongDiskSource {
	return v1alpha1.WukongDiskSource{Clone: &v1alpha1.DiskCloneSource{Kind: kind, Namespace: namespace, Name: name}}
}

func snapshotOf(kind, name string) v1alpha1.WukongDiskSource {
	return v1alpha1.WukongDiskSource{Snapshot: &v1alpha1.DiskSnapshotSource{Kind: kind, Name: name}}
}

// A clone waits for its origin to come and to be complete, and costs no write at rest, neither then nor after.
func TestCloneOfADisk(t *testing.T) {
	f, manager := start(t)
	clone := f.newDisk("clone", from(cloneOf("WukongDisk", "", "golden")))
	f.create(clone)
	f.wait(clone, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "WukongDisk "+f.namespace+"/golden does not exist")
	golden := f.newDisk("golden")
	f.create(golden)
	f.wait(clone, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "DataVolume golden")
	assert.False(t, f.exists("clone", &cdiv1.DataVolume{}))

	f.fill(golden)
	assert.Equal(t, &cdiv1.DataVolumeSource{PVC: &cdiv1.DataVolumeSourcePVC{Namespace: f.namespace, Name: "golden"}}, f.waitDataVolume(clone).Spec.Source)
	f.fill(clone)
	f.waitReady(clone)
	f.remove(golden)
	f.waitGone(golden)
	f.waitReady(clone)

	testenv.WaitIdle(t, 0)
	manager.Stop()
	second := f.startManager()
	testenv.WaitIdle(t, 1)
	assert.Zero(t, second.Writes.Total(), second.Writes)
}

// CDI copies nothing that a pod uses, and is silent about it. So the clone waits here, says for whom, and goes on when the guest has let go; a machine
// that waits for the clone itself is no obstacle.
func TestCloneOfADiskThatAGuestHas(t *testing.T) {
	f, _ := start(t)
	golden, clone := f.newDisk("golden"), f.newDisk("clone", from(cloneOf("WukongDisk", "", "golden")))
	f.create(golden)
	f.fill(golden)
	f.waitReady(golden)
	vm := f.newVM("web", "golden", "clone")
	f.create(vm)
	f.waitHeldBy(golden, "web")
	vm.Status.NodeName = "node1"
	require.NoError(t, f.Client.Status().Update(t.Context(), vm))
	testenv.WaitIdle(t, 0)
	f.create(clone)
	f.wait(clone, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "it is in use by WukongVM web")
	testenv.WaitIdle(t, 0)
	assert.False(t, f.exists("clone", &cdiv1.DataVolume{}))

	vm.Status.NodeName = ""
	require.NoError(t, f.Client.Status().Update(t.Context(), vm))
	f.waitDataVolume(clone)
}

// Two disks that are clones of each other wait, say so, and fall silent.
func TestClonesOfEachOtherFallSilent(t *testing.T) {
	f, manager := start(t)
	one, two := f.newDisk("one", from(cloneOf("WukongDisk", "", "two"))), f.newDisk("two", from(cloneOf("WukongDisk", "", "one")))
	f.create(one, two)
	f.wait(one, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "waits itself")
	f.wait(two, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "waits itself")
	testenv.WaitIdle(t, 0)
	assert.Less(t, manager.Writes.Total(), 10, manager.Writes)
}

// Nothing of another namespace is cloned, or told, until its owner grants it; by a disk's spec, or by an annotation of a claim.
func TestContract7CloneAcrossNamespacesIsGranted(t *testing.T) {
	f, _ := start(t)
	images := f
	images.namespace = f.Namespace(t)
	golden := images.newDisk("golden")
	claim := images.newClaim("plain")
	images.create(golden)
	images.fill(golden)
	images.waitReady(golden)
	images.makeClaim(claim)
	images.bind(claim)

	ofDisk := f.newDisk("of-disk", from(cloneOf("WukongDisk", images.namespace, "golden")))
	ofClaim := f.newDisk("of-claim", from(cloneOf("PersistentVolumeClaim", images.namespace, "plain")))
	ofNothing := f.newDisk("of-nothing", from(cloneOf("WukongDisk", images.namespace, "nothing")))
	f.create(ofDisk, ofClaim, ofNothing)
	for _, disk := range []*v1alpha1.WukongDisk{ofDisk, ofClaim, ofNothing} {
		f.wait(disk, metav1.ConditionFalse, v1alpha1.ReasonCloneNotGranted, "does not exist, or does not grant it")
		assert.False(t, f.exists(disk.Name, &cdiv1.DataVolume{}))
	}
	images.patch(golden, `{"spec":{"cloneableFrom":["`+f.namespace+`"]}}`)
	images.patch(claim, `{"metadata":{"annotations":{"vm.novasphere.dev/cloneable-from":"other, `+f.namespace+`"}}}`)
	assert.Equal(t, &cdiv1.DataVolumeSourcePVC{Namespace: images.namespace, Name: "golden"}, f.waitDataVolume(ofDisk).Spec.Source.PVC)
	assert.Equal(t, &cdiv1.DataVolumeSourcePVC{Namespace: images.namespace, Name: "plain"}, f.waitDataVolume(ofClaim).Spec.Source.PVC)
	assert.ErrorContains(t, f.Client.Create(t.Context(), f.newDisk("odd", func(disk *v1alpha1.WukongDisk) {
		disk.Spec.CloneableFrom = []string{"No_Namespace"}
	})), "must be the name of a namespace, or * for all")
}

// Contract 5: the snapshot API may come after Wukong.
func TestContract5DiskOfASnapshot(t *testing.T) {
	bare := testenv.StartFor(t, testenv.Options{Without: []testenv.Definitions{testenv.Snapshots}})
	f := fixture{t, bare, bare.Namespace(t)}
	f.startManager()
	disk := f.newDisk("root", from(snapshotOf("VolumeSnapshot", "monday")))
	f.create(disk)
	f.wait(disk, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing, "volumesnapshots.snapshot.storage.k8s.io")
	f.Install(t, testenv.Snapshots)
	f.wait(disk, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "VolumeSnapshot "+f.namespace+"/monday does not exist")

	snapshot := &snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "monday"},
		Spec:       snapshotv1.VolumeSnapshotSpec{Source: snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: ptr.To("golden")}},
	}
	f.create(snapshot)
	f.wait(disk, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "it is being taken")
	snapshot.Status = &snapshotv1.VolumeSnapshotStatus{Error: &snapshotv1.VolumeSnapshotError{Message: ptr.To("pool is full")}}
	require.NoError(t, f.Client.Status().Update(t.Context(), snapshot))
	f.wait(disk, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "pool is full")
	snapshot.Status = &snapshotv1.VolumeSnapshotStatus{ReadyToUse: ptr.To(true)}
	require.NoError(t, f.Client.Status().Update(t.Context(), snapshot))
	assert.Equal(t, &cdiv1.DataVolumeSourceSnapshot{Namespace: f.namespace, Name: "monday"}, f.waitDataVolume(disk).Spec.Source.Snapshot)

}

// A disk starts from the VolumeSnapshot of a WukongSnapshot, once it is complete, and elsewhere only where it is granted.
func TestDiskOfAWukongSnapshot(t *testing.T) {
	f, _ := start(t)
	other := f
	other.namespace = f.Namespace(t)
	disk := f.newDisk("root", from(snapshotOf("WukongSnapshot", "monday")))
	abroadOf := snapshotOf("WukongSnapshot", "monday")
	abroadOf.Snapshot.Namespace = f.namespace
	abroad := other.newDisk("root", from(abroadOf))
	f.create(disk, abroad)
	f.wait(disk, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "WukongSnapshot "+f.namespace+"/monday does not exist")

	snapshot := &v1alpha1.WukongSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "monday"},
		Spec:       v1alpha1.WukongSnapshotSpec{Source: v1alpha1.SnapshotSource{DiskRef: &v1alpha1.LocalObjectReference{Name: "data"}}},
	}
	f.create(snapshot)
	say := func(status metav1.ConditionStatus, message string) {
		meta.SetStatusCondition(&snapshot.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionReady, Status: status, Reason: v1alpha1.ReasonInProgress, Message: message, ObservedGeneration: snapshot.Generation,
		})
		require.NoError(t, f.Client.Status().Update(t.Context(), snapshot))
	}
	say(metav1.ConditionFalse, "VolumeSnapshot cut-1 is being taken")
	f.wait(disk, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "VolumeSnapshot cut-1 is being taken")
	other.wait(abroad, metav1.ConditionFalse, v1alpha1.ReasonCloneNotGranted, "spec.cloneableFrom")
	taken := &snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "cut-1"},
		Spec:       snapshotv1.VolumeSnapshotSpec{Source: snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: ptr.To("data")}},
	}
	f.create(taken)
	taken.Status = &snapshotv1.VolumeSnapshotStatus{ReadyToUse: ptr.To(true), RestoreSize: ptr.To(resource.MustParse("2Gi"))}
	require.NoError(t, f.Client.Status().Update(t.Context(), taken))
	snapshot.Status.Disks = []v1alpha1.SnapshotDiskStatus{{Name: "data", VolumeSnapshotName: "cut-1"}}
	say(metav1.ConditionTrue, "")
	f.wait(disk, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, "restores to 2Gi: set spec.size to")
	large := f.newDisk("large", from(snapshotOf("WukongSnapshot", "monday")), func(disk *v1alpha1.WukongDisk) { disk.Spec.Size = ptr.To(resource.MustParse("2Gi")) })
	f.create(large)
	assert.Equal(t, &cdiv1.DataVolumeSourceSnapshot{Namespace: f.namespace, Name: "cut-1"}, f.waitDataVolume(large).Spec.Source.Snapshot)

	f.patch(snapshot, `{"spec":{"cloneableFrom":["`+other.namespace+`"]}}`)
	say(metav1.ConditionTrue, "")
	other.wait(abroad, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, "restores to 2Gi")
}

// An upload waits for a person, says how, does not wait for a machine, and costs two writes of status until it is complete.
func TestUpload(t *testing.T) {
	f, manager := start(t)
	disk := f.newDisk("root", from(v1alpha1.WukongDiskSource{Upload: &v1alpha1.UploadSource{}}))
	f.create(disk)
	dataVolume := f.waitDataVolume(disk)
	assert.Contains(t, dataVolume.Annotations, "cdi.kubevirt.io/storage.bind.immediate.requested")
	f.bind(f.claimOf(dataVolume))
	f.setDataVolume("root", cdiv1.UploadScheduled)
	waiting := f.wait(disk, metav1.ConditionFalse, v1alpha1.ReasonAwaitingUpload, "virtctl image-upload dv root --namespace="+f.namespace+" --no-create")
	assert.Equal(t, v1alpha1.DiskAwaitingUpload, waiting.Status.Phase)
	testenv.WaitIdle(t, 0)
	manager.Writes.Reset()
	f.setDataVolume("root", cdiv1.UploadReady)
	testenv.WaitIdle(t, 0)
	assert.Zero(t, manager.Writes.Total(), manager.Writes)
	f.setDataVolume("root", cdiv1.Succeeded)
	f.waitReady(disk)
}

// A disk of the catalogue starts from the current version of its image, once there is one, and where it is granted.
func TestDiskOfAnImage(t *testing.T) {
	f, _ := start(t)
	images := f
	images.namespace = f.Namespace(t)
	disk := f.newDisk("root", from(v1alpha1.WukongDiskSource{Image: &v1alpha1.DiskImageSource{Namespace: images.namespace, Name: "debian"}}))
	f.create(disk)
	f.wait(disk, metav1.ConditionFalse, v1alpha1.ReasonCloneNotGranted, "WukongImage "+images.namespace+"/debian may not be cloned")
	image := &v1alpha1.WukongImage{
		ObjectMeta: metav1.ObjectMeta{Namespace: images.namespace, Name: "debian"},
		Spec: v1alpha1.WukongImageSpec{
			Source:        v1alpha1.WukongImageSource{HTTP: &v1alpha1.HTTPSource{URL: "https://images.example/debian.qcow2"}},
			Size:          resource.MustParse("1Gi"),
			CloneableFrom: []string{f.namespace},
		},
	}
	images.create(image)
	f.wait(disk, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "WukongImage "+images.namespace+"/debian: ")
	assert.False(t, f.exists("root", &cdiv1.DataVolume{}))
	// Whoever may write the image's DataSource could point it at what the namespace of the image may not read.
	images.create(&cdiv1.DataSource{
		ObjectMeta: metav1.ObjectMeta{Namespace: images.namespace, Name: "debian", Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue}},
		Spec:       cdiv1.DataSourceSpec{Source: cdiv1.DataSourceSource{PVC: &cdiv1.DataVolumeSourcePVC{Namespace: "victim", Name: "data"}}},
	})
	image.Status.DataSourceName, image.Status.CurrentVersion = "debian", "debian-2"
	image.Status.Versions = []v1alpha1.ImageVersion{{Name: "debian-2", ClaimName: "debian-2"}, {Name: "debian-1", ClaimName: "debian-1"}}
	require.NoError(t, f.Client.Status().Update(t.Context(), image))
	dataVolume := f.waitDataVolume(disk)
	assert.Nil(t, dataVolume.Spec.SourceRef)
	assert.Equal(t, &cdiv1.DataVolumeSource{PVC: &cdiv1.DataVolumeSourcePVC{Namespace: images.namespace, Name: "debian-2"}}, dataVolume.Spec.Source)
	f.fill(disk)
	images.remove(image)
	f.waitReady(disk)
}

// CDI may keep the versions of an image as snapshots.
func TestDiskOfAnImageThatIsASnapshot(t *testing.T) {
	f, _ := start(t)
	disk := f.newDisk("root", from(v1alpha1.WukongDiskSource{Image: &v1alpha1.DiskImageSource{Name: "debian"}}))
	image := &v1alpha1.WukongImage{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "debian"},
		Spec: v1alpha1.WukongImageSpec{
			Source: v1alpha1.WukongImageSource{HTTP: &v1alpha1.HTTPSource{URL: "https://images.example/debian.qcow2"}}, Size: resource.MustParse("1Gi"),
		},
	}
	f.create(disk, image)
	image.Status.DataSourceName, image.Status.CurrentVersion = "debian", "debian-1"
	image.Status.Versions = []v1alpha1.ImageVersion{{Name: "debian-1"}}
	require.NoError(t, f.Client.Status().Update(t.Context(), image))
	assert.Equal(t, &cdiv1.DataVolumeSourceSnapshot{Namespace: f.namespace, Name: "debian-1"}, f.waitDataVolume(disk).Spec.Source.Snapshot)
}

// A disk on a class that binds at first use is filled at once when a clone or an export waits for it: its machine may wait for the clone, or
// never come.
func TestADiskThatIsWaitedForDoesNotWaitForAMachine(t *testing.T) {
	f, manager := start(t)
	cloned, exported, alone := f.newDisk("cloned"), f.newDisk("exported"), f.newDisk("alone")
	for _, disk := range []*v1alpha1.WukongDisk{cloned, exported, alone} {
		f.create(disk)
		f.claimOf(f.waitDataVolume(disk))
		f.setDataVolume(disk.Name, cdiv1.PendingPopulation)
		f.wait(disk, metav1.ConditionFalse, v1alpha1.ReasonAwaitingConsumer, "")
	}
	clone := f.newDisk("clone", from(v1alpha1.WukongDiskSource{Clone: &v1alpha1.DiskCloneSource{Kind: "WukongDisk", Name: "cloned"}}))
	foreign := f
	foreign.namespace = f.Namespace(t)
	stranger := foreign.newDisk("stranger", from(v1alpha1.WukongDiskSource{Clone: &v1alpha1.DiskCloneSource{Kind: "WukongDisk", Namespace: f.namespace, Name: "alone"}}))
	f.create(clone, stranger, &v1alpha1.WukongExport{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "backup"},
		Spec: v1alpha1.WukongExportSpec{
			Source: v1alpha1.ExportSource{DiskRef: &v1alpha1.LocalObjectReference{Name: "exported"}},
			Target: v1alpha1.ExportTarget{Download: &v1alpha1.DownloadTarget{ExpiresAfterSeconds: 600}},
		},
	})
	const bindNow = "cdi.kubevirt.io/storage.bind.immediate.requested"
	for _, disk := range []*v1alpha1.WukongDisk{cloned, exported} {
		require.EventuallyWithT(t, func(collect *assert.CollectT) {
			claim := &corev1.PersistentVolumeClaim{}
			require.NoError(collect, f.Client.Get(t.Context(), client.ObjectKeyFromObject(disk), claim))
			assert.Equal(collect, "true", claim.Annotations[bindNow], disk.Name)
		}, patience, interval)
		assert.Equal(t, "true", read(f, disk.Name, &cdiv1.DataVolume{}).Annotations[bindNow])
	}
	assert.NotContains(t, read(f, "alone", &corev1.PersistentVolumeClaim{}).Annotations, bindNow, "a stranger's wish counts nothing")

	testenv.WaitIdle(t, 0)
	manager.Writes.Reset()
	f.bind(read(f, "cloned", &corev1.PersistentVolumeClaim{}))
	f.setDataVolume("cloned", cdiv1.Succeeded)
	f.waitReady(cloned)
	assert.Equal(t, &cdiv1.DataVolumeSourcePVC{Namespace: f.namespace, Name: "cloned"}, f.waitDataVolume(clone).Spec.Source.PVC)
}

// What is wrong with the size of a disk does not keep its bytes from being cloned.
func TestADiskThatCannotGrowCanBeCloned(t *testing.T) {
	f, _ := start(t)
	class := f.namespace + "-fixed"
	f.create(&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: class}, Provisioner: "test.novasphere.dev/none"})
	golden := f.newDisk("golden", ofClass(class))
	f.create(golden)
	f.fill(golden)
	f.waitReady(golden)
	f.patch(golden, `{"spec":{"size":"2Gi"}}`)
	refused := f.wait(golden, metav1.ConditionFalse, v1alpha1.ReasonExpansionUnsupported, "does not allow expansion")
	assert.True(t, refused.Complete())
	clone := f.newDisk("clone", from(v1alpha1.WukongDiskSource{Clone: &v1alpha1.DiskCloneSource{Kind: "WukongDisk", Name: "golden"}}))
	f.create(clone)
	assert.Equal(t, "golden", f.waitDataVolume(clone).Spec.Source.PVC.Name)
}
