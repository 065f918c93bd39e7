package attachment

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/internal/protocol/custody"
)

// detaching is a WukongVM that does not list the disk root any longer, while its instance still has it.
func detaching() *v1alpha1.WukongVM {
	vm := builder.VM("shop", "web")
	vm.Status.Disks = []v1alpha1.VMDiskStatus{{Name: "root", DiskName: "root"}}
	return vm
}

func TestVMChange(t *testing.T) {
	tests := map[string]struct {
		change func(*v1alpha1.WukongVM)
		news   bool
	}{
		"nothing":         {func(*v1alpha1.WukongVM) {}, false},
		"its phase":       {func(vm *v1alpha1.WukongVM) { vm.Status.Phase = v1alpha1.PhaseRunning }, false},
		"its spec":        {func(vm *v1alpha1.WukongVM) { vm.Generation = 2 }, true},
		"a disk's device": {func(vm *v1alpha1.WukongVM) { vm.Status.Disks[0].Target = "vdb" }, false},
		"a disk's size": {
			func(vm *v1alpha1.WukongVM) { vm.Status.Disks[0].GuestSize = ptr.To(resource.MustParse("2Gi")) }, true},
		"a disk's claim":           {func(vm *v1alpha1.WukongVM) { vm.Status.Disks[0].ClaimName = "other" }, true},
		"a disk is released":       {func(vm *v1alpha1.WukongVM) { vm.Status.Disks = nil }, true},
		"another of the same name": {func(vm *v1alpha1.WukongVM) { vm.UID = "other" }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before, after := detaching(), detaching()
			test.change(after)
			assert.Equal(t, test.news, VMChange().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}))
		})
	}
}

// instanceWith is an instance in a phase that has claims.
func instanceWith(
	phase kubevirtv1.VirtualMachineInstancePhase, claims ...string,
) *kubevirtv1.VirtualMachineInstance {
	instance := keeptest.Object(&kubevirtv1.VirtualMachineInstance{
		Status: kubevirtv1.VirtualMachineInstanceStatus{Phase: phase},
	}, custody.KeepInstance)
	for _, claim := range claims {
		instance.Status.VolumeStatus = append(instance.Status.VolumeStatus, kubevirtv1.VolumeStatus{
			Name: claim, PersistentVolumeClaimInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: claim},
		})
	}
	return instance
}

func TestInstanceReleased(t *testing.T) {
	update := func(before, after *kubevirtv1.VirtualMachineInstance) bool {
		return InstanceReleased().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
	}
	assert.False(t, update(instanceWith(kubevirtv1.Running, "root"), instanceWith(kubevirtv1.Running, "root")))
	assert.False(t, update(instanceWith(kubevirtv1.Running), instanceWith(kubevirtv1.Running, "root")))
	assert.True(t, update(instanceWith(kubevirtv1.Running, "root", "data"), instanceWith(kubevirtv1.Running, "root")))
	assert.True(t, update(instanceWith(kubevirtv1.Running, "root"), instanceWith(kubevirtv1.Succeeded, "root")))
	assert.True(t, InstanceReleased().Delete(event.DeleteEvent{Object: instanceWith(kubevirtv1.Running)}))
	assert.False(t, InstanceReleased().Create(event.CreateEvent{Object: instanceWith(kubevirtv1.Running)}))
}
