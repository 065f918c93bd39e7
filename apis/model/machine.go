package model

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// implicitInterface is the name of the interface of a WukongVM that lists no networks.
const implicitInterface = "default"

// Interfaces returns the interfaces of a WukongVM; one that lists none has one on the pod network.
func Interfaces(vm *v1alpha1.WukongVM) []v1alpha1.VMNetwork {
	if len(vm.Spec.Networks) > 0 {
		return vm.Spec.Networks
	}
	return []v1alpha1.VMNetwork{{Name: implicitInterface, Pod: &v1alpha1.PodNetwork{}}}
}

// SecretNames returns the names of the Secrets with cloud-init data of a WukongVM, sorted and each once.
func SecretNames(vm *v1alpha1.WukongVM) []string {
	cloudInit := vm.Spec.CloudInit
	if cloudInit == nil {
		return nil
	}
	var names []string
	for _, reference := range []*v1alpha1.SecretKeyReference{cloudInit.UserDataSecretRef, cloudInit.NetworkDataSecretRef} {
		if reference != nil {
			names = append(names, reference.Name)
		}
	}
	for i := range cloudInit.Users {
		user := &cloudInit.Users[i]
		if user.PasswordSecretRef != nil {
			names = append(names, user.PasswordSecretRef.Name)
		}
		for _, reference := range user.SSHKeySecretRefs {
			names = append(names, reference.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// FirmwareUUID returns the UUID that the guest of a WukongVM reads from its firmware.
func FirmwareUUID(vm *v1alpha1.WukongVM) types.UID {
	if vm.Spec.Firmware != nil && vm.Spec.Firmware.UUID != "" {
		return types.UID(vm.Spec.Firmware.UUID)
	}
	return vm.UID
}

// FirmwareSerial returns the serial number that the guest of a WukongVM reads from its firmware.
func FirmwareSerial(vm *v1alpha1.WukongVM) string {
	if vm.Spec.Firmware != nil && vm.Spec.Firmware.Serial != "" {
		return vm.Spec.Firmware.Serial
	}
	return string(vm.UID)
}
