package builder

import "github.com/novasphere/wukong/apis/v1alpha1"

// Networks adds interfaces to a machine. With the first one it loses that on the pod network which it has without any.
func Networks(networks ...v1alpha1.VMNetwork) VMOption {
	return func(spec *v1alpha1.WukongVMSpec) { spec.Networks = append(spec.Networks, networks...) }
}

// On adds an interface on a WukongNetwork, under the name of the network, with addresses if any are given.
func On(network string, addresses ...v1alpha1.InterfaceAddress) VMOption {
	return Networks(Interface(network, network, addresses...))
}

// OnPodNetwork adds an interface on the pod network, named pod.
func OnPodNetwork(spec *v1alpha1.WukongVMSpec) {
	spec.Networks = append(spec.Networks, PodInterface("pod"))
}

// Interface is an entry of a machine's networks that names a WukongNetwork.
func Interface(name, network string, addresses ...v1alpha1.InterfaceAddress) v1alpha1.VMNetwork {
	return v1alpha1.VMNetwork{Name: name, NetworkRef: ref(network), Addresses: addresses}
}

// PodInterface is an entry of a machine's networks on the pod network.
func PodInterface(name string) v1alpha1.VMNetwork {
	return v1alpha1.VMNetwork{Name: name, Pod: &v1alpha1.PodNetwork{}}
}

// StampedInterface is an entry of a machine's networks whose WukongNetwork the machine makes from a template.
func StampedInterface(name string, options ...NetworkOption) v1alpha1.VMNetwork {
	return v1alpha1.VMNetwork{Name: name, Template: &v1alpha1.NetworkTemplate{Spec: NetworkSpec(options...)}}
}
