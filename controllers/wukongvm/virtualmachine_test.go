package wukongvm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

// endedBy is the outcome of a pass in which one step ended with an error.
func endedBy(step string, err error) *pass.Outcome {
	failing := func(int, context.Context, int, int) error { return err }
	return pass.New("test", pass.Do(step, failing)).Run(context.Background(), 0, 0, 0)
}

const testUID = "11111111-2222-3333-4444-555555555555"

// testVM has a root disk from a template, an adopted claim, the pod network and a bridge; it and what it refers to are
// as read from the cache.
func testVM() (*v1alpha1.WukongVM, *observation) {
	size := resource.MustParse("10Gi")
	vm := &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: testUID},
		Spec: v1alpha1.WukongVMSpec{
			PowerState: v1alpha1.PowerRunning, RestartPolicy: v1alpha1.RestartAlways,
			CPU:    v1alpha1.CPU{Cores: 2, Sockets: 1, Threads: 1},
			Memory: v1alpha1.Memory{Guest: resource.MustParse("2Gi")},
			Disks: []v1alpha1.VMDisk{
				{Name: "root", Bus: "virtio",
					Template: &v1alpha1.DiskTemplate{Spec: v1alpha1.WukongDiskSpec{Size: &size}}},
				{Name: "archive", Bus: "sata", ReadOnly: ptr.To(true),
					DiskRef: &v1alpha1.LocalObjectReference{Name: "old"}},
			},
			Networks: []v1alpha1.VMNetwork{
				{Name: "pod", Pod: &v1alpha1.PodNetwork{}},
				{Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "office"},
					MACAddress: "02:00:00:00:00:01"},
			},
		},
	}
	observed := &observation{}
	observed.kubevirtServed = true
	observed.disks.ByName = map[string]*v1alpha1.WukongDisk{
		"web-root": {
			ObjectMeta: metav1.ObjectMeta{Name: "web-root"}, Spec: v1alpha1.WukongDiskSpec{Size: &size},
			Status: v1alpha1.WukongDiskStatus{ClaimName: "web-root", AttachedTo: "web"},
		},
		"old": {ObjectMeta: metav1.ObjectMeta{Name: "old"}, Spec: v1alpha1.WukongDiskSpec{
			Source: &v1alpha1.WukongDiskSource{PersistentVolumeClaim: &v1alpha1.ClaimSource{Name: "legacy"}},
		}, Status: v1alpha1.WukongDiskStatus{ClaimName: "legacy", AttachedTo: "web"}},
	}
	observed.networks.byName = map[string]*v1alpha1.WukongNetwork{"office": {
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "office"},
		Spec: v1alpha1.WukongNetworkSpec{
			Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br0"},
		},
	}}
	return vm, observed
}

func TestDesiredMachine(t *testing.T) {
	vm, observed := testVM()
	machine := desired(vm, observed)
	spec := machine.Spec.Template.Spec

	assert.Equal(t, kubevirtv1.RunStrategyAlways, *machine.Spec.RunStrategy)
	assert.Nil(t, machine.Spec.Running, "deprecated, and excludes runStrategy")
	assert.Equal(t, uint32(2), spec.Domain.CPU.Cores)
	assert.Equal(t, "2Gi", spec.Domain.Memory.Guest.String())
	assert.Equal(t, testUID, string(spec.Domain.Firmware.UUID), "Contract11: an identity of its own")
	labels := machine.Spec.Template.ObjectMeta.Labels
	assert.Equal(t, "wukong", labels[v1alpha1.LabelManagedBy], "or the cache does not hold the instance")

	require.Len(t, spec.Volumes, 3)
	assert.Equal(t, "web-root", spec.Volumes[0].DataVolume.Name)
	assert.Equal(t, "legacy", spec.Volumes[1].PersistentVolumeClaim.ClaimName)
	assert.Equal(t, "web-cloudinit", spec.Volumes[2].CloudInitNoCloud.UserDataSecretRef.Name)
	disks := spec.Domain.Devices.Disks
	assert.Equal(t, uint(1), *disks[0].BootOrder, "without a boot disk the first boots")
	assert.Nil(t, disks[1].BootOrder)
	assert.True(t, disks[1].Disk.ReadOnly)
	assert.Equal(t, kubevirtv1.DiskBusSATA, disks[1].Disk.Bus)

	require.Len(t, spec.Networks, 2)
	assert.NotNil(t, spec.Networks[0].Pod)
	assert.NotNil(t, spec.Domain.Devices.Interfaces[0].Masquerade)
	assert.Equal(t, "shop/office", spec.Networks[1].Multus.NetworkName)
	assert.NotNil(t, spec.Domain.Devices.Interfaces[1].Bridge)
	assert.Equal(t, "02:00:00:00:00:01", spec.Domain.Devices.Interfaces[1].MacAddress)
	assert.NotEmpty(t, spec.Domain.Devices.Interfaces[0].MacAddress, "B13: fixed before the first boot")
	for i := range spec.Networks {
		assert.Equal(t, spec.Networks[i].Name, spec.Domain.Devices.Interfaces[i].Name)
	}
}

func TestB11TheBootDiskIsTheOneThatSaysSo(t *testing.T) {
	vm, observed := testVM()
	vm.Spec.Disks[1].Boot = ptr.To(true)
	disks := desired(vm, observed).Spec.Template.Spec.Domain.Devices.Disks
	assert.Nil(t, disks[0].BootOrder)
	assert.Equal(t, uint(1), *disks[1].BootOrder)
}

// The parts agree with one another in the VirtualMachine: the claim, the strategy to migrate it, and the record of
// that.
func TestAMovingDiskInTheVirtualMachine(t *testing.T) {
	vm, observed := withData()
	run(vm, observed)
	observed.kubevirtServed, observed.moveFacts.nodes, observed.Instance.UID = true, 2, "one"
	observed.disks.ByName["data"].Status.Move = &v1alpha1.DiskMove{
		TargetClaimName: "data-2", Method: v1alpha1.MoveLive, Phase: v1alpha1.MoveMigrating,
	}
	observed.resolve(vm)
	machine := desired(vm, observed)
	_, volume := virt.TemplateDisk(machine, "data")
	assert.Equal(t, "data-2", virt.ClaimOf(volume))
	assert.Equal(t, kubevirtv1.UpdateVolumesStrategyMigration, *machine.Spec.UpdateVolumesStrategy)
	assert.Len(t, volumemove.Handovers(machine), 1)
	assert.Equal(t, v1alpha1.VMDiskMoveMigrating, diskReport(vm, observed).Status()[2].Move.State)
	observed.outcome = endedBy(stepVirtualMachine, pass.ErrSkipped)
	assert.Nil(t, diskReport(vm, observed).Status()[2].Move, "the VirtualMachine was not written")
}

func TestAMachineStaysStoppedWhileItsDiskIsCopied(t *testing.T) {
	vm, observed := withData()
	observed.Machine = desired(vm, observed)
	observed.Machine.Spec.RunStrategy = ptr.To(kubevirtv1.RunStrategyHalted)
	observed.resolve(vm)
	assert.Equal(t, kubevirtv1.RunStrategyAlways, observed.powerInputs(vm).Strategy())
	observed.disks.ByName["data"].Status.Move = &v1alpha1.DiskMove{
		Method: v1alpha1.MoveCopy, Phase: v1alpha1.MoveCopying,
	}
	observed.resolve(vm)
	assert.Equal(t, kubevirtv1.RunStrategyHalted, observed.powerInputs(vm).Strategy())
}
