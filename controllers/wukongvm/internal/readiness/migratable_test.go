package readiness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	clocktesting "k8s.io/utils/clock/testing"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// KubeVirt names the claim; the user knows the disk.
func TestLiveMigratableNamesTheDisk(t *testing.T) {
	instance := instanceIn(kubevirtv1.Running, condition{
		Type: kubevirtv1.VirtualMachineInstanceIsMigratable, Status: corev1.ConditionFalse,
		Reason:  "DisksNotLiveMigratable",
		Message: "cannot migrate VMI: PVC web-data is not shared, live migration requires that all PVCs must be shared",
	})
	message := func() string {
		set := conditions.For(&v1alpha1.WukongVM{}, clocktesting.NewFakePassiveClock(time.Unix(0, 0)))
		ReportGuest(set, virt.View{Instance: instance})
		return set.Get(v1alpha1.ConditionLiveMigratable).Message
	}
	assert.Equal(t, instance.Status.Conditions[0].Message, message(), "no volume has the claim")
	instance.Spec.Volumes = []kubevirtv1.Volume{
		{Name: "root", VolumeSource: kubevirtv1.VolumeSource{
			DataVolume: &kubevirtv1.DataVolumeSource{Name: "web-root"},
		}},
		{Name: "data", VolumeSource: kubevirtv1.VolumeSource{
			DataVolume: &kubevirtv1.DataVolumeSource{Name: "web-data"},
		}},
	}
	assert.Equal(t, "cannot migrate VMI: disk data (PersistentVolumeClaim web-data) is not shared, "+
		"live migration requires that all PVCs must be shared", message())
}

func TestOnDrain(t *testing.T) {
	const none, migrate = kubevirtv1.EvictionStrategyNone, kubevirtv1.EvictionStrategyLiveMigrate
	const ifPossible = kubevirtv1.EvictionStrategyLiveMigrateIfPossible
	for _, row := range []struct {
		strategy   kubevirtv1.EvictionStrategy
		migratable corev1.ConditionStatus
		expected   v1alpha1.DrainEffect
	}{
		{migrate, corev1.ConditionTrue, v1alpha1.DrainMigrates},
		{migrate, corev1.ConditionFalse, v1alpha1.DrainBlocks},
		{ifPossible, corev1.ConditionTrue, v1alpha1.DrainMigrates},
		{ifPossible, corev1.ConditionFalse, v1alpha1.DrainShutsDown},
		{none, corev1.ConditionTrue, v1alpha1.DrainShutsDown},
		{"", corev1.ConditionTrue, v1alpha1.DrainShutsDown},
		{kubevirtv1.EvictionStrategyExternal, corev1.ConditionTrue, v1alpha1.DrainBlocks},
	} {
		instance := instanceIn(kubevirtv1.Running,
			condition{Type: kubevirtv1.VirtualMachineInstanceIsMigratable, Status: row.migratable})
		if row.strategy != "" {
			instance.Spec.EvictionStrategy = &row.strategy
		}
		assert.Equal(t, row.expected, OnDrain(virt.View{Instance: instance}), "%s %s", row.strategy, row.migratable)
	}
	assert.Empty(t, OnDrain(virt.View{}))
	assert.Empty(t, OnDrain(virt.View{Instance: instanceIn(kubevirtv1.Succeeded)}))
}
