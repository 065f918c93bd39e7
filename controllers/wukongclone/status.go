package wukongclone

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
)

// writeStatus writes the status where it differs, and returns the clone with it.
func (r *Reconciler) writeStatus(
	ctx context.Context, clone *v1alpha1.WukongClone, world *World, plan *Plan,
) (*v1alpha1.WukongClone, error) {
	after := clone.DeepCopy()
	set := conditions.For(clone, r.clock)
	plan.state.Report(set)
	world.umbrella.Report(set)
	if !clone.Finished() {
		after.Status = plan.record
	}
	after.Status.OperationStatus = plan.state.Describe(clone, set, started(clone, world, plan), world.now)
	return after, r.applier.Status(ctx, clone, after)
}

// started is when the first object was made; nil before.
func started(clone *v1alpha1.WukongClone, world *World, plan *Plan) *metav1.Time {
	switch {
	case clone.Status.StartTime != nil:
		return clone.Status.StartTime
	case world.temporary != nil && isTemporaryOf(world.temporary, clone):
		return &world.temporary.CreationTimestamp
	}
	if result := world.result(clone); result != nil {
		created := result.GetCreationTimestamp()
		return &created
	}
	if plan.record.Step == "" {
		return nil
	}
	now := metav1.NewTime(world.now.Truncate(time.Second)) // it was made in this pass
	return &now
}
