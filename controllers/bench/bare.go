package main

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
)

// bareDataVolume and bareMachine return what a user writes without Wukong for the same guest.
func bareDataVolume(number int) *cdiv1.DataVolume {
	return &cdiv1.DataVolume{
		ObjectMeta: metadata(fmt.Sprintf("bare-%d", number)),
		Spec: cdiv1.DataVolumeSpec{
			Source: &cdiv1.DataVolumeSource{
				HTTP: &cdiv1.DataVolumeSourceHTTP{URL: "http://images.example/debian.qcow2"},
			},
			Storage: &cdiv1.StorageSpec{Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			}},
		},
	}
}

func bareVirtualMachine(number int) *kubevirtv1.VirtualMachine {
	name := fmt.Sprintf("bare-%d", number)
	return &kubevirtv1.VirtualMachine{
		ObjectMeta: metadata(name),
		Spec: kubevirtv1.VirtualMachineSpec{
			RunStrategy: ptr.To(kubevirtv1.RunStrategyAlways),
			Template: &kubevirtv1.VirtualMachineInstanceTemplateSpec{Spec: kubevirtv1.VirtualMachineInstanceSpec{
				Domain: kubevirtv1.DomainSpec{
					Memory: &kubevirtv1.Memory{Guest: ptr.To(resource.MustParse("1Gi"))},
					Devices: kubevirtv1.Devices{
						Disks: []kubevirtv1.Disk{
							{Name: "root", DiskDevice: kubevirtv1.DiskDevice{
								Disk: &kubevirtv1.DiskTarget{Bus: kubevirtv1.DiskBusVirtio},
							}}},
						Interfaces: []kubevirtv1.Interface{
							{
								Name: "lan",
								InterfaceBindingMethod: kubevirtv1.InterfaceBindingMethod{
									Bridge: &kubevirtv1.InterfaceBridge{},
								},
							}},
					},
				},
				Networks: []kubevirtv1.Network{{Name: "lan",
					NetworkSource: kubevirtv1.NetworkSource{
						Multus: &kubevirtv1.MultusNetwork{NetworkName: networkName},
					}}},
				Volumes: []kubevirtv1.Volume{
					{Name: "root",
						VolumeSource: kubevirtv1.VolumeSource{DataVolume: &kubevirtv1.DataVolumeSource{Name: name}}}},
			}},
		},
	}
}
