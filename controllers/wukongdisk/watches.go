package wukongdisk

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/protocol/custody"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// gather is how long news of a DataVolume and its claim wait for more: a disk that is made quickly goes through all its states in less, and
// each look that finds something new is a write of status. Nothing waits for that: machines start on the claim's name, and KubeVirt watches
// the DataVolume itself.
const gather = time.Second

// disksBy maps an object to the disks that an index finds by its name.
func disksBy(field string) func(*Reconciler, context.Context, client.Object) []reconcile.Request {
	return func(r *Reconciler, ctx context.Context, obj client.Object) []reconcile.Request {
		return watches.Requests(ctx, r.client, newList(), client.InNamespace(obj.GetNamespace()), client.MatchingFields{field: obj.GetName()})
	}
}

// whileItLives gathers what happens to an object between its creation and its end, which others wait for.
func whileItLives(_, now client.Object) time.Duration {
	if now == nil || !now.GetDeletionTimestamp().IsZero() {
		return 0
	}
	return gather
}

// clonesOf maps an object to the disks that are clones of it, in all namespaces, as an object of one of the kinds: the VolumeSnapshot of a
// WukongSnapshot has its name.
func clonesOf(kinds ...string) kind.Watch {
	return kind.Map(func(r *Reconciler, ctx context.Context, obj client.Object) []reconcile.Request {
		var requests []reconcile.Request
		for _, kind := range kinds {
			origin := model.Origin{Kind: kind, Namespace: obj.GetNamespace(), Name: obj.GetName()}
			requests = append(requests, watches.Requests(ctx, r.client, newList(), client.MatchingFields{index.DiskByOrigin: origin.Key()})...)
		}
		return requests
	}, originChange())
}

// disksOfClaimName maps a claim to the disks that stand on it.
func (r *Reconciler) disksOfClaimName() handler.EventHandler {
	return watches.Gather(func(ctx context.Context, claim client.Object) []reconcile.Request {
		return disksBy(index.DiskByClaim)(r, ctx, claim)
	}, whileItLives)
}

// unsettledDisks maps a StorageClass to the disks that may have waited for it.
func (r *Reconciler) unsettledDisks() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request {
		disks := &v1alpha1.WukongDiskList{}
		requests := watches.Requests(ctx, r.client, disks)
		var unsettled []reconcile.Request
		for i := range disks.Items {
			moves := meta.FindStatusCondition(disks.Items[i].Status.Conditions, v1alpha1.ConditionStorageMoved) != nil
			if disks.Items[i].Status.Phase != v1alpha1.DiskReady || moves {
				unsettled = append(unsettled, requests[i])
			}
		}
		return unsettled
	})
}

// disksOfVM maps a machine that comes, changes or goes to the disks that it uses, or used, since a disk that is being deleted waits for
// it, and to those that it owns, since a protected one outlives it.
func (r *Reconciler) disksOfVM() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		vm := obj.(*v1alpha1.WukongVM)
		requests := watches.Requests(ctx, r.client, newList(), client.InNamespace(vm.Namespace), client.MatchingFields{index.DiskByOwner: vm.Name})
		for _, name := range model.UsedDisks(vm) {
			requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: vm.Namespace, Name: name}})
		}
		return requests
	})
}

// clonesOfDisksOf maps a machine to the disks that are clones of those that it uses: while its guest has them, none is made.
func (r *Reconciler) clonesOfDisksOf() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, vm client.Object) []reconcile.Request {
		var requests []reconcile.Request
		for _, name := range model.UsedDisks(vm.(*v1alpha1.WukongVM)) {
			origin := model.Origin{Kind: model.KindDisk, Namespace: vm.GetNamespace(), Name: name}
			requests = append(requests, watches.Requests(ctx, r.client, newList(), client.MatchingFields{index.DiskByOrigin: origin.Key()})...)
		}
		return requests
	})
}

// guestChange lets pass machines whose guest lets go of a disk.
func guestChange() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongVM), e.ObjectNew.(*v1alpha1.WukongVM)
			return model.HasGuest(before) && (!model.HasGuest(after) || !equality.Semantic.DeepEqual(model.UsedDisks(before), model.UsedDisks(after)))
		},
	}
}

// vmChange lets pass what a disk reads of a machine: its spec, its end, and which disks its instance has.
func vmChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongVM), e.ObjectNew.(*v1alpha1.WukongVM)
			return before.UID != after.UID || before.Generation != after.Generation ||
				!slices.EqualFunc(before.Status.Disks, after.Status.Disks, sameAttachment)
		},
	}
}

