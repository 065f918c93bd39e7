package wukongvm

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// stall is a migration of volumes that KubeVirt cannot go on with.
//
// Its virt-controller begins one in two steps: it lists the volumes in status.migratedVolumes of the instance, and then puts the new claims
// into the instance's spec (pkg/virt-controller/watch/volume-migration, PatchVMIVolumes). Another loop of it may set the condition VolumesChange
// between the two, when the instance has a claim that does not move (pkg/virt-controller/watch/vmi/storage.go, requireVolumesUpdate). Then the
// first loop takes the second step for a change in the middle of a migration and refuses it for ever (VolumeMigrationCancel), the machine has no
// other loop to go on, and each migration that is tried meanwhile fails. To put the old claims back cancels nothing, for nothing is changed then.
//
// The way out goes by the VirtualMachine alone: the old claims are put back, and another volume asks for a claim that does not exist. That is
// an error which KubeVirt reports by turning VolumesChange False, and with the condition False it takes the new claims in one step, because the
// list is there already. Nothing is copied meanwhile, and the guest notices nothing.
type stall struct {
	state stallState
	// misled is the volume that asks for a claim that does not exist while the migration is stalled; empty without one that could.
	misled string
	// unfinished: migrations of the instance that began with the old claims are not over.
	unfinished bool
	// retryAfter is when to look again at what no watch tells of; zero for never.
	retryAfter time.Duration
}

type stallState int

const (
	notStalled stallState = iota
	// stalled: the condition stands between KubeVirt and the new claims.
	stalled
	// released: the condition is False, and KubeVirt takes the new claims when it gets them.
	released
)

const (
	// stallPatience is how long the state lasts before it is taken for a stall. In most cases it lasts for milliseconds.
	stallPatience = 5 * time.Second
	// stallRetry is how often to look for migrations that are not over.
	stallRetry = 2 * time.Second
	// misleadingClaim is the claim that does not exist. KubeVirt would not touch it if it did.
	misleadingClaim = "wukong-begins-the-migration-anew"
)

// observeStall finds out whether the migration of a volume is stalled.
func (r *Reconciler) observeStall(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	instance := observed.Guest()
	if instance == nil || !observed.listedOnly(instance) {
		return nil
	}
	condition := virt.Condition(instance, kubevirtv1.VirtualMachineInstanceVolumesChange)
	switch {
	case condition == nil:
		return nil
	case condition.Status == corev1.ConditionTrue:
		if rest := stallPatience - r.clock.Since(condition.LastTransitionTime.Time); rest > 0 {
			observed.stall.retryAfter = rest
			return nil
		}
		observed.stall.state, observed.stall.misled = stalled, observed.bystander(instance)
		return nil
	}
	observed.stall.state = released
	list := &kubevirtv1.VirtualMachineInstanceMigrationList{}
	err := r.uncached.List(ctx, list, client.InNamespace(vm.Namespace), client.MatchingLabels{kubevirtv1.MigrationSelectorLabel: vm.Name})
	if err != nil {
		return fmt.Errorf("list the migrations of VirtualMachineInstance %s: %w", vm.Name, err)
	}
	if slices.ContainsFunc(list.Items, func(migration kubevirtv1.VirtualMachineInstanceMigration) bool { return !migration.IsFinal() }) {
		observed.stall.unfinished, observed.stall.retryAfter = true, stallRetry
	}
	return nil
}

// listedOnly tells whether KubeVirt lists a volume that it was given, and the instance has the old claim.
func (o *observation) listedOnly(instance *kubevirtv1.VirtualMachineInstance) bool {
	return slices.ContainsFunc(handoversOf(o.Machine), func(item handover) bool {
		claim, migrates := volumeOf(instance, item.Volume)
		return !item.Done && item.Instance == instance.UID && migrates && claim == item.From
	})
}

// bystander is a volume of the instance with a claim that does not migrate, though it could.
func (o *observation) bystander(instance *kubevirtv1.VirtualMachineInstance) string {
	for i := range instance.Spec.Volumes {
		name := instance.Spec.Volumes[i].Name
		claim, migrates := volumeOf(instance, name)
		if device, _ := virt.TemplateDisk(o.Machine, name); claim != "" && !migrates && device != nil && migratable(device) {
			return name
		}
	}
	return ""
}

// resolveStall is about a volume that KubeVirt was given and has not put into the instance.
func (o *observation) resolveStall(item handover) volumeMove {
	result := volumeMove{
		state: v1alpha1.VMDiskMoveMigrating, claim: item.From, handover: &item,
		message: "KubeVirt has overtaken itself and not given the running machine the new claim: the migration begins anew",
	}
	switch {
	case o.stall.state == stalled && o.stall.misled == "":
		result.claim = item.To
		result.message = "KubeVirt has overtaken itself and not given the running machine the new claim: restart the machine, or stop it, and the disk is copied"
	case o.stall.state == released && !o.stall.unfinished:
		result.claim = item.To
	}
	return result
}

// mislead gives the bystander of a stalled migration the claim that does not exist.
func (o *observation) mislead(volumes []kubevirtv1.Volume) {
	for i := range volumes {
		if volume := &volumes[i]; o.stall.misled != "" && volume.Name == o.stall.misled {
			volume.VolumeSource = kubevirtv1.VolumeSource{DataVolume: &kubevirtv1.DataVolumeSource{
				Name: misleadingClaim, Hotpluggable: isHotpluggable(volume),
			}}
		}
	}
}

// meant is a VirtualMachine with the claim that it is meant to have where mislead put another.
func meant(machine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance) *kubevirtv1.VirtualMachine {
	if machine == nil || machine.Spec.Template == nil || instance == nil {
		return machine
	}
	at := slices.IndexFunc(machine.Spec.Template.Spec.Volumes, func(volume kubevirtv1.Volume) bool { return virt.ClaimOf(&volume) == misleadingClaim })
	if at < 0 {
		return machine
	}
	result := machine.DeepCopy()
	volumes := result.Spec.Template.Spec.Volumes
	for i := range instance.Spec.Volumes {
		if instance.Spec.Volumes[i].Name == volumes[at].Name {
			volumes[at].VolumeSource = *instance.Spec.Volumes[i].VolumeSource.DeepCopy()
		}
	}
	return result
}
