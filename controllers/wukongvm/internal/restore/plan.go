package restore

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/protocol/diskrestore"
	"github.com/novasphere/wukong/controllers/internal/request"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Inputs are the facts that decide about the restore of a WukongVM.
type Inputs struct {
	VM *v1alpha1.WukongVM
	virt.View
	// Disks are the WukongDisks of the WukongVM by name; nil for one that does not exist.
	Disks map[string]*v1alpha1.WukongDisk
	// Snapshot is the WukongSnapshot that spec.restore names, Safety the one that is taken before the disks are replaced;
	// nil when they do not exist.
	Snapshot, Safety *v1alpha1.WukongSnapshot
	// Migrates: KubeVirt migrates a volume of the guest.
	Migrates bool
	// Served: the cluster serves VirtualMachines.
	Served bool
	// Prevents is why the guest could not start now if it were stopped; empty when it could.
	Prevents string
	Now      time.Time
}

// Plan is what a pass does for the restore. The zero value means that there is none.
type Plan struct {
	in Inputs
	// Status is status.restore after this pass.
	Status *v1alpha1.VMRestoreStatus
	// Mark is the new value of the annotation with the last request; empty leaves it as it is. Status may be written only
	// after it.
	Mark string
	// MakesSafety: the safety snapshot is to be made.
	MakesSafety bool
	// After is when to look again at what no watch reports; zero for never.
	After time.Duration
	// message is what the restore waits for.
	message string
	// waits: the guest must not be stopped at the moment.
	waits bool
	// unknown: status was lost, and the disks have not reported yet how far the restore came.
	unknown bool
}

// look is how often a restore is looked at that waits for an object that no watch reports.
const look = 30 * time.Second

// Make decides.
func Make(in Inputs) Plan {
	plan := Plan{in: in}
	plan.Status = in.VM.Status.Restore.DeepCopy()
	if !in.Served {
		plan.message = "waits until the cluster serves VirtualMachines"
		return plan // what runs is not known
	}
	if plan.Status == nil {
		if plan.unknown = in.unknown(); plan.unknown {
			return plan
		}
		plan.Status = in.rebuilt()
	} else {
		plan.recall(in.rebuilt())
	}
	if plan.Status == nil || plan.Status.Phase == v1alpha1.RestorePending {
		plan.begin()
	} else {
		plan.proceed()
	}
	// A phase that is over already costs no pass of its own.
	for step := 0; step < 4 && plan.Status != nil && underWay(plan.Status.Phase); step++ {
		before := plan.Status.Phase
		plan.message, plan.waits = "", false
		plan.advance()
		if plan.Status.Phase == before {
			break
		}
	}
	return plan
}

// recall takes in what the disks report, after status was lost: nil for nothing.
func (p *Plan) recall(reported *v1alpha1.VMRestoreStatus) {
	switch {
	case reported == nil || !replaced(reported.Phase):
	case !reported.Request.RequestedAt.Equal(&p.Status.Request.RequestedAt):
		// Another request began before the disks had reported. The first one goes on to its end.
		p.Status = reported
	default:
		for _, entry := range reported.Disks {
			if !p.restores(entry.DiskName) { // it had not reported yet when status was found out from the others
				p.Status.Disks = append(p.Status.Disks, entry)
			}
		}
	}
}

// proceed decides about a restore that has begun, or ended.
func (p *Plan) proceed() {
	asked := p.in.VM.Spec.Restore
	same := asked != nil && asked.RequestedAt.Equal(&p.Status.Request.RequestedAt)
	switch {
	case asked != nil && !same && p.mayFollow() && p.isNext(asked):
		p.giveWay()
	case underWay(p.Status.Phase) && (same || replaced(p.Status.Phase)):
	case underWay(p.Status.Phase):
		p.cancel()
	case !keepsReplaced(p.Status.Phase) && p.anyInUse():
		// The cache was behind when the restore ended, and status had been lost.
		p.rollBack(p.Status.Cause)
	case same:
		p.remark()
	case p.leftovers():
		p.message = "waits until the disks of the last restore are cleaned up"
	default:
		p.Status = nil
		p.begin()
	}
}

