package virtualmachine

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/child"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/placement"
)

// Inputs are what the VirtualMachine is assembled from, besides the spec.
type Inputs struct {
	VM *v1alpha1.WukongVM
	// ResourceVersion makes the API server refuse the write if the VirtualMachine has another one; empty for any.
	ResourceVersion string
	// Annotations of the VirtualMachine.
	Annotations map[string]string
	RunStrategy kubevirtv1.VirtualMachineRunStrategy
	// UpdateVolumesStrategy is nil for KubeVirt's default.
	UpdateVolumesStrategy *kubevirtv1.UpdateVolumesStrategy
	Disks                 []kubevirtv1.Disk
	Volumes               []kubevirtv1.Volume
	Interfaces            []kubevirtv1.Interface
	Networks              []kubevirtv1.Network
	// BridgeNodes are the labels of the nodes that have the managed bridges of the networks.
	BridgeNodes []map[string]string
}

// Make returns the complete VirtualMachine, which is written in one request: KubeVirt writes to an object right after
// it was created, and a second request of Wukong would conflict with that. Fields that KubeVirt adds are not set
// here.
func Make(in Inputs) *kubevirtv1.VirtualMachine {
	vm := in.VM
	metadata := child.Metadata(vm, vm.Name, nil)
	metadata.Annotations, metadata.ResourceVersion = in.Annotations, in.ResourceVersion
	result := &kubevirtv1.VirtualMachine{
		ObjectMeta: metadata,
		Spec: kubevirtv1.VirtualMachineSpec{
			RunStrategy:           ptr.To(in.RunStrategy),
			UpdateVolumesStrategy: in.UpdateVolumesStrategy,
			Template: &kubevirtv1.VirtualMachineInstanceTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels: placement.Labels(vm), Annotations: placement.Annotations(vm.Spec.Scheduling),
				},
				Spec: kubevirtv1.VirtualMachineInstanceSpec{
					Domain: kubevirtv1.DomainSpec{
						CPU:       cpu(vm),
						Memory:    memory(vm),
						Resources: podResources(vm.Spec.Resources),
						Firmware:  firmware(vm),
						Features:  features(vm),
						Devices: kubevirtv1.Devices{
							Disks:      in.Disks,
							Interfaces: in.Interfaces,
							GPUs:       gpus(vm),
							Rng:        &kubevirtv1.Rng{},
						},
					},
					Networks:                      in.Networks,
					Volumes:                       in.Volumes,
					TerminationGracePeriodSeconds: vm.Spec.TerminationGracePeriodSeconds,
				},
			},
		},
	}
	placement.Apply(vm.Spec.Scheduling, in.BridgeNodes, &result.Spec.Template.Spec)
	return result
}
