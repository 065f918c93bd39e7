package wukongbackup

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
)

// writeStatus writes the status where it differs, and returns the backup with it.
func (r *Reconciler) writeStatus(
	ctx context.Context, backup *v1alpha1.WukongBackup, world *World, plan *Plan,
) (*v1alpha1.WukongBackup, error) {
	after := backup.DeepCopy()
	set := conditions.For(backup, r.clock)
	plan.state.Report(set)
	world.umbrella.Report(set)
	after.Status = plan.record
	after.Status.OperationStatus = plan.state.Describe(backup, set, started(backup, world), world.now)
	return after, r.applier.Status(ctx, backup, after)
}

// started is when the first export was created; nil before.
func started(backup *v1alpha1.WukongBackup, world *World) *metav1.Time {
	first := backup.Status.StartTime
	for _, export := range world.exports {
		created := export.CreationTimestamp
		if created.IsZero() {
			created = metav1.NewTime(world.now.Truncate(time.Second))
		}
		if first == nil || backup.Status.StartTime == nil && created.Before(first) {
			first = &created
		}
	}
	return first
}
