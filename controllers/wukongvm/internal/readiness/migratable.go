package readiness

import (
	"cmp"
	"fmt"
	"regexp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// claimInMessage is how KubeVirt names a claim that keeps a guest from migrating (pkg/virt-handler/vm.go,
// checkVolumesForMigration).
var claimInMessage = regexp.MustCompile(`\bPVC ([a-z0-9][-.a-z0-9]*)`)

// reportMigratable sets the condition LiveMigratable. KubeVirt names claims; a user knows disks.
func reportMigratable(set *conditions.Set, instance *kubevirtv1.VirtualMachineInstance) {
	migratable := virt.Condition(instance, kubevirtv1.VirtualMachineInstanceIsMigratable)
	if migratable == nil {
		return
	}
	message := claimInMessage.ReplaceAllStringFunc(migratable.Message, func(found string) string {
		claim := claimInMessage.FindStringSubmatch(found)[1]
		for i := range instance.Spec.Volumes {
			if volume := &instance.Spec.Volumes[i]; virt.ClaimOf(volume) == claim {
				return fmt.Sprintf("disk %s (PersistentVolumeClaim %s)", volume.Name, claim)
			}
		}
		return found
	})
	set.Put(v1alpha1.ConditionLiveMigratable, metav1.ConditionStatus(migratable.Status),
		cmp.Or(migratable.Reason, v1alpha1.ReasonReady), message)
}

// OnDrain is what happens to the guest when its node is drained; empty without a guest. KubeVirt writes the cluster's
// default into the instance when it is created, and answers evictions by it (pkg/defaults, setDefaultEvictionStrategy;
// pkg/virt-api/webhooks/validating-webhook/admitters/pod-eviction-admitter.go).
func OnDrain(view virt.View) v1alpha1.DrainEffect {
	instance := view.Running()
	if instance == nil {
		return ""
	}
	strategy := kubevirtv1.EvictionStrategyNone
	if instance.Spec.EvictionStrategy != nil {
		strategy = *instance.Spec.EvictionStrategy
	}
	migratable := virt.Condition(instance, kubevirtv1.VirtualMachineInstanceIsMigratable)
	migrates := migratable != nil && migratable.Status == corev1.ConditionTrue
	switch {
	case strategy == kubevirtv1.EvictionStrategyExternal:
		return v1alpha1.DrainBlocks
	case strategy == kubevirtv1.EvictionStrategyNone:
		return v1alpha1.DrainShutsDown
	case migrates:
		return v1alpha1.DrainMigrates
	case strategy == kubevirtv1.EvictionStrategyLiveMigrate:
		return v1alpha1.DrainBlocks
	default:
		return v1alpha1.DrainShutsDown
	}
}
