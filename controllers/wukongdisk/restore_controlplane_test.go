//go:build controlplane

package wukongdisk_test

import (
	"testing"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// A disk reports why the claim that it is restored to gets no volume, and fails when the VolumeSnapshot is deleted
// before that claim is filled from it.
func TestATargetThatIsNotFilled(t *testing.T) {
	f, _ := start(t)
	disk := f.newDisk("root")
	f.Create(disk, f.newVM("root", "root"))
	f.fill(disk)
	f.waitReady(disk)
	f.waitHeldBy(disk, "root")
	askRestore(f.Fixture, disk)
	reports := func(phase v1alpha1.DiskRestorePhase, message string) *v1alpha1.DiskRestore {
		disk := testkit.WaitUntil(f, disk, func(now *testkit.Attempt, disk *v1alpha1.WukongDisk) {
			if found := disk.Status.Restore; assert.NotNil(now, found) {
				assert.Equal(now, phase, found.Phase, found.Message)
				assert.Equal(now, message, found.Message)
			}
		})
		return disk.Status.Restore
	}
	var target string
	f.Until(func() bool {
		found := testkit.Read(f, "root", &v1alpha1.WukongDisk{}).Status.Restore
		if found != nil {
			target = found.TargetClaimName
		}
		return target != "" && f.Exists(target, &cdiv1.DataVolume{})
	})
	claim := f.ClaimOf(testkit.Read(f, target, &cdiv1.DataVolume{}))
	f.SetDataVolume(target, cdiv1.Pending)
	f.Create(f.provisioningFailed(claim, "pool is full"))
	reports(v1alpha1.DiskRestoreFilling, "PersistentVolumeClaim "+target+" gets no volume: pool is full")

	f.Remove(f.Named("root", &snapshotv1.VolumeSnapshot{}))
	failed := reports(v1alpha1.DiskRestoreFailed,
		"VolumeSnapshot root was deleted before DataVolume "+target+" was filled from it")
	assert.Equal(t, target, failed.TargetClaimName)
	testkit.WaitCondition(f, disk, v1alpha1.ConditionRestored, metav1.ConditionFalse, string(v1alpha1.DiskRestoreFailed),
		"was deleted before")
	assert.True(t, f.Exists(target, &cdiv1.DataVolume{}), "the WukongVM decides what becomes of it")
	f.waitReady(disk)
}
