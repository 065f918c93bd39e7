package wukongclone

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// unfinished are requests for the clones that match, and that are not finished.
func (r *Reconciler) unfinished(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	return watches.Unfinished(ctx, r.client, &v1alpha1.WukongCloneList{}, options...)
}

// ofSource are requests for the clones of an object, in all namespaces.
func (r *Reconciler) ofSource(ctx context.Context, kind, namespace, name string) []reconcile.Request {
	key := model.Origin{Kind: kind, Namespace: namespace, Name: name}.Key()
	return r.unfinished(ctx, client.MatchingFields{index.CloneBySource: key})
}

// ofTarget are requests for the clones whose result has a name.
func (r *Reconciler) ofTarget(ctx context.Context, namespace, name string) []reconcile.Request {
	return r.unfinished(ctx, client.InNamespace(namespace), client.MatchingFields{index.CloneByTarget: name})
}

// ofVM maps a WukongVM to its clones, and to the clone that made it.
func (r *Reconciler) ofVM(ctx context.Context, vm client.Object) []reconcile.Request {
	return append(r.ofSource(ctx, model.KindMachine, vm.GetNamespace(), vm.GetName()),
		r.ofTarget(ctx, vm.GetNamespace(), vm.GetName())...)
}

// gather is how long a change of a disk waits for further changes, unless the disk is complete now. A disk that is
// filled quickly passes through all its phases in less time, and each pass that reads another phase writes status.
const gather = time.Second

// ofDisk maps a WukongDisk to the clones that read it.
func (r *Reconciler) ofDisk() handler.EventHandler {
	return watches.Gather(r.clonesOfDisk, func(before, now client.Object) time.Duration {
		if before == nil || now == nil || now.(*v1alpha1.WukongDisk).Complete() {
			return 0
		}
		return gather
	})
}

// clonesOfDisk maps a WukongDisk to its clones, to the clone that made it, and to that of its WukongVM.
func (r *Reconciler) clonesOfDisk(ctx context.Context, disk client.Object) []reconcile.Request {
	requests := append(r.ofSource(ctx, model.KindDisk, disk.GetNamespace(), disk.GetName()),
		r.ofTarget(ctx, disk.GetNamespace(), disk.GetName())...)
	if owner := model.MadeBy(disk); owner != "" {
		requests = append(requests, r.ofTarget(ctx, disk.GetNamespace(), owner)...)
	}
	return requests
}

// ofSnapshot maps a WukongSnapshot to its clones, and to the clones of its WukongVM: it may be a temporary one.
func (r *Reconciler) ofSnapshot(ctx context.Context, obj client.Object) []reconcile.Request {
	snapshot := obj.(*v1alpha1.WukongSnapshot)
	requests := r.ofSource(ctx, model.KindWukongSnapshot, snapshot.Namespace, snapshot.Name)
	if _, temporary := snapshot.Labels[v1alpha1.LabelClone]; temporary && snapshot.Spec.Source.VMRef != nil {
		requests = append(requests,
			r.ofSource(ctx, model.KindMachine, snapshot.Namespace, snapshot.Spec.Source.VMRef.Name)...)
	}
	return requests
}

// ofNetwork maps a WukongNetwork to the clones of its namespace, which may wait for it.
func (r *Reconciler) ofNetwork(ctx context.Context, network client.Object) []reconcile.Request {
	return r.unfinished(ctx, client.InNamespace(network.GetNamespace()))
}

// machineChange accepts changes of what is read of a WukongVM.
func machineChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongVM), e.ObjectNew.(*v1alpha1.WukongVM)
			return before.UID != after.UID || before.Generation != after.Generation ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				model.MayRun(before) != model.MayRun(after) || model.HasGuest(before) != model.HasGuest(after) ||
				readyChanged(before, after)
		},
	}
}

// diskChange accepts changes of what is read of a WukongDisk.
func diskChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongDisk), e.ObjectNew.(*v1alpha1.WukongDisk)
			return before.UID != after.UID || before.Generation != after.Generation ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				before.Complete() != after.Complete() || before.Status.Phase != after.Status.Phase ||
				before.Status.CloneMethod != after.Status.CloneMethod ||
				!equality.Semantic.DeepEqual(before.Status.ProgressPercent, after.Status.ProgressPercent) ||
				readyChanged(before, after)
		},
	}
}

// snapshotChange accepts changes of what is read of a WukongSnapshot.
func snapshotChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongSnapshot), e.ObjectNew.(*v1alpha1.WukongSnapshot)
			return before.UID != after.UID || before.Generation != after.Generation ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				before.Status.Phase != after.Status.Phase || before.Finished() != after.Finished() ||
				readyChanged(before, after)
		},
	}
}

// readyChanged reports whether the condition Ready has another status, reason or message.
func readyChanged(before, after v1alpha1.Object) bool {
	one, other := model.Ready(before), model.Ready(after)
	return one.Status != other.Status || one.Reason != other.Reason || one.Message != other.Message
}

// creation accepts the creation of an object.
func creation() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}
}
