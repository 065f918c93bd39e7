package wukongclone

import (
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/carry"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/wukongclone/internal/progress"
)

// look is how often a clone is looked at that waits for what no watch reports: Secrets, addresses, other disks.
const look = 30 * time.Second

// Plan is what a pass does, and what it reports.
type Plan struct {
	state *operation.State
	// record is the part of status that only clones have.
	record v1alpha1.WukongCloneStatus
	// snapshot is the temporary snapshot to create, and target the result; nil for none. Before the snapshot is created,
	// the creation of rehearsed is rehearsed.
	snapshot  *v1alpha1.WukongSnapshot
	rehearsed client.Object
	target    client.Object
	// removes is the result to delete; nil for none. cause is why the clone was given up.
	removes client.Object
	cause   string
	// asksFor are references that are to be read first; nil for none.
	asksFor *carry.References
}

func decide(clone *v1alpha1.WukongClone, world *World) *Plan {
	plan := &Plan{record: v1alpha1.WukongCloneStatus{
		Source: sourceName(clone), SnapshotName: snapshotName(clone, world), Step: stepBefore(clone, world),
		PointInTime: pointInTime(clone, world),
	}}
	result := world.result(clone)
	switch {
	case clone.Finished():
		plan.state = operation.Recorded(clone)
	case result != nil:
		plan.follow(clone, world, result)
	case deadlineLeft(clone, world) <= 0:
		plan.overdue(clone, world)
	default:
		plan.begin(clone, world)
	}
	return plan
}

// sourceName names the source for people, with its namespace if that is another one.
func sourceName(clone *v1alpha1.WukongClone) string {
	origin := model.CloneOrigin(clone)
	if origin.Namespace == clone.Namespace {
		return origin.Kind + " " + origin.Name
	}
	return origin.String()
}

// sourceSnapshot is the snapshot that the disks are copied from; nil when there is none yet.
func sourceSnapshot(clone *v1alpha1.WukongClone, world *World) *v1alpha1.WukongSnapshot {
	if world.temporary != nil && isTemporaryOf(world.temporary, clone) {
		return world.temporary
	}
	return world.origin.snapshot
}

// snapshotName is the name of the snapshot that the disks are copied from. The name of one in another namespace is
// reported, too: the user gave it, or it follows from the clone.
func snapshotName(clone *v1alpha1.WukongClone, world *World) string {
	if reference := clone.Spec.Source.SnapshotRef; reference != nil {
		return reference.Name
	}
	if world.temporary != nil && isTemporaryOf(world.temporary, clone) {
		return world.temporary.Name
	}
	return ""
}

// stepBefore is the step of a clone that has no result.
func stepBefore(clone *v1alpha1.WukongClone, world *World) v1alpha1.CloneStep {
	if world.temporary != nil && isTemporaryOf(world.temporary, clone) {
		return v1alpha1.CloneSnapshotting
	}
	return ""
}

// pointInTime is when the content of the disks was taken. A snapshot that is deleted later takes nothing away. That a
// snapshot exists in another namespace is known only to those whom it grants clones.
func pointInTime(clone *v1alpha1.WukongClone, world *World) *metav1.Time {
	snapshot, result := sourceSnapshot(clone, world), world.result(clone)
	if clone.Status.PointInTime != nil || snapshot == nil || result == nil || !isMadeBy(result, clone) ||
		snapshot.Namespace != clone.Namespace && !isGranted(snapshot.Spec.CloneableFrom, clone.Namespace) {
		return clone.Status.PointInTime
	}
	return snapshot.Status.TakenAt
}

// follow decides by the result, which exists.
func (p *Plan) follow(clone *v1alpha1.WukongClone, world *World, result client.Object) {
	found, kind, waits := progress.Progress{}, "WukongDisk", ""
	if vm, isMachine := result.(*v1alpha1.WukongVM); isMachine {
		found, kind = progress.OfMachine(vm, world.disks), "WukongVM"
		p.identify(clone, &vm.Spec)
		if waits = found.Waits; waits == "" && clone.Spec.PowerState == v1alpha1.PowerRunning {
			waits = progress.NotRunning(vm)
		}
	} else {
		found = progress.OfDisk(world.disk)
		waits = found.Waits
	}
	p.record.Step = v1alpha1.CloneCreating
	p.record.Target = &v1alpha1.CloneTarget{Kind: kind, Name: result.GetName(), UID: string(result.GetUID())}
	p.record.Disks, p.record.ProgressPercent = found.Disks, ptr.To(found.Percent)
	switch {
	case waits == "":
		p.state = operation.Succeeded(v1alpha1.ReasonCloned)
		if !isMadeBy(result, clone) {
			p.state.Message = fmt.Sprintf("%s %s was made by an earlier WukongClone of this name; nothing was done",
				kind, result.GetName())
		}
	case deadlineLeft(clone, world) <= 0:
		p.giveUp(clone, result, kind, waits, found)
	default:
		p.state = operation.InProgress(v1alpha1.ReasonInProgress, "%s", waits)
		p.state.After = deadlineLeft(clone, world)
	}
}

