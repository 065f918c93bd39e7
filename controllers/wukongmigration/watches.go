package wukongmigration

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/watches"
	"github.com/novasphere/wukong/controllers/wukongmigration/internal/preflight"
)

// ofVM maps a WukongVM to its migrations that have not ended.
func (r *Reconciler) ofVM(ctx context.Context, vm client.Object) []reconcile.Request {
	return watches.Unfinished(ctx, r.client, &v1alpha1.WukongMigrationList{}, client.InNamespace(vm.GetNamespace()),
		client.MatchingFields{index.MigrationByVM: vm.GetName()})
}

// ofInstance maps an instance, which has the name of its WukongVM.
func (r *Reconciler) ofInstance(ctx context.Context, instance client.Object) []reconcile.Request {
	return r.ofVM(ctx, instance)
}

// vmChange accepts changes of what is read of a WukongVM.
func vmChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongVM), e.ObjectNew.(*v1alpha1.WukongVM)
			return before.UID != after.UID ||
				before.Annotations[v1alpha1.AnnotationMigrationRequest] !=
					after.Annotations[v1alpha1.AnnotationMigrationRequest] ||
				!equality.Semantic.DeepEqual(model.MigrationObstacle(before), model.MigrationObstacle(after))
		},
	}
}

// instanceChange accepts changes of what is read of an instance.
func instanceChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*kubevirtv1.VirtualMachineInstance),
				e.ObjectNew.(*kubevirtv1.VirtualMachineInstance)
			return before.UID != after.UID || before.Status.Phase != after.Status.Phase ||
				before.Status.NodeName != after.Status.NodeName ||
				preflight.Changing("", before) != preflight.Changing("", after) ||
				!equality.Semantic.DeepEqual(before.Status.MigrationState, after.Status.MigrationState)
		},
	}
}

// attemptChange accepts changes of what is read of an attempt.
func attemptChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before := e.ObjectOld.(*kubevirtv1.VirtualMachineInstanceMigration)
			after := e.ObjectNew.(*kubevirtv1.VirtualMachineInstanceMigration)
			return before.UID != after.UID || before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				!equality.Semantic.DeepEqual(before.OwnerReferences, after.OwnerReferences) ||
				!equality.Semantic.DeepEqual(before.Status, after.Status)
		},
	}
}
