package operation

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
)

// State is how far an operation is.
type State struct {
	Phase v1alpha1.OperationPhase
	// Ready, Reason and Message become the condition Ready.
	Ready           bool
	Reason, Message string
	// After is when to look again although no watched object changes; zero for never.
	After time.Duration
	// CompletedAt is when the work ended, where that is known better than by the time of this pass.
	CompletedAt *metav1.Time
}

// Pending is the state of an operation that has not begun, and why it has not.
func Pending(reason, format string, arguments ...any) *State {
	return &State{Phase: v1alpha1.OperationPending, Reason: reason, Message: fmt.Sprintf(format, arguments...)}
}

// InProgress is the state of an operation that has begun.
func InProgress(reason, format string, arguments ...any) *State {
	return &State{Phase: v1alpha1.OperationInProgress, Reason: reason, Message: fmt.Sprintf(format, arguments...)}
}

// Succeeded is the state of an operation that ended well.
func Succeeded(reason string) *State {
	return &State{Phase: v1alpha1.OperationSucceeded, Ready: true, Reason: reason}
}

// Failed is the state of an operation that failed. The message explains why, and what to do next.
func Failed(format string, arguments ...any) *State {
	return &State{
		Phase: v1alpha1.OperationFailed, Reason: v1alpha1.ReasonFailed, Message: fmt.Sprintf(format, arguments...),
	}
}

// Recorded is the state that a finished operation reported at its end.
func Recorded(operation v1alpha1.Operation) *State {
	recorded := &State{Phase: operation.OperationStatus().Phase}
	if ready := meta.FindStatusCondition(operation.GetConditions(), v1alpha1.ConditionReady); ready != nil {
		recorded.Ready = ready.Status == metav1.ConditionTrue
		recorded.Reason, recorded.Message = ready.Reason, ready.Message
	}
	return recorded
}

// Cancelled is the state of an operation that was broken off because its spec asks for that.
func Cancelled(format string, arguments ...any) *State {
	return &State{
		Phase: v1alpha1.OperationCancelled, Reason: v1alpha1.ReasonCancelled,
		Message: fmt.Sprintf(format, arguments...),
	}
}

// Skipped is the state of an operation that is not begun because the request for it was handled before. It is as ready
// as it can be: whoever applies an old manifest again has done nothing wrong.
func Skipped(reason, format string, arguments ...any) *State {
	return &State{
		Phase: v1alpha1.OperationSkipped, Ready: true, Reason: reason, Message: fmt.Sprintf(format, arguments...),
	}
}

// Finished reports whether the operation ends with this state.
func (s *State) Finished() bool {
	return s.Phase != v1alpha1.OperationPending && s.Phase != v1alpha1.OperationInProgress
}

// Report puts the condition Ready.
func (s *State) Report(set *conditions.Set) {
	set.Put(v1alpha1.ConditionReady, Status(s.Ready), s.Reason, s.Message)
}

// Status is a condition's status.
func Status(holds bool) metav1.ConditionStatus {
	if holds {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

// Describe is the part of status that all operations have. Started is when the first object that carries the operation
// out was created; nil before that. Times of a finished operation stay as they are.
func (s *State) Describe(
	before v1alpha1.Operation, set *conditions.Set, started *metav1.Time, now time.Time,
) v1alpha1.OperationStatus {
	described := v1alpha1.OperationStatus{
		Conditions: set.List(), ObservedGeneration: before.GetGeneration(), Phase: s.Phase, StartTime: started,
	}
	switch {
	case before.Finished():
		recorded := before.OperationStatus()
		described.Phase, described.StartTime = recorded.Phase, recorded.StartTime
		described.CompletionTime = recorded.CompletionTime
	case s.Finished() && s.CompletedAt != nil:
		described.CompletionTime = s.CompletedAt
	case s.Finished():
		at := metav1.NewTime(now.Truncate(time.Second)) // as the API server keeps it
		described.CompletionTime = &at
	}
	return described
}

// Left is how much time is left until the deadline, that many seconds after an operation began. It is zero or less when
// the deadline is over.
func Left(began time.Time, deadlineSeconds int64, now time.Time) time.Duration {
	return began.Add(time.Duration(deadlineSeconds) * time.Second).Sub(now)
}
