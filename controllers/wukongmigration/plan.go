package wukongmigration

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/internal/request"
	"github.com/novasphere/wukong/controllers/wukongmigration/internal/preflight"
)

const (
	// firstWait is the wait before the second attempt. It doubles with each attempt.
	firstWait = 20 * time.Second
	// look is how often a migration is looked at that waits for what no watch reports: nodes, quotas, the scheduler.
	look = 30 * time.Second
	// lookSoon is how often while a guest settles after its last migration.
	lookSoon = 2 * time.Second
)

// Plan is what a pass does, and what it reports.
type Plan struct {
	state *operation.State
	// record is the part of status that only migrations have.
	record v1alpha1.WukongMigrationStatus
	// begins is the number of the attempt to make; 0 for none.
	begins int32
	// removes is the attempt to delete; nil for none.
	removes *kubevirtv1.VirtualMachineInstanceMigration
	// asksForFacts: whether an attempt can begin is decided by World.facts, which are to be read first.
	asksForFacts bool
}

func decide(migration *v1alpha1.WukongMigration, world *World) *Plan {
	ledger := &migration.Status
	plan := &Plan{record: v1alpha1.WukongMigrationStatus{
		Attempt: ledger.Attempt, FailedAttempts: ledger.FailedAttempts, Failure: ledger.Failure,
		FailedAt:      ledger.FailedAt,
		MigrationName: ledger.MigrationName, MigrationUID: ledger.MigrationUID,
		SourceNode: ledger.SourceNode, TargetNode: ledger.TargetNode, Mode: ledger.Mode, PolicyName: ledger.PolicyName,
	}}
	switch {
	case migration.Finished():
		plan.state = operation.Recorded(migration)
	case !world.served:
		plan.state = plan.waiting(migration, world, v1alpha1.ReasonDependencyMissing, dependency.Migrations.Missing())
	case world.attempt != nil && world.number >= ledger.Attempt:
		plan.attempted(migration, world)
	case ledger.Attempt > ledger.FailedAttempts:
		plan.state = unseen(migration, world)
	case ledger.FailedAttempts > 0:
		plan.failed(migration, world)
	default:
		plan.next(migration, world)
	}
	return plan
}

// follow records an attempt.
func (p *Plan) follow(number int32, attempt *kubevirtv1.VirtualMachineInstanceMigration, world *World) {
	p.record.Attempt, p.record.MigrationName, p.record.MigrationUID = number, attempt.Name, string(attempt.UID)
	p.record.TargetNode, p.record.Mode, p.record.PolicyName = "", "", ""
	state := stateOf(attempt, world.instance)
	if state == nil {
		if world.instance != nil {
			p.record.SourceNode = world.instance.Status.NodeName
		}
		return
	}
	p.record.SourceNode, p.record.TargetNode = state.SourceNode, state.TargetNode
	p.record.Mode, p.record.PolicyName = string(state.Mode), ptr.Deref(state.MigrationPolicyName, "")
}

// attempted decides by the last attempt, which exists.
func (p *Plan) attempted(migration *v1alpha1.WukongMigration, world *World) {
	attempt, cancelled := world.attempt, ptr.Deref(migration.Spec.Cancel, false)
	if isLostRace(attempt) {
		// Another migration began at the same moment. This was no attempt: it is deleted, and made again under its
		// name.
		p.record.Attempt, p.record.MigrationName, p.record.MigrationUID = p.record.FailedAttempts, "", ""
		if attempt.DeletionTimestamp.IsZero() {
			p.removes = attempt
		}
		p.state = p.waiting(migration, world, v1alpha1.ReasonBusy, fmt.Sprintf(
			"WukongVM %s began another migration at the same moment: this one begins afterwards",
			migration.Spec.VMRef.Name))
		return
	}
	p.follow(world.number, attempt, world)
	switch attempt.Status.Phase {
	case kubevirtv1.MigrationSucceeded:
		p.state = operation.Succeeded(v1alpha1.ReasonMigrated)
		if state := stateOf(attempt, world.instance); state != nil {
			p.state.CompletedAt = state.EndTimestamp
		}
	case kubevirtv1.MigrationFailed:
		if wasCancelled(attempt) {
			p.state = cancelledState(migration, attempt, world)
			return
		}
		if p.record.FailedAttempts < world.number {
			p.record.FailedAttempts, p.record.Failure = world.number, world.failure
			p.record.FailedAt = ptr.To(metav1.NewTime(world.now.Truncate(time.Second)))
		}
		p.failed(migration, world)
	default:
		if cancelled && attempt.DeletionTimestamp.IsZero() {
			p.removes = attempt
		}
		p.state = underWay(attempt, world, p.record)
	}
}

