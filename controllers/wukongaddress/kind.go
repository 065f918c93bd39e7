package wukongaddress

import (
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
)

// Kind declares WukongAddress and its controller. Before a deletion everything is read again from the API server, with
// the rights of the caches.
var Kind = kind.Kind{
	Name:   "wukongaddress",
	Object: &v1alpha1.WukongAddress{},
	List:   &v1alpha1.WukongAddressList{},
	When:   predicate.Funcs{}, // every change
	Reads: []kind.Read{
		{
			Of:      &v1alpha1.WukongVM{},
			Why:     "whether its spec, and what it has written of it, still asks for the address",
			Watches: addressesOf(index.AddressByMachine, vmChanged()),
		},
		{
			Of: &v1alpha1.WukongNetwork{}, Why: "the segment and the pool that the address is of",
			Watches: addressesOf(index.AddressByNetwork, networkChanged()),
		},
		{
			Of: &kubevirtv1.VirtualMachine{}, Why: "a VirtualMachine that was left behind may start with the address",
			API: &dependency.VirtualMachines, Labels: kind.Managed(),
			Watches: addressesOf(index.AddressByMachine, templateChanged()),
		},
		{
			Of: &kubevirtv1.VirtualMachineInstance{}, Why: "whether its guest uses the address",
			API: &dependency.VirtualMachineInstances, Labels: kind.Managed(), Keep: kind.Copy(keepInstance),
			Watches: addressesOf(index.AddressByMachine, guestChanged()),
		},
	},
	Indexes: index.Of(&v1alpha1.WukongAddress{}, index.AddressByInterface, index.AddressByMachine,
		index.AddressByNetwork),
	Start: func(env kind.Env) (reconcile.Reconciler, error) {
		return &Reconciler{
			client: env.Client(), live: env.Manager.GetAPIReader(), namespaces: env.Settings.Namespaces,
		}, nil
	},
}

// keepInstance copies what is read of an instance: whether its guest runs, and the addresses that its agent reports.
func keepInstance(full, kept *kubevirtv1.VirtualMachineInstance) {
	kept.Status.Phase, kept.Status.Interfaces = full.Status.Phase, full.Status.Interfaces
}
