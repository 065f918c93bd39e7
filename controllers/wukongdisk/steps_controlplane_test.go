//go:build controlplane

package wukongdisk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// Nothing is made, and no machine is given the disk, before the finalizer is there that keeps the disk or deletes what it made.
func TestNoDataVolumeWithoutTheFinalizer(t *testing.T) {
	faults := testenv.NewFaults()
	f := disks{testkit.Parallel(t).Running("wukongdisk").Meeting(faults)}
	f.StartManager()
	faults.Fail("wukongdisks", "root")
	disk := f.newDisk("root")
	f.Create(disk)
	failed := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonReconcileError, "by a test: wukongdisks")
	assert.Empty(t, failed.Status.ClaimName, "a machine would start on it")
	assert.Zero(t, failed.Status.ObservedGeneration)
	assert.False(t, f.Exists("root", &cdiv1.DataVolume{}))
	faults.Heal("root")
	f.WaitDataVolume("root")
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonClaimPending, "DataVolume root")
}

// A refusal is reported at once, and another attempt resolves it.
func TestADataVolumeThatIsRefusedIsReportedAndHeals(t *testing.T) {
	faults := testenv.NewFaults()
	f := disks{testkit.Parallel(t).Running("wukongdisk").Meeting(faults)}
	f.StartManager()
	faults.Refuse("datavolumes", "root")
	disk := f.newDisk("root")
	f.Create(disk)
	refused := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonApplyRefused, "by a test: datavolumes")
	assert.Equal(t, refused.Generation, refused.Status.ObservedGeneration, "a refusal is an answer")
	assert.Equal(t, v1alpha1.DiskError, refused.Status.Phase)
	faults.Heal("root")
	f.Patch(disk, `{"spec":{"size":"2Gi"}}`) // so that it is not waited for a minute
	f.WaitDataVolume("root")
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonClaimPending, "DataVolume root")
}