// isLostRace reports whether KubeVirt failed an attempt because another migration of the guest was in progress. Such an
// attempt was never queued (kubevirt.io/kubevirt, pkg/virt-controller/watch/migration, processMigrationPhase).
func isLostRace(attempt *kubevirtv1.VirtualMachineInstanceMigration) bool {
	if attempt.Status.Phase != kubevirtv1.MigrationFailed || attempt.Status.MigrationState != nil ||
		isAborted(attempt) {
		return false
	}
	return !slices.ContainsFunc(attempt.Status.PhaseTransitionTimestamps,
		func(one kubevirtv1.VirtualMachineInstanceMigrationPhaseTransitionTimestamp) bool {
			return one.Phase != kubevirtv1.MigrationFailed
		})
}

// wasCancelled reports whether an attempt that failed was broken off by its deletion.
func wasCancelled(attempt *kubevirtv1.VirtualMachineInstanceMigration) bool {
	return !attempt.DeletionTimestamp.IsZero() || isAborted(attempt)
}

func isAborted(attempt *kubevirtv1.VirtualMachineInstanceMigration) bool {
	return slices.ContainsFunc(attempt.Status.Conditions,
		func(condition kubevirtv1.VirtualMachineInstanceMigrationCondition) bool {
			return condition.Type == kubevirtv1.VirtualMachineInstanceMigrationAbortRequested &&
				condition.Status == corev1.ConditionTrue
		})
}

func cancelledState(
	migration *v1alpha1.WukongMigration, attempt *kubevirtv1.VirtualMachineInstanceMigration, world *World,
) *operation.State {
	if ptr.Deref(migration.Spec.Cancel, false) {
		return operation.Cancelled("the migration was cancelled (spec.cancel); %s", world.whereabouts())
	}
	return operation.Cancelled("VirtualMachineInstanceMigration %s was deleted, which cancels the migration; %s",
		attempt.Name, world.whereabouts())
}

// whereabouts reports where the guest is.
func (w *World) whereabouts() string {
	if w.instance == nil || w.instance.Status.Phase != kubevirtv1.Running {
		return "the guest does not run"
	}
	return "the guest runs on node " + w.instance.Status.NodeName
}

// failed decides after a failed attempt.
func (p *Plan) failed(migration *v1alpha1.WukongMigration, world *World) {
	limit, number := ptr.Deref(migration.Spec.Attempts, 1), p.record.FailedAttempts
	wait := firstWait << (number - 1)
	begins := ptr.Deref(p.record.FailedAt, metav1.NewTime(world.now)).Add(wait)
	left := begins.Sub(world.now)
	switch {
	case number >= limit:
		p.state = operation.Failed("attempt %d of %d failed: %s; %s. Mend the cause, and create another "+
			"WukongMigration", number, limit, p.record.Failure, world.whereabouts())
	case ptr.Deref(migration.Spec.Cancel, false):
		p.state = operation.Cancelled("the migration was cancelled (spec.cancel) after a failed attempt; %s",
			world.whereabouts())
	case left > 0:
		p.state = operation.InProgress(v1alpha1.ReasonAttemptFailed,
			"attempt %d of %d failed: %s; the next one begins at %s",
			number, limit, p.record.Failure, text(begins))
		p.state.After = left
	default:
		p.next(migration, world)
	}
}

// phases are what KubeVirt does in the phases of a migration.
var phases = map[kubevirtv1.VirtualMachineInstanceMigrationPhase]string{
	kubevirtv1.MigrationPhaseUnset:      "KubeVirt was asked to migrate the guest",
	kubevirtv1.MigrationPending:         "the migration is in KubeVirt's queue",
	kubevirtv1.MigrationScheduling:      "the target pod starts",
	kubevirtv1.MigrationScheduled:       "the target pod runs",
	kubevirtv1.MigrationPreparingTarget: "the target node prepares for the guest",
	kubevirtv1.MigrationTargetReady:     "the target node is ready for the guest",
	kubevirtv1.MigrationRunning:         "the memory of the guest is copied to the target node",
}

