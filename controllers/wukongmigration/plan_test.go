package wukongmigration

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/internal/request"
	"github.com/novasphere/wukong/controllers/wukongmigration/internal/preflight"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(after time.Duration) metav1.Time { return metav1.NewTime(noon.Add(after)) }

// situation is a migration with its world. It was asked for at noon, and it is one minute later.
type situation struct {
	*v1alpha1.WukongMigration
	*World
}

func begin(changes ...func(situation)) situation {
	migration := builder.Migration("shop", "move", "web", noon, builder.TriedAtMost(3), builder.BegunWithin(3600))
	migration.UID, migration.CreationTimestamp, migration.Generation = "uid", at(0), 1
	vm := builder.VM("shop", "web")
	vm.CreationTimestamp = at(-time.Hour)
	vm.Status.Phase, vm.Status.NodeName = v1alpha1.PhaseRunning, "node1"
	vm.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionLiveMigratable, Status: metav1.ConditionTrue}}
	instance := keeptest.Object(&kubevirtv1.VirtualMachineInstance{
		ObjectMeta: metav1.ObjectMeta{CreationTimestamp: at(-time.Hour)},
		Status:     kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Running, NodeName: "node1"},
	}, preflight.Keep)
	s := situation{migration, &World{now: noon.Add(time.Minute), served: true, vm: vm, instance: instance}}
	s.facts = &preflight.Inputs{VM: vm, Instance: instance, Now: s.now}
	for _, change := range changes {
		change(s)
	}
	return s
}

// tried is an attempt in a phase, which status knows of.
func tried(number int32, phase kubevirtv1.VirtualMachineInstanceMigrationPhase) func(situation) {
	return func(s situation) {
		s.attempt = &kubevirtv1.VirtualMachineInstanceMigration{
			ObjectMeta: metav1.ObjectMeta{Name: "attempt", UID: "attempt", CreationTimestamp: at(0)},
			Status: kubevirtv1.VirtualMachineInstanceMigrationStatus{
				Phase: phase,
				PhaseTransitionTimestamps: []kubevirtv1.VirtualMachineInstanceMigrationPhaseTransitionTimestamp{
					{Phase: kubevirtv1.MigrationPending}, {Phase: phase},
				},
			},
		}
		s.number = number
		s.Status.Attempt, s.Status.MigrationUID = number, "attempt"
		s.Status.SourceNode, s.Status.StartTime = "node1", ptr.To(at(0))
		s.failure = "the target was killed"
	}
}

// gone takes the attempt away.
func gone(s situation) { s.attempt, s.number = nil, 0 }

// recorded: status knows that an attempt failed, some time ago.
func recorded(number int32, ago time.Duration) func(situation) {
	return func(s situation) {
		s.Status.FailedAttempts, s.Status.Failure = number, "the target was killed"
		s.Status.FailedAt = ptr.To(metav1.NewTime(s.now.Add(-ago)))
	}
}

// marked: the WukongVM has handled a request of that time, by an object with that UID.
func marked(after time.Duration, by types.UID) func(situation) {
	return func(s situation) {
		mark := request.Mark{At: noon.Add(after), By: by}
		s.vm.Annotations = map[string]string{v1alpha1.AnnotationMigrationRequest: mark.String()}
	}
}

func cancel(s situation) { s.Spec.Cancel = ptr.To(true) }

// moved is the instance's record of a migration.
func moved(uid types.UID, change func(*kubevirtv1.VirtualMachineInstanceMigrationState)) func(situation) {
	return func(s situation) {
		state := &kubevirtv1.VirtualMachineInstanceMigrationState{
			MigrationUID: uid, SourceNode: "node1", TargetNode: "node2", Completed: true,
			StartTimestamp: ptr.To(at(10 * time.Second)), EndTimestamp: ptr.To(at(20 * time.Second)),
		}
		if change != nil {
			change(state)
		}
		s.instance.Status.MigrationState = state
	}
}

