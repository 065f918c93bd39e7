package wukongsnapshot

import (
	"time"

	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/consistency"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/obstacle"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/quiesce"
)

// The inputs of the parts are collected when a part is asked, because the steps of a pass change what was observed.

// consistency are the inputs that decide how consistent the snapshot is.
func (o *observation) consistency(snapshot *v1alpha1.WukongSnapshot) consistency.Inputs {
	in := consistency.Inputs{
		Guest: o.source.guest, Writers: o.source.writers, Disks: len(o.parts), Begins: o.parts.Begins(),
		Required: snapshot.Spec.RequiredConsistency, Recorded: snapshot.Status.Consistency,
		Indications: snapshot.Status.Indications, Quiesce: snapshot.Status.Quiesce, Finished: snapshot.Finished(),
	}
	if o.source.vm != nil {
		in.VM = o.source.vm.Name
	}
	return in
}

// obstacle is what prevents the beginning of a snapshot; nil for nothing.
func (o *observation) obstacle(snapshot *v1alpha1.WukongSnapshot) *operation.State {
	in := obstacle.Inputs{
		Snapshot: snapshot, Served: o.served, VM: o.source.vm, Contents: o.source.problem,
		Consistency: o.consistency(snapshot), Competitor: o.source.competitor, Retry: competitorRetry(snapshot),
		Conflict: o.parts.Conflict(), Now: o.now,
	}
	if reference := snapshot.Spec.Source.DiskRef; reference != nil {
		in.Disk = o.source.disks[reference.Name]
	}
	return in.Find()
}

// quiesceInputs decide about the next call of the guest agent.
func (r *Reconciler) quiesceInputs(snapshot *v1alpha1.WukongSnapshot, observed *observation) quiesce.Inputs {
	in := quiesce.Inputs{
		Status: snapshot.Status.Quiesce, Cuts: observed.parts.Cuts(observed.done.refused),
		Required: observed.consistency(snapshot).RequiresFreeze(),
		Timeout:  time.Duration(ptr.Deref(snapshot.Spec.FreezeTimeoutSeconds, 0)) * time.Second, Now: r.clock.Now(),
	}
	if guest := observed.source.guest; guest != nil {
		in.Guest = &guest.Guest
	}
	if called, here := r.calls.Load(snapshot.UID); here {
		in.Called = called.(time.Time)
	}
	return in
}