// noticedAfter is how long KubeVirt may take to look at an attempt.
const noticedAfter = time.Minute

// unnoticed is the state of an attempt that KubeVirt has not looked at; nil when it has, or may still do so.
func unnoticed(
	attempt *kubevirtv1.VirtualMachineInstanceMigration, world *World, record v1alpha1.WukongMigrationStatus,
) *operation.State {
	since := attempt.CreationTimestamp.Time
	noticed := attempt.Status.Phase != kubevirtv1.MigrationPhaseUnset
	if noticed || since.IsZero() || world.now.Before(since.Add(noticedAfter)) {
		return nil
	}
	return operation.InProgress(v1alpha1.ReasonTargetStalled,
		"attempt %d: KubeVirt has not looked at VirtualMachineInstanceMigration %s since %s: "+
			"check that its virt-controller runs; %s", record.Attempt, attempt.Name, text(since), world.whereabouts())
}

// stalledAfter is how long KubeVirt may prepare a target. It has no limit of its own for that.
const stalledAfter = 5 * time.Minute

// preparing are the phases in which virt-handler on the target node prepares for the guest.
var preparing = []kubevirtv1.VirtualMachineInstanceMigrationPhase{
	kubevirtv1.MigrationScheduled, kubevirtv1.MigrationPreparingTarget, kubevirtv1.MigrationTargetReady,
}

// stalled returns the state of an attempt whose target is not prepared in time; nil for other attempts. Deleting the
// attempt does not end it then, and deleting the target pod does. A user must do that: Wukong may not delete pods.
func stalled(
	attempt *kubevirtv1.VirtualMachineInstanceMigration, world *World, record v1alpha1.WukongMigrationStatus,
) *operation.State {
	state := stateOf(attempt, world.instance)
	if state == nil || !slices.Contains(preparing, attempt.Status.Phase) {
		return nil
	}
	var since time.Time
	for _, one := range attempt.Status.PhaseTransitionTimestamps {
		if one.Phase == kubevirtv1.MigrationScheduled {
			since = one.PhaseTransitionTimestamp.Time
		}
	}
	if since.IsZero() || world.now.Before(since.Add(stalledAfter)) {
		return nil
	}
	return operation.InProgress(v1alpha1.ReasonTargetStalled,
		"attempt %d: KubeVirt prepares node %s since %s, and is not done: "+
			"delete pod %s to end the attempt, and the next one follows; %s",
		record.Attempt, state.TargetNode, since.UTC().Format(time.RFC3339), state.TargetPod, world.whereabouts())
}

// underWay is how far an attempt is.
func underWay(
	attempt *kubevirtv1.VirtualMachineInstanceMigration, world *World, record v1alpha1.WukongMigrationStatus,
) *operation.State {
	for _, found := range []*operation.State{unnoticed(attempt, world, record), stalled(attempt, world, record)} {
		if found != nil {
			return found
		}
	}
	if !attempt.DeletionTimestamp.IsZero() {
		state := operation.InProgress(v1alpha1.ReasonInProgress, "attempt %d is being cancelled", record.Attempt)
		state.After = stalledAfter
		return state
	}
	for _, condition := range attempt.Status.Conditions {
		if condition.Type == kubevirtv1.VirtualMachineInstanceMigrationRejectedByResourceQuota &&
			condition.Status == corev1.ConditionTrue {
			return operation.InProgress(v1alpha1.ReasonQuotaExceeded,
				"a ResourceQuota of the namespace has no room for the target pod, "+
					"which exists beside the pod of the guest while it migrates: "+
					"raise the quota, and KubeVirt continues automatically")
		}
	}
	if world.unscheduled != "" {
		state := operation.InProgress(v1alpha1.ReasonUnschedulable,
			"no node takes the target pod: %s; KubeVirt gives up after five minutes", world.unscheduled)
		state.After = look
		return state
	}
	what, known := phases[attempt.Status.Phase]
	if !known {
		what = "KubeVirt reports phase " + string(attempt.Status.Phase)
	}
	if record.TargetNode != "" {
		what += ", node " + record.TargetNode
	}
	state := operation.InProgress(v1alpha1.ReasonInProgress, "attempt %d: %s", record.Attempt, what)
	switch {
	case attempt.Status.Phase == kubevirtv1.MigrationPhaseUnset:
		state.After = noticedAfter
	case attempt.Status.Phase == kubevirtv1.MigrationScheduling:
		state.After = look
	case slices.Contains(preparing, attempt.Status.Phase):
		state.After = stalledAfter
	}
	return state
}

