package volumemove

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Stall is a volume migration in which KubeVirt is stuck. The zero value is none.
//
// Its virt-controller begins a migration in two steps: it lists the volumes in status.migratedVolumes of the instance,
// and then puts the new claims into the instance's spec (pkg/virt-controller/watch/volume-migration, PatchVMIVolumes).
// Another of its loops may set the condition VolumesChange between the two, when the instance has a claim that does
// not move (pkg/virt-controller/watch/vmi/storage.go, requireVolumesUpdate). Then the first loop takes the second step
// for a change in the middle of a migration and refuses it permanently (VolumeMigrationCancel), no other loop
// continues, and each migration attempt fails. Reverting to the old claims cancels nothing, because nothing has
// changed then.
//
// Only changes of the VirtualMachine resolve it: the old claims are restored, and another volume asks for a claim that
// does not exist. KubeVirt reports that error by setting VolumesChange to False, and with the condition False it
// accepts the new claims in one step, because the list exists already. Nothing is copied meanwhile, and the guest is
// not affected.
type Stall struct {
	state stallState
	// misled is the volume that asks for a claim that does not exist while the migration is stalled; empty if none can.
	misled string
	// unfinished: migrations of the instance that began with the old claims have not ended.
	unfinished bool
	// RetryAfter is when to check again what no watch reports; zero for never.
	RetryAfter time.Duration
}

type stallState int

const (
	notStalled stallState = iota
	// stalled: the condition prevents KubeVirt from accepting the new claims.
	stalled
	// released: the condition is False, and KubeVirt accepts the new claims.
	released
)

const (
	// stallPatience is how long the state must last to count as a stall. Usually it lasts for milliseconds.
	stallPatience = 5 * time.Second
	// stallRetry is how often to check for migrations that have not ended.
	stallRetry = 2 * time.Second
	// misleadingClaim is the claim that does not exist. KubeVirt would not touch it if it did.
	misleadingClaim = "wukong-begins-the-migration-anew"
)

// LookForStall reports whether the migration of a volume is stalled. The function migrations lists the migrations of
// the instance, and is called only when they matter.
func LookForStall(
	view virt.View, now time.Time, migrations func() ([]kubevirtv1.VirtualMachineInstanceMigration, error),
) (Stall, error) {
	instance := view.Guest()
	if instance == nil || !listedOnly(view.Machine, instance) {
		return Stall{}, nil
	}
	condition := virt.Condition(instance, kubevirtv1.VirtualMachineInstanceVolumesChange)
	switch {
	case condition == nil:
		return Stall{}, nil
	case condition.Status == corev1.ConditionTrue:
		if rest := stallPatience - now.Sub(condition.LastTransitionTime.Time); rest > 0 {
			return Stall{RetryAfter: rest}, nil
		}
		return Stall{state: stalled, misled: bystander(view.Machine, instance)}, nil
	}
	list, err := migrations()
	if err != nil {
		return Stall{}, err
	}
	stall := Stall{state: released}
	if slices.ContainsFunc(list, func(item kubevirtv1.VirtualMachineInstanceMigration) bool { return !item.IsFinal() }) {
		stall.unfinished, stall.RetryAfter = true, stallRetry
	}
	return stall, nil
}

// listedOnly reports whether KubeVirt lists a volume that it was given, while the instance still has the old claim.
func listedOnly(virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance) bool {
	return slices.ContainsFunc(Handovers(virtualMachine), func(item Handover) bool {
		claim, migrates := virt.VolumeOf(instance, item.Volume)
		return !item.Done && item.Instance == instance.UID && migrates && claim == item.From
	})
}

// bystander returns a volume of the instance with a claim that does not migrate, though it could, or "".
func bystander(virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance) string {
	for i := range instance.Spec.Volumes {
		name := instance.Spec.Volumes[i].Name
		claim, migrates := virt.VolumeOf(instance, name)
		if device, _ := virt.TemplateDisk(virtualMachine, name); claim != "" && !migrates &&
			device != nil && migratable(device) {
			return name
		}
	}
	return ""
}

// decide decides about a volume that KubeVirt was given and has not put into the instance.
func (s Stall) decide(item Handover) Move {
	const lost = "KubeVirt lost the volume update in a race and did not attach the new claim; "
	result := Move{
		State: v1alpha1.VMDiskMoveMigrating, Claim: item.From, Handover: &item,
		Message: lost + "the migration is being restarted",
	}
	switch {
	case s.state == stalled && s.misled == "":
		result.Claim = item.To
		result.Message = lost + "restart the WukongVM, or stop it to copy the disk"
	case s.state == released && !s.unfinished:
		result.Claim = item.To
	}
	return result
}

// Mislead gives the bystander of a stalled migration the claim that does not exist.
func (p Plan) Mislead(volumes []kubevirtv1.Volume) {
	misled := p.in.Stall.misled
	for i := range volumes {
		if volume := &volumes[i]; misled != "" && volume.Name == misled {
			volume.VolumeSource = kubevirtv1.VolumeSource{DataVolume: &kubevirtv1.DataVolumeSource{
				Name: misleadingClaim, Hotpluggable: virt.IsHotpluggable(volume),
			}}
		}
	}
}

// Meant returns a VirtualMachine with the desired claim where Mislead put another.
func Meant(
	virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance,
) *kubevirtv1.VirtualMachine {
	if virtualMachine == nil || virtualMachine.Spec.Template == nil || instance == nil {
		return virtualMachine
	}
	misled := func(volume kubevirtv1.Volume) bool { return virt.ClaimOf(&volume) == misleadingClaim }
	at := slices.IndexFunc(virtualMachine.Spec.Template.Spec.Volumes, misled)
	if at < 0 {
		return virtualMachine
	}
	result := virtualMachine.DeepCopy()
	volumes := result.Spec.Template.Spec.Volumes
	for i := range instance.Spec.Volumes {
		if instance.Spec.Volumes[i].Name == volumes[at].Name {
			volumes[at].VolumeSource = *instance.Spec.Volumes[i].VolumeSource.DeepCopy()
		}
	}
	return result
}
