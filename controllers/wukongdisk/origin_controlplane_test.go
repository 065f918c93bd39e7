//go:build controlplane

package wukongdisk_test

import (
	"testing"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

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

	ours := f.newDisk("ours", from(snapshotOf("WukongSnapshot", "monday")))
	f.create(ours)
	f.wait(ours, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, "WukongSnapshot is not carried out yet: use the VolumeSnapshot")
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
	image.Status.DataSourceName, image.Status.CurrentVersion = "debian", "debian-1"
	require.NoError(t, f.Client.Status().Update(t.Context(), image))
	dataVolume := f.waitDataVolume(disk)
	assert.Nil(t, dataVolume.Spec.Source)
	assert.Equal(t, &cdiv1.DataVolumeSourceRef{Kind: "DataSource", Namespace: &images.namespace, Name: "debian"}, dataVolume.Spec.SourceRef)
	f.fill(disk)
	images.remove(image)
	f.waitReady(disk)
}