// unseen decides about an attempt that does not exist any more, and whose end was not seen.
func unseen(migration *v1alpha1.WukongMigration, world *World) *operation.State {
	ledger := &migration.Status
	if world.instance != nil {
		state := world.instance.Status.MigrationState
		if state != nil && string(state.MigrationUID) == ledger.MigrationUID && state.Completed && !state.Failed {
			return operation.Succeeded(v1alpha1.ReasonMigrated)
		}
		// An instance that is younger than the attempt was started where it is.
		isTheSame := ledger.StartTime != nil && !ledger.StartTime.Before(&world.instance.CreationTimestamp)
		node := world.instance.Status.NodeName
		if isTheSame && ledger.SourceNode != "" && node != "" && node != ledger.SourceNode {
			return operation.Succeeded(v1alpha1.ReasonMigrated)
		}
	}
	if ptr.Deref(migration.Spec.Cancel, false) {
		return operation.Cancelled("the migration was cancelled (spec.cancel); %s", world.whereabouts())
	}
	return unknown("the VirtualMachineInstanceMigration of attempt %d was deleted before its end was seen; %s: "+
		"create another WukongMigration", ledger.Attempt, world.whereabouts())
}

// unknown is the state of a migration of which it is not known whether it was carried out. It is not tried again.
func unknown(format string, arguments ...any) *operation.State {
	failed := operation.Failed(format, arguments...)
	failed.Reason = v1alpha1.ReasonOutcomeUnknown
	return failed
}

// next begins the next attempt, or says what keeps it from being begun.
func (p *Plan) next(migration *v1alpha1.WukongMigration, world *World) {
	name := migration.Spec.VMRef.Name
	switch {
	case ptr.Deref(migration.Spec.Cancel, false):
		p.state = operation.Cancelled("the migration was cancelled (spec.cancel) before it began")
		return
	case world.vm == nil:
		p.state = p.waiting(migration, world, v1alpha1.ReasonSourceMissing, fmt.Sprintf(
			"WukongVM %s does not exist in namespace %s: create it, or create another WukongMigration",
			name, migration.Namespace))
		return
	}
	if p.state = p.asked(migration, world); p.state != nil {
		return
	}
	if world.other != "" {
		p.state = p.waiting(migration, world, v1alpha1.ReasonBusy, fmt.Sprintf(
			"WukongMigration %s of WukongVM %s is under way: this one begins afterwards", world.other, name))
		return
	}
	if world.facts == nil {
		p.asksForFacts = true
		return
	}
	if p.record.Obstacles = preflight.Obstacles(*world.facts); len(p.record.Obstacles) > 0 {
		p.state = p.waiting(migration, world, p.record.Obstacles[0].Reason, p.record.Obstacles[0].Message)
		if world.facts.IsSettling() {
			p.state.After = min(p.state.After, lookSoon)
		}
		return
	}
	if deadlineLeft(migration, world) <= 0 {
		p.state = p.overdue(migration, "it was not started in time")
		return
	}
	p.begins = p.record.FailedAttempts + 1
	p.state = operation.InProgress(v1alpha1.ReasonInProgress, "attempt %d: %s",
		p.begins, phases[kubevirtv1.MigrationPhaseUnset])
}

