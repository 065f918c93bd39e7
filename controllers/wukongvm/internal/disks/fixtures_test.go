package disks

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

// testVM returns a WukongVM with a root disk from a template and an adopted claim, both attached to it.
func testVM() *Inputs {
	size := resource.MustParse("10Gi")
	return &Inputs{
		VM: &v1alpha1.WukongVM{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
			Spec: v1alpha1.WukongVMSpec{Disks: []v1alpha1.VMDisk{
				{Name: "root", Bus: "virtio",
					Template: &v1alpha1.DiskTemplate{Spec: v1alpha1.WukongDiskSpec{Size: &size}}},
				{Name: "archive", Bus: "sata", ReadOnly: ptr.To(true),
					DiskRef: &v1alpha1.LocalObjectReference{Name: "old"}},
			}},
		},
		Disks: map[string]*v1alpha1.WukongDisk{
			"web-root": {
				ObjectMeta: metav1.ObjectMeta{Name: "web-root"}, Spec: v1alpha1.WukongDiskSpec{Size: &size},
				Status: v1alpha1.WukongDiskStatus{ClaimName: "web-root", AttachedTo: "web"},
			},
			"old": {ObjectMeta: metav1.ObjectMeta{Name: "old"}, Spec: v1alpha1.WukongDiskSpec{
				Source: &v1alpha1.WukongDiskSource{PersistentVolumeClaim: &v1alpha1.ClaimSource{Name: "legacy"}},
			}, Status: v1alpha1.WukongDiskStatus{ClaimName: "legacy", AttachedTo: "web"}},
		},
	}
}

// withData is testVM with a third disk that refers to WukongDisk data, attached to the WukongVM.
func withData() *Inputs {
	in := testVM()
	in.VM.Spec.Disks = append(in.VM.Spec.Disks, v1alpha1.VMDisk{
		Name: "data", Bus: "virtio", DiskRef: &v1alpha1.LocalObjectReference{Name: "data"},
	})
	in.Disks["data"] = &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Name: "data"},
		Status: v1alpha1.WukongDiskStatus{ClaimName: "data", AttachedTo: "web", Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady,
		}}},
	}
	return in
}

// write sets the desired disks of the VirtualMachine.
func write(in *Inputs) {
	devices, volumes := in.Storage("web-cloudinit")
	strategy := kubevirtv1.RunStrategyAlways
	in.Machine = &kubevirtv1.VirtualMachine{Spec: kubevirtv1.VirtualMachineSpec{
		RunStrategy: &strategy, Template: &kubevirtv1.VirtualMachineInstanceTemplateSpec{},
	}}
	in.Machine.Spec.Template.Spec.Domain.Devices.Disks, in.Machine.Spec.Template.Spec.Volumes = devices, volumes
}

// run is write, with a running instance.
func run(in *Inputs) {
	write(in)
	in.Instance = keeptest.Object(&kubevirtv1.VirtualMachineInstance{
		Spec: *in.Machine.Spec.Template.Spec.DeepCopy(),
	}, virt.KeepInstance)
	in.Instance.Status.Phase = kubevirtv1.Running
	for i := range in.Instance.Spec.Volumes {
		volume := &in.Instance.Spec.Volumes[i]
		status := kubevirtv1.VolumeStatus{
			Name:                      volume.Name,
			PersistentVolumeClaimInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: virt.ClaimOf(volume)},
		}
		if virt.IsHotpluggable(volume) {
			status.HotplugVolume, status.Phase = &kubevirtv1.HotplugVolumeStatus{}, kubevirtv1.VolumeReady
		}
		in.Instance.Status.VolumeStatus = append(in.Instance.Status.VolumeStatus, status)
	}
	in.Owners = map[string]string{}
	for name, disk := range in.Disks {
		if disk != nil {
			in.Owners[disk.Status.ClaimName] = name
		}
	}
}

// runPlugged is run with the third disk plugged in while the guest ran.
func runPlugged(in *Inputs) {
	listed := in.VM.Spec.Disks
	in.VM.Spec.Disks = listed[:2]
	run(in)
	in.VM.Spec.Disks = listed
	run(in)
}

func volumeNames(in *Inputs) []string {
	var names []string
	_, volumes := in.Storage("web-cloudinit")
	for _, volume := range volumes {
		names = append(names, volume.Name)
	}
	return names
}

// decideMoves sets the WukongVM's decisions about the moves that its disks ask for.
func decideMoves(in *Inputs) {
	in.Moves = volumemove.Make(volumemove.Inputs{
		VM: in.VM, View: in.View, Disks: in.Disks, Nodes: volumemove.EnoughNodes,
	})
}

// report returns status.disks after a pass that wrote the VirtualMachine.
func report(in *Inputs) []v1alpha1.VMDiskStatus { return Report{Inputs: *in, Written: true}.Status() }