// prepares: the target pod has run for a while.
func prepares(since time.Duration) func(situation) {
	return func(s situation) {
		s.instance.Status.MigrationState.TargetPod = "target"
		s.attempt.Status.PhaseTransitionTimestamps = append(s.attempt.Status.PhaseTransitionTimestamps,
			kubevirtv1.VirtualMachineInstanceMigrationPhaseTransitionTimestamp{
				Phase: kubevirtv1.MigrationScheduled, PhaseTransitionTimestamp: metav1.NewTime(s.now.Add(-since)),
			})
	}
}

func TestDecide(t *testing.T) {
	deleted := func(s situation) { s.attempt.DeletionTimestamp = ptr.To(at(time.Minute)) }
	notRunning := func(s situation) { s.vm.Status.NodeName = "" }
	nodeChosen := func(s situation) { s.Spec.NodeSelector = map[string]string{"a": "b"} }
	atDeadline := func(s situation) { s.now, s.facts.Now = noon.Add(time.Hour), noon.Add(time.Hour) }
	// The first attempt in the phases of KubeVirt.
	queued, preparesTarget := tried(1, kubevirtv1.MigrationPending), tried(1, kubevirtv1.MigrationPreparingTarget)
	copies, fails := tried(1, kubevirtv1.MigrationRunning), tried(1, kubevirtv1.MigrationFailed)
	succeeds := tried(1, kubevirtv1.MigrationSucceeded)
	const (
		pending    = v1alpha1.OperationPending
		inProgress = v1alpha1.OperationInProgress
		succeeded  = v1alpha1.OperationSucceeded
		failed     = v1alpha1.OperationFailed
		cancelled  = v1alpha1.OperationCancelled
		skipped    = v1alpha1.OperationSkipped
	)
	type changes []func(situation)
	for name, row := range map[string]struct {
		changes changes
		phase   v1alpha1.OperationPhase
		reason  string
		words   string
		begins  int32
		removes bool
	}{
		"possible": {nil, inProgress, v1alpha1.ReasonInProgress, "attempt 1", 1, false},
		"the annotation was written, and the manager killed": {changes{marked(0, "uid")},
			inProgress, v1alpha1.ReasonInProgress, "attempt 1", 1, false},
		"KubeVirt is not installed": {changes{func(s situation) { s.served = false }},
			pending, v1alpha1.ReasonDependencyMissing, "KubeVirt is not installed", 0, false},
		"no WukongVM": {changes{func(s situation) { s.vm = nil }},
			pending, v1alpha1.ReasonSourceMissing, "WukongVM web does not exist in namespace shop", 0, false},
		"an appointment": {changes{func(s situation) { s.Spec.RequestedAt = at(time.Hour) }},
			pending, v1alpha1.ReasonAppointed, "begins at 2026-03-01T13:00:00Z", 0, false},
		"the WukongVM is younger": {changes{func(s situation) { s.vm.CreationTimestamp = at(time.Second) }},
			skipped, v1alpha1.ReasonSkipped, "create a WukongMigration with a later requestedAt", 0, false},
		"deleted and applied again": {changes{marked(0, "other")},
			skipped, v1alpha1.ReasonAlreadyHandled, "has handled a request of 2026-03-01T12:00:00Z before", 0, false},
		"a later request was handled": {changes{marked(time.Second, "other")},
			skipped, v1alpha1.ReasonSuperseded, "has handled a request later than", 0, false},
		"the annotation was removed, and the guest has moved": {changes{moved("other", nil)},
			skipped, v1alpha1.ReasonAlreadyHandled, "moved to node node1 at 2026-03-01T12:00:20Z", 0, false},
		"the guest has moved, and a node is chosen": {changes{moved("other", nil), nodeChosen},
			inProgress, v1alpha1.ReasonInProgress, "attempt 1", 1, false},
		"the guest has moved before": {changes{moved("other",
			func(state *kubevirtv1.VirtualMachineInstanceMigrationState) {
				state.StartTimestamp = ptr.To(at(-time.Minute))
			})}, inProgress, v1alpha1.ReasonInProgress, "attempt 1", 1, false},
		"another one is under way": {changes{func(s situation) { s.other = "first" }},
			pending, v1alpha1.ReasonBusy, "WukongMigration first of WukongVM web is under way", 0, false},
		"it does not run": {changes{notRunning},
			pending, v1alpha1.ReasonNotRunning, "WukongVM web does not run", 0, false},
		"not possible until the deadline": {changes{func(s situation) {
			s.vm.Status.NodeName = ""
			s.now = noon.Add(time.Hour)
		}}, failed, v1alpha1.ReasonFailed,
			"given up after deadlineSeconds (3600): WukongVM web does not run", 0, false},
		"cancelled before it began": {changes{cancel},
			cancelled, v1alpha1.ReasonCancelled, "before it began", 0, false},

		"queued": {changes{queued}, inProgress, v1alpha1.ReasonInProgress, "in KubeVirt's queue", 0, false},
		"copies": {changes{copies, moved("attempt", nil)},
			inProgress, v1alpha1.ReasonInProgress, "copied to the target node, node node2", 0, false},
		"a new phase": {changes{tried(1, "Synchronizing")},
			inProgress, v1alpha1.ReasonInProgress, "phase Synchronizing", 0, false},
		"no room": {changes{tried(1, kubevirtv1.MigrationScheduling), func(s situation) {
			s.unscheduled = "0/2 nodes: Insufficient memory"
		}}, inProgress, v1alpha1.ReasonUnschedulable, "0/2 nodes: Insufficient memory", 0, false},
		"over quota": {changes{queued, func(s situation) {
			s.attempt.Status.Conditions = []kubevirtv1.VirtualMachineInstanceMigrationCondition{
				{Type: kubevirtv1.VirtualMachineInstanceMigrationRejectedByResourceQuota, Status: corev1.ConditionTrue},
			}
		}}, inProgress, v1alpha1.ReasonQuotaExceeded, "raise the quota", 0, false},
		"copies at the deadline": {changes{copies, func(s situation) { s.now = noon.Add(2 * time.Hour) }},
			inProgress, v1alpha1.ReasonInProgress, "attempt 1", 0, false},
		"nobody looks at it": {changes{tried(1, kubevirtv1.MigrationPhaseUnset)},
			inProgress, v1alpha1.ReasonTargetStalled, "check that its virt-controller runs", 0, false},
		"prepares for long": {changes{preparesTarget, moved("attempt", nil), prepares(stalledAfter)},
			inProgress, v1alpha1.ReasonTargetStalled, "delete pod target to end the attempt", 0, false},
		"prepares for long, and is being cancelled": {changes{
			preparesTarget, moved("attempt", nil), prepares(stalledAfter), cancel, deleted,
		}, inProgress, v1alpha1.ReasonTargetStalled, "delete pod target", 0, false},
		"prepares": {changes{preparesTarget, moved("attempt", nil), prepares(stalledAfter - time.Second)},
			inProgress, v1alpha1.ReasonInProgress, "the target node prepares", 0, false},
		"to be cancelled": {changes{copies, cancel}, inProgress, v1alpha1.ReasonInProgress, "attempt 1", 0, true},
		"is being cancelled": {changes{copies, cancel, deleted},
			inProgress, v1alpha1.ReasonInProgress, "is being cancelled", 0, false},
		"cancelled": {changes{fails, cancel, deleted},
			cancelled, v1alpha1.ReasonCancelled, "(spec.cancel); the guest runs on node node1", 0, false},
		"cancelled by somebody": {changes{fails, deleted},
			cancelled, v1alpha1.ReasonCancelled, "VirtualMachineInstanceMigration attempt was deleted", 0, false},
		"cancelled too late": {changes{succeeds, cancel, deleted}, succeeded, v1alpha1.ReasonMigrated, "", 0, false},
		"succeeded": {changes{succeeds, moved("attempt", nil)},
			succeeded, v1alpha1.ReasonMigrated, "", 0, false},

		"failed": {changes{fails},
			inProgress, v1alpha1.ReasonAttemptFailed,
			"attempt 1 of 3 failed: the target was killed; the next one begins at 2026-03-01T12:01:20Z", 0, false},
		"failed and waited": {changes{fails, recorded(1, 20*time.Second)},
			inProgress, v1alpha1.ReasonInProgress, "attempt 2", 2, false},
		"failed twice": {changes{tried(2, kubevirtv1.MigrationFailed), recorded(2, 39*time.Second)},
			inProgress, v1alpha1.ReasonAttemptFailed, "attempt 2 of 3", 0, false},
		"failed twice and waited": {changes{tried(2, kubevirtv1.MigrationFailed), recorded(2, 40*time.Second)},
			inProgress, v1alpha1.ReasonInProgress, "attempt 3", 3, false},
		"failed too often": {changes{tried(3, kubevirtv1.MigrationFailed)},
			failed, v1alpha1.ReasonFailed,
			"attempt 3 of 3 failed: the target was killed; the guest runs on node node1", 0, false},
		"failed and cancelled": {changes{fails, cancel},
			cancelled, v1alpha1.ReasonCancelled, "after a failed attempt", 0, false},
		"failed, and collected since": {changes{fails, recorded(1, time.Minute), gone},
			inProgress, v1alpha1.ReasonInProgress, "attempt 2", 2, false},
		"failed, and a later request came": {changes{fails, recorded(1, time.Minute), marked(time.Second, "other")},
			failed, v1alpha1.ReasonFailed, "has handled a request later than", 0, false},
		"failed, and nothing is possible": {changes{fails, recorded(1, time.Minute), notRunning},
			inProgress, v1alpha1.ReasonNotRunning, "the next one waits: WukongVM web does not run", 0, false},
		"a lost race": {changes{fails, func(s situation) {
			s.attempt.Status.PhaseTransitionTimestamps = s.attempt.Status.PhaseTransitionTimestamps[1:]
		}}, pending, v1alpha1.ReasonBusy, "another migration at the same moment", 0, true},

		"deleted unseen, the instance knows": {changes{copies, moved("attempt", nil), gone},
			succeeded, v1alpha1.ReasonMigrated, "", 0, false},
		"deleted unseen, the node tells": {changes{copies, moved("other", nil), gone, func(s situation) {
			s.instance.Status.NodeName = "node2"
		}}, succeeded, v1alpha1.ReasonMigrated, "", 0, false},
		"deleted unseen, nothing tells": {changes{copies, gone},
			failed, v1alpha1.ReasonOutcomeUnknown, "deleted before its end was seen", 0, false},
		"deleted unseen, and cancelled": {changes{copies, gone, cancel},
			cancelled, v1alpha1.ReasonCancelled, "the guest runs on node node1", 0, false},
		"deleted unseen, and started again elsewhere": {changes{copies, gone, func(s situation) {
			s.instance.Status.NodeName, s.instance.CreationTimestamp = "node2", at(30*time.Second)
		}}, failed, v1alpha1.ReasonOutcomeUnknown, "the guest runs on node node2", 0, false},
		"the lost race is deleted": {changes{marked(0, "uid")},
			inProgress, v1alpha1.ReasonInProgress, "attempt 1", 1, false},
		"a later one waits": {changes{func(s situation) { s.later = "late" }},
			skipped, v1alpha1.ReasonSuperseded, "WukongMigration late of WukongVM web was asked for later", 0, false},
		"failed, collected, and it waits": {changes{fails, recorded(1, time.Second), gone},
			inProgress, v1alpha1.ReasonAttemptFailed, "the next one begins at", 0, false},
		"failed, and the time is lost": {changes{fails, recorded(1, time.Second), func(s situation) {
			s.Status.FailedAt = nil
		}}, inProgress, v1alpha1.ReasonAttemptFailed, "the next one begins at", 0, false},
		"failed too often, and collected": {changes{
			tried(3, kubevirtv1.MigrationFailed), recorded(3, time.Second), gone,
		},
			failed, v1alpha1.ReasonFailed, "attempt 3 of 3 failed", 0, false},
		"failed, and the deadline is over": {changes{fails, atDeadline, recorded(1, time.Minute)},
			failed, v1alpha1.ReasonFailed,
			"given up after deadlineSeconds (3600): attempt 1 failed: the target was killed", 0, false},
		"failed, and no guest is left": {changes{tried(3, kubevirtv1.MigrationFailed), func(s situation) {
			s.instance = nil
		}}, failed, v1alpha1.ReasonFailed, "the guest does not run", 0, false},
		"nobody looked until the deadline": {changes{atDeadline},
			failed, v1alpha1.ReasonFailed, "it was not started in time", 0, false},
		"status is lost, and the guest has moved to a chosen node": {changes{
			marked(0, "uid"), moved("other", nil), nodeChosen,
		}, skipped, v1alpha1.ReasonAlreadyHandled, "moved to node node1", 0, false},
		"status is lost, and the guest was started since": {changes{marked(0, "uid"), func(s situation) {
			s.instance.CreationTimestamp = at(time.Second)
		}}, failed, v1alpha1.ReasonOutcomeUnknown, "its guest was started since", 0, false},
		"a fraction of a second": {changes{marked(0, "other"), func(s situation) {
			s.Spec.RequestedAt = at(700 * time.Millisecond)
		}}, skipped, v1alpha1.ReasonAlreadyHandled, "before", 0, false},
		"status is lost, and the attempt is there": {changes{
			tried(2, kubevirtv1.MigrationRunning), marked(0, "uid"),
			func(s situation) { s.Status = v1alpha1.WukongMigrationStatus{} },
		}, inProgress, v1alpha1.ReasonInProgress, "attempt 2", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(row.changes...)
			plan := decide(s.WukongMigration, s.World)
			assert.Equal(t, row.phase, plan.state.Phase, plan.state.Message)
			assert.Equal(t, row.reason, plan.state.Reason, plan.state.Message)
			assert.Contains(t, plan.state.Message, row.words)
			assert.Equal(t, row.begins, plan.begins)
			assert.Equal(t, row.removes, plan.removes != nil)
			assert.False(t, plan.asksForFacts)
			if plan.state.Phase == pending && row.reason != v1alpha1.ReasonDependencyMissing {
				assert.Positive(t, plan.state.After, "it looks again by itself")
			}
		})
	}
}