// asked decides by the time at which the migration was asked for; nil when it is to be carried out now.
func (p *Plan) asked(migration *v1alpha1.WukongMigration, world *World) *operation.State {
	const remedy = "; to move it now, create a WukongMigration with a later requestedAt"
	name, asked := world.vm.Name, text(migration.Spec.RequestedAt.Time)
	skipped := func(reason, format string, arguments ...any) *operation.State {
		message := fmt.Sprintf(format, arguments...)
		if p.record.FailedAttempts > 0 {
			return operation.Failed("attempt %d failed: %s; %s", p.record.FailedAttempts, p.record.Failure, message)
		}
		return operation.Skipped(reason, "%s%s", message, remedy)
	}
	verdict := request.Decide(markOf(migration), world.vm.CreationTimestamp.Time,
		world.vm.Annotations[v1alpha1.AnnotationMigrationRequest], world.now)
	switch {
	case verdict == request.Outdated:
		return skipped(v1alpha1.ReasonSkipped, "requestedAt %s is not later than the creation of WukongVM %s (%s)",
			asked, name, text(world.vm.CreationTimestamp.Time))
	case verdict == request.Handled:
		return skipped(v1alpha1.ReasonAlreadyHandled, "WukongVM %s has handled a request of %s before", name, asked)
	case verdict == request.Superseded:
		return skipped(v1alpha1.ReasonSuperseded, "WukongVM %s has handled a request later than %s", name, asked)
	case verdict == request.Appointed:
		state := operation.Pending(v1alpha1.ReasonAppointed, "the migration begins at %s (requestedAt)", asked)
		state.After = migration.Spec.RequestedAt.Sub(world.now)
		return state
	case world.later != "":
		return skipped(v1alpha1.ReasonSuperseded, "WukongMigration %s of WukongVM %s was asked for later",
			world.later, name)
	case p.record.Attempt > 0 || world.instance == nil:
		return nil
	}
	ended := movedSince(migration, world)
	if ended != nil && (verdict == request.Begun || len(migration.Spec.NodeSelector) == 0) {
		return skipped(v1alpha1.ReasonAlreadyHandled,
			"the guest of WukongVM %s moved to node %s at %s, later than requestedAt",
			name, world.instance.Status.NodeName, text(ended.Time))
	}
	if verdict == request.Begun && world.instance.CreationTimestamp.After(migration.Spec.RequestedAt.Time) {
		// Status was lost, and the instance that knew.
		return unknown("WukongVM %s has handled this request, and its guest was started since; "+
			"whether it moved before is not known%s", name, remedy)
	}
	return nil
}

func text(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// movedSince returns when the guest migrated to another node after requestedAt; nil when it has not. Nothing shows that
// this request was the cause: somebody may have removed the annotation, or status was lost.
func movedSince(migration *v1alpha1.WukongMigration, world *World) *metav1.Time {
	state := world.instance.Status.MigrationState
	if state == nil || !state.Completed || state.Failed || state.StartTimestamp == nil ||
		!state.StartTimestamp.After(migration.Spec.RequestedAt.Time) {
		return nil
	}
	return state.EndTimestamp
}

// deadlineLeft is how much time is left to begin an attempt.
func deadlineLeft(migration *v1alpha1.WukongMigration, world *World) time.Duration {
	from := migration.CreationTimestamp.Time
	if asked := migration.Spec.RequestedAt.Time; asked.After(from) {
		from = asked
	}
	return operation.Left(from, ptr.Deref(migration.Spec.DeadlineSeconds, 0), world.now)
}

// overdue is the state of a migration whose next attempt was not begun before the deadline.
func (p *Plan) overdue(migration *v1alpha1.WukongMigration, message string) *operation.State {
	return operation.Failed("given up after deadlineSeconds (%d): %s",
		ptr.Deref(migration.Spec.DeadlineSeconds, 0), p.afterFailure(message))
}

// afterFailure puts the failure of the last attempt before a message, if there is one.
func (p *Plan) afterFailure(message string) string {
	if p.record.FailedAttempts == 0 {
		return message
	}
	return fmt.Sprintf("attempt %d failed: %s; the next one waits: %s", p.record.FailedAttempts,
		p.record.Failure, message)
}

// waiting is the state of a migration that cannot begin yet, until its deadline.
func (p *Plan) waiting(migration *v1alpha1.WukongMigration, world *World, reason, message string) *operation.State {
	left := deadlineLeft(migration, world)
	if left <= 0 {
		return p.overdue(migration, message)
	}
	state := operation.Pending(reason, "%s", p.afterFailure(message))
	if p.record.FailedAttempts > 0 {
		state.Phase = v1alpha1.OperationInProgress
	}
	state.After = min(left, look)
	return state
}

// refused is the state of a migration of which the API server, or KubeVirt's webhook, refused a write.
func (p *Plan) refused(migration *v1alpha1.WukongMigration, world *World, err error) *operation.State {
	return p.waiting(migration, world, apply.Reason(err), err.Error())
}
