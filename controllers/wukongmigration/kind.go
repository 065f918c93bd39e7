package wukongmigration

import (
	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/watches"
	"github.com/novasphere/wukong/controllers/wukongmigration/internal/preflight"
)

// Kind declares WukongMigration and its controller.
var Kind = kind.Kind{
	Name:         "wukongmigration",
	Object:       &v1alpha1.WukongMigration{},
	List:         &v1alpha1.WukongMigrationList{},
	Umbrella:     kind.Operation,
	RoleOfItsOwn: true, // as KubeVirt's kubevirt.io:migrate, which its role for edit does not include
	FieldManager: fieldManager,
	ReportErrors: true,
	When:         watches.OwnChange(),
	Reads: []kind.Read{
		{
			Of: &v1alpha1.WukongVM{}, Why: "whether its guest can migrate, and the last request that it handled",
			Watches: []kind.Watch{kind.Map((*Reconciler).ofVM, vmChange())},
		},
		{
			Of: &kubevirtv1.VirtualMachineInstance{}, Why: "the node of the guest, and how its migration proceeds",
			API: &dependency.VirtualMachineInstances, Labels: kind.Managed(), Keep: kind.Copy(preflight.Keep),
			Watches: []kind.Watch{kind.Map((*Reconciler).ofInstance, instanceChange())},
		},
		{
			Of: &kubevirtv1.VirtualMachineInstanceMigration{}, Why: "the attempts",
			API: &dependency.Migrations, Labels: kind.Managed(),
			Watches: []kind.Watch{
				kind.By(handler.EnqueueRequestsFromMapFunc(apply.OwnerOf("WukongMigration")), attemptChange()),
			},
		},
		{Of: &corev1.Pod{}, Why: "which nodes may take the guest, and why the target pod has none", Live: true},
		{Of: &corev1.Node{}, Why: "whether another node may take the guest", Live: true},
		{Of: &corev1.ResourceQuota{}, Why: "whether the namespace has room for a second pod", Live: true},
		{Of: &corev1.Event{}, Why: "why an attempt failed", Live: true},
	},
	Indexes: index.Of(&v1alpha1.WukongMigration{}, index.MigrationByVM),
	Start: func(env kind.Env) (reconcile.Reconciler, error) {
		return &Reconciler{
			client: env.Client(), live: env.Manager.GetAPIReader(), applier: env.Applier(),
			dependencies: env.Dependencies, clock: env.Clock,
		}, nil
	},
}
