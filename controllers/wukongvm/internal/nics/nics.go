// Package nics is what the interfaces of a WukongVM are connected to.
package nics

import (
	"slices"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Of are the interfaces of a WukongVM; one that lists none has the pod network.
func Of(vm *v1alpha1.WukongVM) []v1alpha1.VMNetwork { return model.Interfaces(vm) }

// Networks are WukongNetworks by name; one that does not exist is nil or not there.
type Networks map[string]*v1alpha1.WukongNetwork

// OnPodNetwork reports whether an interface is on the pod network. A network that does not exist yet is not.
func (n Networks) OnPodNetwork(vm *v1alpha1.WukongVM, nic *v1alpha1.VMNetwork) bool {
	if nic.Pod != nil || nic.Template != nil {
		return nic.Pod != nil || nic.Template.Spec.Type == v1alpha1.NetworkTypePod
	}
	network := n[model.NetworkName(vm, nic)]
	return network != nil && network.Spec.Type == v1alpha1.NetworkTypePod
}

// AnyOnPodNetwork reports whether any interface is on the pod network.
func (n Networks) AnyOnPodNetwork(vm *v1alpha1.WukongVM) bool {
	return slices.ContainsFunc(Of(vm), func(nic v1alpha1.VMNetwork) bool { return n.OnPodNetwork(vm, &nic) })
}

// AnyMissing reports whether a network of an interface does not exist.
func (n Networks) AnyMissing(vm *v1alpha1.WukongVM) bool {
	return slices.ContainsFunc(Of(vm), func(nic v1alpha1.VMNetwork) bool {
		name := model.NetworkName(vm, &nic)
		return name != "" && n[name] == nil
	})
}