// Nothing is read for a check of what cannot begin anyhow.
func TestFactsAreReadWhenTheyDecide(t *testing.T) {
	unread := func(s situation) { s.facts = nil }
	s := begin(unread)
	assert.True(t, decide(s.WukongMigration, s.World).asksForFacts)
	s = begin(unread, marked(0, "other"))
	assert.False(t, decide(s.WukongMigration, s.World).asksForFacts)
	s = begin(unread, tried(1, kubevirtv1.MigrationRunning))
	assert.False(t, decide(s.WukongMigration, s.World).asksForFacts)
}

func TestTheRecordOfAMigration(t *testing.T) {
	slow := func(state *kubevirtv1.VirtualMachineInstanceMigrationState) {
		state.Mode, state.MigrationPolicyName = kubevirtv1.MigrationPreCopy, ptr.To("slow")
	}
	s := begin(tried(1, kubevirtv1.MigrationSucceeded), moved("attempt", slow))
	plan := decide(s.WukongMigration, s.World)
	assert.Equal(t, v1alpha1.WukongMigrationStatus{
		Attempt: 1, MigrationName: "attempt", MigrationUID: "attempt", SourceNode: "node1", TargetNode: "node2",
		Mode: "PreCopy", PolicyName: "slow",
	}, plan.record)
	assert.Equal(t, at(20*time.Second), *plan.state.CompletedAt)
	assert.Equal(t, at(0), *started(s.WukongMigration, s.World, plan))
}
