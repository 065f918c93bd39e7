package wukongvm

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/child"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/placement"
)

// desiredMachine is the VirtualMachine, complete: KubeVirt writes into objects right after they are created, and a second request
// of ours would conflict with its own. What KubeVirt adds is left alone.
func desiredMachine(vm *v1alpha1.WukongVM, observed *observation) *kubevirtv1.VirtualMachine {
	storage, network := observed.diskInputs(vm), observed.nics.After(observed.View)
	devices, volumes := storage.Storage(model.CloudInitSecretName(vm))
	interfaces, networks := network.Devices()
	metadata := child.Metadata(vm, vm.Name, nil)
	metadata.Annotations = observed.moves.Annotations()
	metadata.ResourceVersion = cmp.Or(network.Lock(), storage.Lock(volumes))
	machine := &kubevirtv1.VirtualMachine{
		ObjectMeta: metadata,
		Spec: kubevirtv1.VirtualMachineSpec{
			RunStrategy:           ptr.To(observed.powerInputs(vm).Strategy()),
			UpdateVolumesStrategy: observed.moves.Strategy(volumes),
			Template: &kubevirtv1.VirtualMachineInstanceTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: placement.Labels(vm), Annotations: placement.Annotations(vm.Spec.Scheduling)},
				Spec: kubevirtv1.VirtualMachineInstanceSpec{
					Domain: kubevirtv1.DomainSpec{
						CPU:       cpu(vm),
						Memory:    memory(vm),
						Resources: podResources(vm.Spec.Resources),
						Firmware:  firmware(vm),
						Features:  features(vm),
						Devices: kubevirtv1.Devices{
							Disks:      devices,
							Interfaces: interfaces,
							GPUs:       gpus(vm),
							Rng:        &kubevirtv1.Rng{},
						},
					},
					Networks:                      networks,
					Volumes:                       volumes,
					TerminationGracePeriodSeconds: vm.Spec.TerminationGracePeriodSeconds,
				},
			},
		},
	}
	placement.Apply(vm.Spec.Scheduling, observed.bridgeNodes(vm), &machine.Spec.Template.Spec)
	return machine
}

// bridgeNodes are the labels of the nodes that have the managed bridges of the machine's networks.
func (o *observation) bridgeNodes(vm *v1alpha1.WukongVM) []map[string]string {
	var result []map[string]string
	list := nics.Of(vm)
	for i := range list {
		if object := o.networks[model.NetworkName(vm, &list[i])]; object != nil {
			result = append(result, placement.BridgeNodes(&object.Status))
		}
	}
	return result
}

func cpu(vm *v1alpha1.WukongVM) *kubevirtv1.CPU {
	return &kubevirtv1.CPU{
		Cores:                 uint32(max(vm.Spec.CPU.Cores, 1)),
		Sockets:               uint32(max(vm.Spec.CPU.Sockets, 1)),
		Threads:               uint32(max(vm.Spec.CPU.Threads, 1)),
		Model:                 vm.Spec.CPU.Model,
		DedicatedCPUPlacement: ptr.Deref(vm.Spec.CPU.Dedicated, false),
	}
}

func memory(vm *v1alpha1.WukongVM) *kubevirtv1.Memory {
	result := &kubevirtv1.Memory{Guest: ptr.To(vm.Spec.Memory.Guest.DeepCopy())}
	if vm.Spec.Memory.HugePages != "" {
		result.Hugepages = &kubevirtv1.Hugepages{PageSize: vm.Spec.Memory.HugePages}
	}
	return result
}

// podResources are what the launcher pod asks for beside what KubeVirt sets by itself.
func podResources(from *v1alpha1.PodResources) kubevirtv1.ResourceRequirements {
	list := func(amounts *v1alpha1.ResourceAmounts) corev1.ResourceList {
		if amounts == nil {
			return nil
		}
		result := corev1.ResourceList{}
		if amounts.CPU != nil {
			result[corev1.ResourceCPU] = amounts.CPU.DeepCopy()
		}
		if amounts.Memory != nil {
			result[corev1.ResourceMemory] = amounts.Memory.DeepCopy()
		}
		return result
	}
	if from == nil {
		return kubevirtv1.ResourceRequirements{}
	}
	return kubevirtv1.ResourceRequirements{Requests: list(from.Requests), Limits: list(from.Limits)}
}

// firmware carries an identity that never changes: without one KubeVirt derives the UUID from the name, and two machines of one
// name in two namespaces get the same.
func firmware(vm *v1alpha1.WukongVM) *kubevirtv1.Firmware {
	result := &kubevirtv1.Firmware{UUID: types.UID(machineUUID(vm)), Serial: string(vm.UID)}
	spec := vm.Spec.Firmware
	if spec == nil {
		return result
	}
	if spec.Serial != "" {
		result.Serial = spec.Serial
	}
	switch spec.Bootloader {
	case v1alpha1.BootloaderUEFI:
		result.Bootloader = &kubevirtv1.Bootloader{EFI: &kubevirtv1.EFI{SecureBoot: ptr.To(false)}}
	case v1alpha1.BootloaderUEFISecureBoot:
		result.Bootloader = &kubevirtv1.Bootloader{EFI: &kubevirtv1.EFI{SecureBoot: ptr.To(true)}}
	}
	return result
}

func machineUUID(vm *v1alpha1.WukongVM) string {
	if vm.Spec.Firmware != nil && vm.Spec.Firmware.UUID != "" {
		return vm.Spec.Firmware.UUID
	}
	return string(vm.UID)
}

// features: ACPI lets powerState Stopped shut the guest down; secure boot needs System Management Mode (KubeVirt refuses it
// without, pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go).
func features(vm *v1alpha1.WukongVM) *kubevirtv1.Features {
	result := &kubevirtv1.Features{ACPI: kubevirtv1.FeatureState{Enabled: ptr.To(true)}}
	if vm.Spec.Firmware != nil && vm.Spec.Firmware.Bootloader == v1alpha1.BootloaderUEFISecureBoot {
		result.SMM = &kubevirtv1.FeatureState{Enabled: ptr.To(true)}
	}
	return result
}

func gpus(vm *v1alpha1.WukongVM) []kubevirtv1.GPU {
	var result []kubevirtv1.GPU
	for _, gpu := range vm.Spec.GPUs {
		result = append(result, kubevirtv1.GPU{Name: gpu.Name, DeviceName: gpu.DeviceName})
	}
	return result
}
