package volumemove

import (
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Strategy returns Migration while KubeVirt must migrate a volume. Meanwhile KubeVirt plugs no disks in or out
// (pkg/storage/hotplug, HandleDeclarativeVolumes), so the strategy is removed as soon as a disk must be plugged in or
// unplugged. It is not removed before: without it KubeVirt notices that the boot disk is not the one that the guest
// started with, and requires a restart.
func (p Plan) Strategy(volumes []kubevirtv1.Volume) *kubevirtv1.UpdateVolumesStrategy {
	migration := ptr.To(kubevirtv1.UpdateVolumesStrategyMigration)
	if p.Migrates() {
		return migration
	}
	if p.in.Machine == nil ||
		ptr.Deref(p.in.Machine.Spec.UpdateVolumesStrategy, "") != kubevirtv1.UpdateVolumesStrategyMigration {
		return nil
	}
	if instance := p.in.Running(); instance != nil && differs(instance, volumes) {
		return nil
	}
	return migration
}

// differs reports whether a volume must be plugged in, unplugged, or get another claim. With the strategy set,
// KubeVirt would copy the bytes of the old claim over those of the new one.
func differs(instance *kubevirtv1.VirtualMachineInstance, volumes []kubevirtv1.Volume) bool {
	wanted := map[string]string{}
	for i := range volumes {
		if claim := virt.ClaimOf(&volumes[i]); claim != "" {
			wanted[volumes[i].Name] = claim
		}
	}
	for i := range instance.Spec.Volumes {
		volume := &instance.Spec.Volumes[i]
		if claim := virt.ClaimOf(volume); claim != wanted[volume.Name] {
			return true
		}
		delete(wanted, volume.Name)
	}
	return len(wanted) > 0
}
