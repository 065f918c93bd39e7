//go:build controlplane

package wukongdisk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// B19: a claim that is not ours stops the disk, is left alone, and when it goes the disk goes on.
func TestB19ForeignClaim(t *testing.T) {
	f, manager := start(t)
	foreign := f.NewClaim("root")
	f.CreateClaim(foreign)
	disk := f.newDisk("root")
	f.Create(disk)

	conflict := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonNameConflict,
		"PersistentVolumeClaim root already exists")
	assert.Equal(t, v1alpha1.DiskError, conflict.Status.Phase)
	assert.Empty(t, conflict.Status.ClaimName, "no machine may start on it")
	f.WaitIdle()
	assert.False(t, f.Exists("root", &cdiv1.DataVolume{}))
	assert.Equal(t, foreign.ResourceVersion, testkit.Read(f, "root", &corev1.PersistentVolumeClaim{}).ResourceVersion)
	assert.Zero(t, manager.Writes.Counts()[testenv.Write{Verb: "patch", Resource: "datavolumes"}])

	f.Remove(foreign)
	f.fill(disk)
	f.waitReady(disk)
}

// The same for a DataVolume, which the caches do not hold.
func TestB19ForeignDataVolume(t *testing.T) {
	f, manager := start(t)
	foreign := &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "root"},
		Spec:       cdiv1.DataVolumeSpec{Source: &cdiv1.DataVolumeSource{Blank: &cdiv1.DataVolumeBlankImage{}}},
	}
	f.Create(foreign)
	disk := f.newDisk("root")
	f.Create(disk)

	conflict := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonNameConflict,
		"DataVolume root already exists and has no owner")
	assert.Empty(t, conflict.Status.ClaimName)
	f.WaitIdle()
	assert.Equal(t, foreign.ResourceVersion, testkit.Read(f, "root", &cdiv1.DataVolume{}).ResourceVersion)
	assert.Zero(t, manager.Writes.Counts()[testenv.Write{Verb: "patch", Resource: "datavolumes"}])

	f.Remove(disk)
	f.WaitGone(disk)
	assert.True(t, f.Exists("root", &cdiv1.DataVolume{}), "it outlives the disk")
}

// The claim of someone else's DataVolume under our name is as foreign as the DataVolume.
func TestB19ClaimOfAForeignDataVolume(t *testing.T) {
	f, _ := start(t)
	foreign := &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "root"},
		Spec:       cdiv1.DataVolumeSpec{Source: &cdiv1.DataVolumeSource{Blank: &cdiv1.DataVolumeBlankImage{}}},
	}
	f.Create(foreign)
	f.Bind(f.ClaimOf(foreign))
	disk := f.newDisk("root")
	f.Create(disk)
	assert.Empty(t, testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonNameConflict, "").Status.ClaimName)
}

func TestMissingClassHeals(t *testing.T) {
	f, _ := start(t)
	name := f.Namespace + "-class"
	disk := f.newDisk("root", builder.OnClass(name))
	f.Create(disk)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonStorageClassMissing,
		"StorageClass "+name+" does not exist")
	assert.False(t, f.Exists("root", &cdiv1.DataVolume{}))

	f.Create(&storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "test.novasphere.dev/none",
	})
	f.fill(disk)
	f.waitReady(disk)
	f.waitEvents(disk, "Warning StorageClassMissing")
}

// Contract 5: CDI may be installed after Wukong. B1: a disk that waits for it can be deleted.
func TestContract5CDIAbsentHeals(t *testing.T) {
	apart := testkit.Apart(t, testenv.Options{Without: []testenv.Definitions{testenv.CDI}})
	f := disks{apart.Running("wukongdisk")}
	manager := f.StartManager()
	disk, other := f.newDisk("root"), f.newDisk("other")
	f.Create(disk, other)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing,
		"CDI (Containerized Data Importer) is not installed")

	testkit.Wait(f, other, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing, "")
	f.Remove(other)
	f.WaitGone(other)

	claim := f.NewClaim("existing")
	f.CreateClaim(claim)
	f.Bind(claim)
	adopted := f.newDisk("adopted", builder.Adopting("existing"))
	f.Create(adopted)
	f.waitReady(adopted)

	f.Install(testenv.CDI)
	f.fill(disk)
	f.waitReady(disk)

	f.WaitIdle()
	manager.Stop()
	second := f.StartManager()
	f.WaitPasses(2)
	assert.Zero(t, second.Writes.Total(), second.Writes)
}

// Contract 7: a claim that Wukong did not make is only looked at.
func TestContract7AdoptedClaimIsNeverTouched(t *testing.T) {
	f, manager := start(t)
	disk := f.newDisk("data", builder.Adopting("existing"))
	f.Create(disk)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonClaimMissing,
		"PersistentVolumeClaim existing does not exist")

	claim := f.NewClaim("existing")
	f.CreateClaim(claim)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonClaimPending, "existing")
	f.Bind(claim)
	ready := f.waitReady(disk)
	assert.Equal(t, "existing", ready.Status.ClaimName)
	assert.Equal(t, "1Gi", ready.Status.Capacity.String())
	assert.False(t, f.Exists("data", &cdiv1.DataVolume{}))

	f.Remove(disk)
	f.WaitGone(disk)
	f.WaitIdle()
	assert.Equal(t, claim.ResourceVersion, testkit.Read(f, "existing", &corev1.PersistentVolumeClaim{}).ResourceVersion)
	for write := range manager.Writes.Counts() {
		assert.NotContains(t, write.Resource, "persistentvolumeclaims")
	}
}
