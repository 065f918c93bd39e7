package volumemove

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// newInputs returns a WukongVM that runs with the disks root and data, both attached to it. The instance has the UID
// "one".
func newInputs() *Inputs {
	const uid = "one"
	in := &Inputs{Nodes: EnoughNodes, VM: &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: "web"}},
		Disks: map[string]*v1alpha1.WukongDisk{}}
	in.Machine = &kubevirtv1.VirtualMachine{Spec: kubevirtv1.VirtualMachineSpec{
		RunStrategy: ptr.To(kubevirtv1.RunStrategyAlways), Template: &kubevirtv1.VirtualMachineInstanceTemplateSpec{},
	}}
	spec := &in.Machine.Spec.Template.Spec
	var status []kubevirtv1.VolumeStatus
	for _, name := range []string{"root", "data"} {
		in.VM.Spec.Disks = append(in.VM.Spec.Disks, v1alpha1.VMDisk{
			Name: name, Bus: "virtio", DiskRef: &v1alpha1.LocalObjectReference{Name: name},
		})
		in.Disks[name] = &v1alpha1.WukongDisk{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Status:     v1alpha1.WukongDiskStatus{ClaimName: name, AttachedTo: "web"},
		}
		spec.Domain.Devices.Disks = append(spec.Domain.Devices.Disks, kubevirtv1.Disk{Name: name})
		spec.Volumes = append(spec.Volumes, kubevirtv1.Volume{Name: name, VolumeSource: kubevirtv1.VolumeSource{
			DataVolume: &kubevirtv1.DataVolumeSource{Name: name},
		}})
		status = append(status, kubevirtv1.VolumeStatus{
			Name: name, PersistentVolumeClaimInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: name},
		})
	}
	in.Instance = keeptest.Object(&kubevirtv1.VirtualMachineInstance{
		ObjectMeta: metav1.ObjectMeta{UID: uid}, Spec: *spec.DeepCopy(),
	}, virt.KeepInstance)
	in.Instance.Status.Phase, in.Instance.Status.VolumeStatus = kubevirtv1.Running, status
	return in
}

// moveOf is newInputs, with the disk data moving from claim data to claim data-2, in a phase. given: KubeVirt was
// given the volume while the instance with that UID ran.
func moveOf(phase v1alpha1.MovePhase, given bool, options ...func(*Inputs)) *Inputs {
	in := newInputs()
	in.Disks["data"].Status.Move = &v1alpha1.DiskMove{
		TargetClaimName: "data-2", TargetStorageClassName: "slow", Method: v1alpha1.MoveLive, Phase: phase,
	}
	if given {
		_, volume := virt.TemplateDisk(in.Machine, "data")
		volume.DataVolume.Name = "data-2"
		in.Machine.Annotations = encode(
			[]Handover{{Volume: "data", Disk: "data", From: "data", To: "data-2", Instance: "one"}})
		in.Machine.Spec.UpdateVolumesStrategy = ptr.To(kubevirtv1.UpdateVolumesStrategyMigration)
	}
	for _, option := range options {
		option(in)
	}
	return in
}

// written returns the volumes of the VirtualMachine after the plan, with those of the spec that it leaves to the
// disks.
func written(in *Inputs, plan Plan) []kubevirtv1.Volume {
	volumes := in.Machine.DeepCopy().Spec.Template.Spec.Volumes
	for i := range volumes {
		disk := in.Disks[volumes[i].Name]
		volumes[i].DataVolume.Name = cmp.Or(plan.Of(disk.Name).Claim, disk.Status.ClaimName)
	}
	plan.Mislead(volumes)
	return volumes
}

func claimIn(volumes []kubevirtv1.Volume, name string) string {
	at := slices.IndexFunc(volumes, func(volume kubevirtv1.Volume) bool { return volume.Name == name })
	return virt.ClaimOf(&volumes[at])
}

func instanceVolume(claim string, migrates bool) func(*Inputs) {
	return func(in *Inputs) {
		for i := range in.Instance.Spec.Volumes {
			if volume := &in.Instance.Spec.Volumes[i]; volume.Name == "data" {
				volume.DataVolume.Name = claim
			}
		}
		if migrates {
			in.Instance.Status.MigratedVolumes = []kubevirtv1.StorageMigratedVolumeInfo{{
				VolumeName: "data", SourcePVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: "data"},
				DestinationPVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: "data-2"},
			}}
		}
	}
}

func ended(in *Inputs) { in.Instance.Status.Phase = kubevirtv1.Succeeded }

func instanceGone(in *Inputs) { in.Instance = nil }

func restarted(in *Inputs) { in.Instance.UID = "two" }

func virtualMachineSaysTrue(conditionType kubevirtv1.VirtualMachineConditionType, message string) func(*Inputs) {
	return func(in *Inputs) {
		in.Machine.Status.Conditions = append(in.Machine.Status.Conditions, kubevirtv1.VirtualMachineCondition{
			Type: conditionType, Status: corev1.ConditionTrue, Message: message,
		})
	}
}

func instanceSaysFalse(
	conditionType kubevirtv1.VirtualMachineInstanceConditionType, reason, message string,
) func(*Inputs) {
	return func(in *Inputs) {
		in.Instance.Status.Conditions = append(in.Instance.Status.Conditions,
			kubevirtv1.VirtualMachineInstanceCondition{
				Type: conditionType, Status: corev1.ConditionFalse, Reason: reason, Message: message,
			})
	}
}

func listedByKubeVirt(in *Inputs) {
	in.Machine.Status.VolumeUpdateState = &kubevirtv1.VolumeUpdateState{
		VolumeMigrationState: &kubevirtv1.VolumeMigrationState{
			MigratedVolumes: []kubevirtv1.StorageMigratedVolumeInfo{{
				VolumeName: "data", SourcePVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: "data"},
				DestinationPVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: "data-2"},
			}},
		}}
}

func named(claim string) func(*Inputs) {
	return func(in *Inputs) {
		in.Disks["data"].Annotations = map[string]string{v1alpha1.AnnotationClaimInUse: claim}
	}
}

func readWriteOnce(volume string) func(*Inputs) {
	return func(in *Inputs) {
		for i := range in.Instance.Status.VolumeStatus {
			if status := &in.Instance.Status.VolumeStatus[i]; status.Name == volume {
				status.PersistentVolumeClaimInfo.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
			}
		}
	}
}
