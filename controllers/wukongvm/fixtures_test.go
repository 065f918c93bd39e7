package wukongvm

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// withData is testVM with a third disk that refers to WukongDisk data, which is assigned to the WukongVM.
func withData() (*v1alpha1.WukongVM, *observation) {
	vm, observed := testVM()
	vm.Spec.Disks = append(vm.Spec.Disks, v1alpha1.VMDisk{
		Name: "data", Bus: "virtio", DiskRef: &v1alpha1.LocalObjectReference{Name: "data"},
	})
	observed.disks.ByName["data"] = &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Name: "data"},
		Status: v1alpha1.WukongDiskStatus{ClaimName: "data", AttachedTo: "web", Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady,
		}}},
	}
	return vm, observed
}

// run makes the VirtualMachine that the observation asks for, and an instance of it that runs.
func run(vm *v1alpha1.WukongVM, observed *observation) {
	observed.Machine = desired(vm, observed)
	observed.Instance = instanceOf(observed.Machine)
	observed.Instance.Status.Phase = kubevirtv1.Running
	for i := range observed.Instance.Spec.Volumes {
		volume := &observed.Instance.Spec.Volumes[i]
		claim := &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: virt.ClaimOf(volume)}
		status := kubevirtv1.VolumeStatus{Name: volume.Name, PersistentVolumeClaimInfo: claim}
		if virt.IsHotpluggable(volume) {
			status.HotplugVolume, status.Phase = &kubevirtv1.HotplugVolumeStatus{}, kubevirtv1.VolumeReady
		}
		observed.Instance.Status.VolumeStatus = append(observed.Instance.Status.VolumeStatus, status)
	}
	observed.disks.Owners = map[string]string{}
	for name, disk := range observed.disks.ByName {
		if disk != nil {
			observed.disks.Owners[disk.Status.ClaimName] = name
		}
	}
	observed.resolve(vm)
}

// desired is the VirtualMachine that a pass would write.
func desired(vm *v1alpha1.WukongVM, observed *observation) *kubevirtv1.VirtualMachine {
	observed.resolve(vm)
	return observed.virtualMachine(vm)
}

// instanceOf is the instance that KubeVirt makes of a VirtualMachine, as the cache holds it.
func instanceOf(machine *kubevirtv1.VirtualMachine) *kubevirtv1.VirtualMachineInstance {
	instance := &kubevirtv1.VirtualMachineInstance{Spec: *machine.Spec.Template.Spec.DeepCopy()}
	return keeptest.Object(instance, virt.KeepInstance)
}