// mayFollow reports whether another request may be carried out before this restore has come to its end by itself: the
// guest has not run since, or cannot start, and the disks cannot be put back.
func (p *Plan) mayFollow() bool {
	switch p.Status.Phase {
	case v1alpha1.RestoreSwitched:
		return true
	case v1alpha1.RestoreStarting:
		return p.cannotReturn() && !p.onPrevious() && p.in.Now.Sub(p.Status.Since.Time) >= p.deadline()
	case v1alpha1.RestoreRollingBack: // until its disks are replaced, nothing would keep the guest from starting on these
		return p.mixed() && p.stopped() && p.in.VM.Spec.PowerState == v1alpha1.PowerStopped
	default:
		return false
	}
}

// giveWay ends the restore for another request.
func (p *Plan) giveWay() {
	switch p.Status.Phase {
	case v1alpha1.RestoreStarting:
		p.end(v1alpha1.RestoreNotRolledBack, v1alpha1.ReasonNotRolledBack, fmt.Sprintf(
			"the guest did not start on the restored disks within %s, and %s deleted", p.deadline(), p.lostClaims()))
	case v1alpha1.RestoreRollingBack:
		p.endMixed()
	default:
		p.end(v1alpha1.RestoreSucceeded, v1alpha1.ReasonRestored, "")
	}
	p.After = time.Millisecond
}

// isNext reports whether a request is later than the one at hand, and can be carried out now.
func (p *Plan) isNext(asked *v1alpha1.VMRestore) bool {
	if !p.Status.Request.RequestedAt.Before(&asked.RequestedAt) || asked.RequestedAt.After(p.in.Now) {
		return false
	}
	_, obstacle := p.in.preflight()
	return obstacle == nil
}

// cancel ends a restore whose request was removed, or replaced by another one.
func (p *Plan) cancel() {
	if p.anyInUse() {
		p.enter(v1alpha1.RestoreSwitching) // status was lost, and disks are replaced already
		return
	}
	p.end(v1alpha1.RestoreCancelled, v1alpha1.ReasonCancelled,
		"the request was removed from spec.restore before any disk was "+
			"replaced")
	if p.in.VM.Spec.Restore != nil {
		p.Status.Cause = "another request replaced it in spec.restore before any disk was replaced"
		p.After = time.Millisecond
	}
}

// leftovers reports whether a disk still has a claim of a restore that has ended.
func (p *Plan) leftovers() bool {
	for i := range p.Status.Disks {
		disk := p.in.Disks[p.Status.Disks[i].DiskName]
		if disk == nil || disk.Status.Restore == nil || disk.Status.AttachedTo != p.in.VM.Name {
			continue
		}
		restore := disk.Status.Restore
		if restore.Phase != v1alpha1.DiskRestoreDone && restore.Phase != v1alpha1.DiskRestoreFailed &&
			restore.RequestedAt.Equal(&p.Status.Request.RequestedAt) {
			return true
		}
	}
	return false
}