// identify reports the identity of the result.
func (p *Plan) identify(clone *v1alpha1.WukongClone, spec *v1alpha1.WukongVMSpec) {
	p.record.Identity = &v1alpha1.CloneIdentity{MachineID: carry.MachineID(clone.Spec.Identity, spec)}
}

// giveUp ends a clone whose result is not complete in time. Only a result that has nothing yet is deleted: not one that
// waits for its guest alone.
func (p *Plan) giveUp(
	clone *v1alpha1.WukongClone, result client.Object, kind, waits string, found progress.Progress,
) {
	fate := fmt.Sprintf("%s %s stays: use it as it is, or delete it", kind, result.GetName())
	if isMadeBy(result, clone) && found.Completed == 0 && found.Waits != "" {
		p.removes, p.cause = result, waits
		fate = fmt.Sprintf("%s %s was deleted, because none of its disks was complete", kind, result.GetName())
	}
	p.state = givenUp(clone, waits, fate)
}

// givenUp is the state of a clone whose result was not complete in time. The fate is what became of the result.
func givenUp(clone *v1alpha1.WukongClone, cause, fate string) *operation.State {
	return operation.Failed(
		"given up after deadlineSeconds (%d): %s; %s. Resolve the cause, and create another WukongClone",
		ptr.Deref(clone.Spec.DeadlineSeconds, 0), cause, fate)
}

// deadlineLeft is how much time is left until the deadline.
func deadlineLeft(clone *v1alpha1.WukongClone, world *World) time.Duration {
	return operation.Left(clone.CreationTimestamp.Time, ptr.Deref(clone.Spec.DeadlineSeconds, 0), world.now)
}

// overdue ends a clone that has no result in time, and reports what prevented it.
func (p *Plan) overdue(clone *v1alpha1.WukongClone, world *World) {
	cause, last := "", &Plan{}
	last.begin(clone, world)
	p.asksFor = last.asksFor
	if last.state != nil && last.target == nil && last.snapshot == nil {
		cause = ": " + last.state.Message
	}
	p.state = operation.Failed("given up after deadlineSeconds (%d)%s; nothing was made. Create another WukongClone",
		ptr.Deref(clone.Spec.DeadlineSeconds, 0), cause)
}

// waiting is the state of a clone that waits for something, until its deadline.
func waiting(clone *v1alpha1.WukongClone, world *World, state *operation.State) *operation.State {
	if world.temporary != nil && isTemporaryOf(world.temporary, clone) && state.Phase == v1alpha1.OperationPending {
		state.Phase = v1alpha1.OperationInProgress
	}
	if !state.Finished() {
		state.After = look
		if left := deadlineLeft(clone, world); left > 0 {
			state.After = min(left, look)
		}
	}
	return state
}

// refused is the state of a clone of which the API server refused a write. What a finished clone reports stays, and so
// does the record of a result that exists.
func (p *Plan) refused(clone *v1alpha1.WukongClone, world *World, err error) *operation.State {
	switch {
	case p.removes != nil:
		refusal := &apply.RefusedError{}
		if errors.As(err, &refusal) {
			err = refusal.Err
		}
		return givenUp(clone, p.cause, fmt.Sprintf("%s %s stays, because it could not be deleted: %s",
			p.record.Target.Kind, p.record.Target.Name, err))
	case p.state.Finished():
		return p.state
	case world.result(clone) != nil:
		return waiting(clone, world, operation.InProgress(apply.Reason(err), "%s", err))
	}
	p.record.SnapshotName, p.record.Step, p.record.Identity = snapshotName(clone, world), stepBefore(clone, world), nil
	p.record.Target = nil
	return waiting(clone, world, operation.Pending(apply.Reason(err), "%s", err))
}

// message is why an object is not ready.
func message(obj v1alpha1.Object) string {
	ready := model.Ready(obj)
	if ready.Message == "" {
		return ready.Reason
	}
	return ready.Message
}