func sameAttachment(one, two v1alpha1.VMDiskStatus) bool {
	return one.DiskName == two.DiskName && one.ClaimName == two.ClaimName && one.Attachment == two.Attachment &&
		equality.Semantic.DeepEqual(one.Move, two.Move) && equality.Semantic.DeepEqual(one.GuestSize, two.GuestSize)
}

// wordGiven lets pass a disk of which a person says which claim holds it, or that it is to be filled again.
func wordGiven() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()
			return before[v1alpha1.AnnotationClaimInUse] != after[v1alpha1.AnnotationClaimInUse] ||
				before[v1alpha1.AnnotationFilled] != "" && after[v1alpha1.AnnotationFilled] == ""
		},
	}
}

// instanceLetsGo lets pass instances that end, however that comes, and those that lose a claim.
func instanceLetsGo() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*kubevirtv1.VirtualMachineInstance), e.ObjectNew.(*kubevirtv1.VirtualMachineInstance)
			return before.IsFinal() != after.IsFinal() || slices.ContainsFunc(before.Status.VolumeStatus, func(volume kubevirtv1.VolumeStatus) bool {
				return volume.PersistentVolumeClaimInfo != nil && !custody.InstanceHasClaim(after, volume.PersistentVolumeClaimInfo.ClaimName)
			})
		},
	}
}

// machineLetsGo lets pass VirtualMachines that end, or lose a volume.
func machineLetsGo() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*kubevirtv1.VirtualMachine), e.ObjectNew.(*kubevirtv1.VirtualMachine)
			return before.DeletionTimestamp.IsZero() && !after.DeletionTimestamp.IsZero() || before.Generation != after.Generation
		},
	}
}

// classChange lets pass classes that come into being, the first sight of those that are there, and those that begin to allow their
// claims to grow, or to be the default.
func classChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*storagev1.StorageClass), e.ObjectNew.(*storagev1.StorageClass)
			return ptr.Deref(before.AllowVolumeExpansion, false) != ptr.Deref(after.AllowVolumeExpansion, false) || isDefault(before) != isDefault(after)
		},
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}

// claimChange lets pass what a disk reads of a claim. Claims of everyone are watched, because one may have the name of a disk.
func claimChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*corev1.PersistentVolumeClaim), e.ObjectNew.(*corev1.PersistentVolumeClaim)
			return before.UID != after.UID ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				!equality.Semantic.DeepEqual(before.OwnerReferences, after.OwnerReferences) ||
				!equality.Semantic.DeepEqual(before.Spec, after.Spec) ||
				before.Status.Phase != after.Status.Phase ||
				!equality.Semantic.DeepEqual(before.Status.Capacity, after.Status.Capacity) ||
				!slices.EqualFunc(before.Status.Conditions, after.Status.Conditions, sameCondition)
		},
	}
}

// sameCondition leaves out the times, which a resizer that tries again writes each time.
func sameCondition(one, two corev1.PersistentVolumeClaimCondition) bool {
	return one.Type == two.Type && one.Status == two.Status && one.Message == two.Message
}

// originChange lets pass what a clone reads of its origin: whether it grants, and whether it is complete.
func originChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() ||
				!slices.Equal(annotatedGrants(e.ObjectOld), annotatedGrants(e.ObjectNew)) ||
				originState(e.ObjectOld) != originState(e.ObjectNew)
		},
	}
}

// originState is a word that changes when an origin becomes complete, or no longer is.
func originState(obj client.Object) string {
	switch typed := obj.(type) {
	case *v1alpha1.WukongDisk:
		ready := model.Ready(typed)
		return strings.Join([]string{string(typed.Status.Phase), strconv.FormatBool(typed.Complete()), ready.Message, typed.Status.ClaimName,
			typed.Status.AttachedTo, strings.Join(typed.Spec.CloneableFrom, ",")}, "|")
	case *v1alpha1.WukongImage:
		return strings.Join([]string{typed.Status.CurrentVersion, typed.Status.DataSourceName, model.Ready(typed).Message,
			strings.Join(typed.Spec.CloneableFrom, ",")}, "|")
	case *v1alpha1.WukongSnapshot:
		ready := model.Ready(typed)
		return strings.Join([]string{string(ready.Status), ready.Message, strings.Join(typed.Spec.CloneableFrom, ",")}, "|")
	case *corev1.PersistentVolumeClaim:
		return string(typed.Status.Phase)
	case *snapshotv1.VolumeSnapshot:
		if typed.Status == nil {
			return ""
		}
		message := ""
		if typed.Status.Error != nil {
			message = ptr.Deref(typed.Status.Error.Message, "")
		}
		return strconv.FormatBool(ptr.Deref(typed.Status.ReadyToUse, false)) + message
	default:
		return ""
	}
}
