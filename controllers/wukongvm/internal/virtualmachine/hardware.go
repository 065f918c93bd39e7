package virtualmachine

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

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

// podResources are the requests and limits of the launcher pod. KubeVirt sets those that are missing.
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

// firmware has a UUID that never changes. Without one KubeVirt derives it from the name, so that two VirtualMachines of
// the same name in two namespaces would have the same.
func firmware(vm *v1alpha1.WukongVM) *kubevirtv1.Firmware {
	result := &kubevirtv1.Firmware{UUID: model.FirmwareUUID(vm), Serial: model.FirmwareSerial(vm)}
	spec := vm.Spec.Firmware
	if spec == nil {
		return result
	}
	switch spec.Bootloader {
	case v1alpha1.BootloaderUEFI:
		result.Bootloader = &kubevirtv1.Bootloader{EFI: &kubevirtv1.EFI{SecureBoot: ptr.To(false)}}
	case v1alpha1.BootloaderUEFISecureBoot:
		result.Bootloader = &kubevirtv1.Bootloader{EFI: &kubevirtv1.EFI{SecureBoot: ptr.To(true)}}
	}
	return result
}

// features has ACPI, by which powerState Stopped shuts the guest down, and System Management Mode for secure boot.
// KubeVirt refuses secure boot without it (pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go).
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
