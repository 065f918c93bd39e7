package wukongsnapshotschedule

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// ofLabeled maps a snapshot or a trial to the schedule in its label.
func (r *Reconciler) ofLabeled(_ context.Context, obj client.Object) []reconcile.Request {
	name := obj.GetLabels()[v1alpha1.LabelSchedule]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: name}}}
}

// ofVM maps a WukongVM to the schedules of which it is the source, and to that of which it is the guest of a trial.
func (r *Reconciler) ofVM(ctx context.Context, vm client.Object) []reconcile.Request {
	requests := r.ofSource(ctx, model.KindMachine, vm)
	if name, isTrial := strings.CutSuffix(vm.GetName(), "-trial"); isTrial {
		requests = append(requests, reconcile.Request{
			NamespacedName: types.NamespacedName{Namespace: vm.GetNamespace(), Name: name},
		})
	}
	return requests
}

// ofDisk maps a WukongDisk to the schedules of which it is the source.
func (r *Reconciler) ofDisk(ctx context.Context, disk client.Object) []reconcile.Request {
	return r.ofSource(ctx, model.KindDisk, disk)
}

func (r *Reconciler) ofSource(ctx context.Context, kind string, source client.Object) []reconcile.Request {
	key := model.Origin{Kind: kind, Namespace: source.GetNamespace(), Name: source.GetName()}.Key()
	return watches.Requests(ctx, r.client, &v1alpha1.WukongSnapshotScheduleList{},
		client.MatchingFields{index.ScheduleBySource: key})
}

// snapshotChange accepts changes of what is read of a WukongSnapshot.
func snapshotChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongSnapshot), e.ObjectNew.(*v1alpha1.WukongSnapshot)
			return moved(before, after) || before.Finished() != after.Finished() ||
				before.Labels[v1alpha1.LabelPinned] != after.Labels[v1alpha1.LabelPinned] ||
				model.Ready(before).Status != model.Ready(after).Status
		},
	}
}

// cloneChange accepts changes of what is read of a WukongClone.
func cloneChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongClone), e.ObjectNew.(*v1alpha1.WukongClone)
			return moved(before, after) || before.Status.Phase != after.Status.Phase
		},
	}
}

// backupChange accepts changes of what is read of a WukongBackup.
func backupChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongBackup), e.ObjectNew.(*v1alpha1.WukongBackup)
			return moved(before, after) || before.Finished() != after.Finished()
		},
	}
}

// vmChange accepts changes of what is read of a WukongVM.
func vmChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongVM), e.ObjectNew.(*v1alpha1.WukongVM)
			return moved(before, after) || model.Ready(before).Status != model.Ready(after).Status ||
				hasAgent(before) != hasAgent(after)
		},
	}
}

func hasAgent(vm *v1alpha1.WukongVM) bool {
	return meta.IsStatusConditionTrue(vm.Status.Conditions, v1alpha1.ConditionGuestAgentConnected)
}

// existence accepts that an object is created, and that its deletion begins.
func existence() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool { return moved(e.ObjectOld, e.ObjectNew) }}
}

// moved reports whether an object was created again, is being deleted, or belongs to another schedule.
func moved(before, after client.Object) bool {
	return before.GetUID() != after.GetUID() ||
		before.GetDeletionTimestamp().IsZero() != after.GetDeletionTimestamp().IsZero() ||
		before.GetLabels()[v1alpha1.LabelSchedule] != after.GetLabels()[v1alpha1.LabelSchedule]
}
