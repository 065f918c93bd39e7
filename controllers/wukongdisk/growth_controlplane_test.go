//go:build controlplane

package wukongdisk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// newClass makes a StorageClass, which is of the whole cluster.
func (f disks) newClass(expands bool) *storagev1.StorageClass {
	f.Helper()
	class := &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{GenerateName: f.Namespace + "-"}, Provisioner: "test.novasphere.dev/none",
		AllowVolumeExpansion: &expands,
	}
	f.Create(class)
	return class
}

// newReady is a disk of 1Gi on a class, bound and filled.
func (f disks) newReady(name string, class *storagev1.StorageClass) *v1alpha1.WukongDisk {
	f.Helper()
	disk := f.newDisk(name, builder.OnClass(class.Name))
	f.Create(disk)
	f.fill(disk)
	return f.waitReady(disk)
}

func (f disks) resize(disk *v1alpha1.WukongDisk, size string) error {
	f.Helper()
	return f.Client.Patch(f.Context(), disk.DeepCopy(),
		client.RawPatch(types.MergePatchType, []byte(`{"spec":{"size":"`+size+`"}}`)))
}

// A disk grows by spec.size alone, twice, and what that costs: the claim, and a status when it begins and when it ends.
func TestContract3WritesOfGrowth(t *testing.T) {
	f, manager := start(t)
	disk := f.newReady("root", f.newClass(true))
	f.WaitIdle()
	for _, size := range []string{"2Gi", "3Gi"} {
		manager.Writes.Reset()
		require.NoError(t, f.resize(disk, size))
		expanding := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonExpanding, "grows from")
		assert.Equal(t, v1alpha1.DiskExpanding, expanding.Status.Phase)
		assert.Equal(t, size, expanding.Status.RequestedSize.String())
		assert.Equal(t, "root", expanding.Status.ClaimName, "machines use it all the while")

		claim := testkit.Read(f, "root", &corev1.PersistentVolumeClaim{})
		request := claim.Spec.Resources.Requests[corev1.ResourceStorage]
		assert.Equal(t, expanding.Status.ClaimRequest.String(), request.String())
		assert.Positive(t, request.Cmp(resource.MustParse(size)), "a file system volume needs the overhead")
		f.Bind(claim)
		ready := f.waitReady(disk)
		assert.Equal(t, request.String(), ready.Status.Capacity.String())
		f.WaitIdle()
		assert.Equal(t, map[testenv.Write]int{
			{Verb: "patch", Resource: "persistentvolumeclaims"}: 1,
			{Verb: "patch", Resource: "wukongdisks/status"}:     2,
		}, manager.Writes.Counts())
	}
	manager.Stop()
	second := f.StartManager()
	f.WaitPasses(1)
	assert.Zero(t, second.Writes.Total(), second.Writes)
}

// Contract 7: nobody shrinks a disk, and a growth that was refused can be taken back.
func TestContract7DisksNeverShrink(t *testing.T) {
	f, _ := start(t)
	disk := f.newReady("root", f.newClass(false))
	assert.ErrorContains(t, f.resize(disk, "512Mi"), "a disk never shrinks")

	require.NoError(t, f.resize(disk, "2Gi"))
	failed := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonExpansionUnsupported,
		"does not allow expansion")
	assert.Equal(t, "1Gi", failed.Status.RequestedSize.String())
	require.NoError(t, f.resize(disk, "1Gi"))
	f.waitReady(disk)
	request := testkit.Read(f, "root", &corev1.PersistentVolumeClaim{}).Spec.Resources.Requests[corev1.ResourceStorage]
	assert.Equal(t, "1Gi", request.String())
}

func TestGrowthHealsWhenTheClassAllowsIt(t *testing.T) {
	f, _ := start(t)
	class := f.newClass(false)
	disk := f.newReady("root", class)
	require.NoError(t, f.resize(disk, "2Gi"))
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonExpansionUnsupported, class.Name)
	f.Patch(class, `{"allowVolumeExpansion":true}`)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonExpanding, "")
}

// The quota is the API server's own.
func TestGrowthPastQuotaIsRefused(t *testing.T) {
	f, _ := start(t)
	disk := f.newReady("root", f.newClass(true))
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "small"},
		Spec: corev1.ResourceQuotaSpec{
			Hard: corev1.ResourceList{corev1.ResourceRequestsStorage: resource.MustParse("2Gi")},
		},
	}
	f.Create(quota)
	// As the quota controller would.
	quota.Status = corev1.ResourceQuotaStatus{
		Hard: quota.Spec.Hard, Used: corev1.ResourceList{corev1.ResourceRequestsStorage: resource.MustParse("1Gi")},
	}
	f.SetStatus(quota)

	require.NoError(t, f.resize(disk, "10Gi"))
	refused := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonQuotaExceeded, "exceeded quota: small")
	assert.Equal(t, "1Gi", refused.Status.RequestedSize.String())
	assert.Equal(t, "1Gi", refused.Status.Capacity.String(), "the disk works as before")
	require.NoError(t, f.resize(disk, "1Gi"))
	f.waitReady(disk)
}

// Fault B.9: an image that is larger than the disk is imported when spec.size was raised, and not tried at the old size
// for ever.
func TestAnImportThatDidNotFitBeginsAgainWithTheNewSize(t *testing.T) {
	f, _ := start(t)
	disk := f.newDisk("root")
	f.Create(disk)
	small := f.waitDataVolume(disk)
	f.ClaimOf(small)
	f.SetDataVolume("root", cdiv1.ImportInProgress, cdiv1.DataVolumeCondition{
		Type: cdiv1.DataVolumeRunning, Status: corev1.ConditionFalse, Reason: "Error",
		Message: "virtual image size 3Gi is larger than the reported available storage",
	})
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonImportFailed, "larger than")
	require.NoError(t, f.resize(disk, "4Gi"))
	f.Eventually(func(now *testkit.Attempt) {
		made := &cdiv1.DataVolume{}
		require.NoError(now, f.Client.Get(t.Context(), client.ObjectKeyFromObject(disk), made))
		assert.NotEqual(now, small.UID, made.UID)
		size := made.Spec.Storage.Resources.Requests[corev1.ResourceStorage]
		assert.Equal(now, "4Gi", size.String())
	})
	f.fill(disk)
	f.waitReady(disk)
}
