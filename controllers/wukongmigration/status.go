package wukongmigration

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
)

// writeStatus writes the status where it differs, and returns the migration with it.
func (r *Reconciler) writeStatus(
	ctx context.Context, migration *v1alpha1.WukongMigration, world *World, plan *Plan,
) (*v1alpha1.WukongMigration, error) {
	after := migration.DeepCopy()
	set := conditions.For(migration, r.clock)
	plan.state.Report(set)
	world.umbrella.Report(set)
	if !migration.Finished() {
		after.Status = plan.record
	}
	after.Status.OperationStatus = plan.state.Describe(migration, set, started(migration, world, plan), world.now)
	return after, r.applier.Status(ctx, migration, after)
}

// started is when the first attempt was made; nil before.
func started(migration *v1alpha1.WukongMigration, world *World, plan *Plan) *metav1.Time {
	switch {
	case migration.Status.StartTime != nil:
		return migration.Status.StartTime
	case plan.record.Attempt == 0:
		return nil
	case world.attempt != nil:
		return &world.attempt.CreationTimestamp
	default:
		now := metav1.NewTime(world.now.Truncate(1e9)) // it was made in this pass
		return &now
	}
}
