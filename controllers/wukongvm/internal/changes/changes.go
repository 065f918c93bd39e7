// Package changes has the predicates that decide which changes of an object start a pass over a WukongVM. Each
// accepts the changes of what a pass reads, and ignores what the controller wrote itself.
package changes

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/placement"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/services"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Child accepts changes of what a WukongVM reads of a WukongDisk or WukongNetwork: its spec, its phase, its condition
// Ready, its claim or attachment. It ignores the progress of an import, and the creation of an object that a WukongVM
// made.
func Child() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return model.MadeBy(e.Object) == "" },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(v1alpha1.Object), e.ObjectNew.(v1alpha1.Object)
			return before.GetGeneration() != after.GetGeneration() ||
				before.GetDeletionTimestamp().IsZero() != after.GetDeletionTimestamp().IsZero() ||
				before.GetPhase() != after.GetPhase() ||
				!sameReady(before, after) || !sameFacts(before, after)
		},
	}
}

// Decides reports whether a change of a WukongDisk or WukongNetwork may allow or prevent the write of a VirtualMachine.
func Decides(before, after v1alpha1.Object) bool {
	if before.GetGeneration() != after.GetGeneration() ||
		before.GetDeletionTimestamp().IsZero() != after.GetDeletionTimestamp().IsZero() {
		return true
	}
	if disk, ok := after.(*v1alpha1.WukongDisk); ok {
		old := before.(*v1alpha1.WukongDisk).Status
		return old.ClaimName != disk.Status.ClaimName || old.AttachedTo != disk.Status.AttachedTo ||
			!equality.Semantic.DeepEqual(old.Move, disk.Status.Move) ||
			restorePhase(&old) != restorePhase(&disk.Status)
	}
	return model.Ready(before).Status != model.Ready(after).Status
}

func restorePhase(status *v1alpha1.WukongDiskStatus) v1alpha1.DiskRestorePhase {
	if status.Restore == nil {
		return ""
	}
	return status.Restore.Phase
}

func sameReady(before, after v1alpha1.Object) bool {
	one, two := model.Ready(before), model.Ready(after)
	return one.Status == two.Status && one.Reason == two.Reason && one.Message == two.Message
}

func sameFacts(before, after v1alpha1.Object) bool {
	switch typed := after.(type) {
	case *v1alpha1.WukongDisk:
		old, status := before.(*v1alpha1.WukongDisk).Status, typed.Status
		inUse := v1alpha1.AnnotationClaimInUse
		return before.GetAnnotations()[inUse] == typed.Annotations[inUse] &&
			old.ClaimName == status.ClaimName && old.AttachedTo == status.AttachedTo &&
			equality.Semantic.DeepEqual(old.Capacity, status.Capacity) &&
			equality.Semantic.DeepEqual(old.Move, status.Move) &&
			equality.Semantic.DeepEqual(old.Restore, status.Restore)
	case *v1alpha1.WukongNetwork:
		old := before.(*v1alpha1.WukongNetwork).Status
		return old.Attachment == typed.Status.Attachment &&
			maps.Equal(placement.BridgeNodes(&old), placement.BridgeNodes(&typed.Status))
	default:
		return false
	}
}

// Snapshot accepts WukongSnapshots that are created or deleted, that ended, or that report another cause.
func Snapshot() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongSnapshot), e.ObjectNew.(*v1alpha1.WukongSnapshot)
			return !sameReady(before, after) || before.Status.Phase != after.Status.Phase ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero()
		},
	}
}

// Service accepts what others change in a Service, and what its load balancer reports. It ignores creations.
func Service() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*corev1.Service), e.ObjectNew.(*corev1.Service)
			return !equality.Semantic.DeepEqual(before.Spec, after.Spec) ||
				!equality.Semantic.DeepEqual(before.Status, after.Status) ||
				!equality.Semantic.DeepEqual(before.OwnerReferences, after.OwnerReferences) ||
				!equality.Semantic.DeepEqual(before.Labels, after.Labels) ||
				!equality.Semantic.DeepEqual(before.Annotations, after.Annotations)
		},
	}
}

// Endpoints accepts a change of the number of pods that answer.
func Endpoints() predicate.Predicate {
	count := func(obj client.Object) int32 {
		slice := obj.(*discoveryv1.EndpointSlice)
		counts := services.CountEndpoints([]discoveryv1.EndpointSlice{*slice})
		return counts[slice.Labels[discoveryv1.LabelServiceName]]
	}
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool { return count(e.ObjectOld) != count(e.ObjectNew) },
	}
}

// Gates accepts a KubeVirt that has begun or ceased to plug in disks, or to show guests that a disk grew.
func Gates() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*kubevirtv1.KubeVirt), e.ObjectNew.(*kubevirtv1.KubeVirt)
			return virt.PlugsDisks(before) != virt.PlugsDisks(after) || virt.GrowsDisks(before) != virt.GrowsDisks(after)
		},
	}
}

// ByOthers accepts changes of the spec of an object that only the WukongVM writes. It ignores creations.
func ByOthers() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool { return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() },
	}
}

// OwnerReferences accepts changes of the owner references, such as the removal of the one to the Wukong.
func OwnerReferences() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !equality.Semantic.DeepEqual(e.ObjectOld.GetOwnerReferences(), e.ObjectNew.GetOwnerReferences())
		},
	}
}

// OnlyCreations accepts creations.
func OnlyCreations() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(event.UpdateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}

// OnlyDeletions accepts deletions.
func OnlyDeletions() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(event.UpdateEvent) bool { return false },
	}
}
