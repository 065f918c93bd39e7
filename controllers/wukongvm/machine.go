package wukongvm

import (
	"cmp"

	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/placement"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virtualmachine"
)

// virtualMachine is the VirtualMachine as the parts of the plan decided.
func (o *observation) virtualMachine(vm *v1alpha1.WukongVM) *kubevirtv1.VirtualMachine {
	storage, network := o.diskInputs(vm), o.nics.After(o.View)
	disks, volumes := storage.Storage(model.CloudInitSecretName(vm))
	interfaces, networks := network.Devices()
	return virtualmachine.Make(virtualmachine.Inputs{
		VM:                    vm,
		ResourceVersion:       cmp.Or(network.Lock(), storage.Lock(volumes)),
		Annotations:           o.moves.Annotations(),
		RunStrategy:           o.powerInputs(vm).Strategy(),
		UpdateVolumesStrategy: o.moves.Strategy(volumes),
		Disks:                 disks,
		Volumes:               volumes,
		Interfaces:            interfaces,
		Networks:              networks,
		BridgeNodes:           o.bridgeNodes(vm),
	})
}

// bridgeNodes are the labels of the nodes that have the managed bridges of the WukongVM's networks.
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