// begin decides about a request that has not begun.
func (p *Plan) begin() {
	asked := p.in.VM.Spec.Restore
	if asked == nil {
		p.Status = nil
		return
	}
	since := metav1.NewTime(p.in.Now.Truncate(time.Second))
	if p.Status != nil && p.Status.Request.RequestedAt.Equal(&asked.RequestedAt) {
		since = p.Status.Since
	}
	p.Status = &v1alpha1.VMRestoreStatus{Phase: v1alpha1.RestorePending, Since: since, Request: *asked.DeepCopy()}
	created, last := p.in.VM.CreationTimestamp.Time, p.in.VM.Annotations[v1alpha1.AnnotationRestoreRequest]
	mark := request.Mark{At: asked.RequestedAt.Time}
	const remedy = "; to restore it now, give restore.requestedAt a later time"
	name, at := p.in.VM.Name, text(asked.RequestedAt.Time)
	verdict := request.Decide(mark, created, last, p.in.Now)
	if verdict == request.Due && p.in.handled(asked.RequestedAt) {
		verdict = request.Handled
	}
	switch verdict {
	case request.Outdated:
		p.skip(v1alpha1.ReasonSkipped,
			fmt.Sprintf("requestedAt %s is not later than the creation of WukongVM %s (%s)%s",
				at, name, text(created), remedy))
	case request.Handled:
		p.skip(v1alpha1.ReasonAlreadyHandled,
			fmt.Sprintf("WukongVM %s has handled a restore that was requested at %s%s",
				name, at, remedy))
	case request.Superseded:
		p.skip(v1alpha1.ReasonSuperseded,
			fmt.Sprintf("WukongVM %s has handled a restore that was requested later than %s%s",
				name, at, remedy))
	case request.Appointed:
		p.Status.Reason, p.message = v1alpha1.ReasonAppointed, fmt.Sprintf("the restore begins at %s (requestedAt)", at)
		p.After = asked.RequestedAt.Sub(p.in.Now)
	default:
		p.check()
	}
}

func (p *Plan) skip(reason, cause string) {
	p.Status.Phase, p.Status.Reason, p.Status.Cause = v1alpha1.RestoreSkipped, reason, cause
}

// check begins the restore when nothing prevents it.
func (p *Plan) check() {
	contents, obstacle := p.in.preflight()
	if obstacle != nil {
		p.Status.Reason, p.message = obstacle.reason, obstacle.message
		p.After = look
		return
	}
	p.Status.Reason = ""
	p.Status.Disks, p.Status.NotInSnapshot = contents.disks, contents.others
	p.enter(v1alpha1.RestoreFilling)
	p.mark(request.Mark{At: p.Status.Request.RequestedAt.Time})
}

// enter begins a phase.
func (p *Plan) enter(phase v1alpha1.RestorePhase) {
	p.Status.Phase, p.Status.Since = phase, metav1.NewTime(p.in.Now.Truncate(time.Second))
}

// end ends the restore for ever.
func (p *Plan) end(phase v1alpha1.RestorePhase, reason, cause string) {
	p.enter(phase)
	p.Status.Reason, p.Status.Cause = reason, cause
	p.mark(request.Mark{At: p.Status.Request.RequestedAt.Time, By: diskrestore.Ended})
}

func (p *Plan) mark(mark request.Mark) {
	p.Mark = ""
	if value := mark.String(); p.in.VM.Annotations[v1alpha1.AnnotationRestoreRequest] != value {
		p.Mark = value
	}
}

// remark writes the mark of a request that has ended again, if somebody removed it.
func (p *Plan) remark() {
	last, marked := request.Parse(p.in.VM.Annotations[v1alpha1.AnnotationRestoreRequest])
	at := p.Status.Request.RequestedAt.Time
	if p.Status.Phase != v1alpha1.RestoreSkipped && (!marked || last.At.Before(at)) {
		p.mark(request.Mark{At: at, By: diskrestore.Ended})
	}
}

func text(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// underWay reports whether a restore in a phase has begun and not ended.
func underWay(phase v1alpha1.RestorePhase) bool {
	switch phase {
	case v1alpha1.RestoreFilling, v1alpha1.RestoreStopping, v1alpha1.RestoreSafety:
		return true
	default:
		return replaced(phase)
	}
}

// replaced reports whether disks may be replaced in a phase, so that the restore must go on to its end.
func replaced(phase v1alpha1.RestorePhase) bool {
	switch phase {
	case v1alpha1.RestoreSwitching, v1alpha1.RestoreStarting, v1alpha1.RestoreSwitched, v1alpha1.RestoreRollingBack:
		return true
	default:
		return false
	}
}

// keepsReplaced reports whether a restore that has ended in a phase leaves the disks replaced.
func keepsReplaced(phase v1alpha1.RestorePhase) bool {
	return phase == v1alpha1.RestoreSucceeded || phase == v1alpha1.RestoreNotRolledBack
}
