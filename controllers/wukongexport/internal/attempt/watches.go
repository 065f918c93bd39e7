package attempt

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/novasphere/wukong/controllers/internal/moverpod"
)

// Change accepts changes of what is read of a pod.
func Change() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*corev1.Pod), e.ObjectNew.(*corev1.Pod)
			return before.UID != after.UID || before.Status.Phase != after.Status.Phase ||
				before.Status.PodIP != after.Status.PodIP ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				moverpod.Ready(before) != moverpod.Ready(after) || moverpod.WaitsFor(before) != moverpod.WaitsFor(after) ||
				!equality.Semantic.DeepEqual(moverpod.LastReport(before), moverpod.LastReport(after))
		},
	}
}
