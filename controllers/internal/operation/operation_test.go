package operation

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/pass"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 500, time.UTC)

func export() *v1alpha1.WukongExport {
	return &v1alpha1.WukongExport{
		ObjectMeta: metav1.ObjectMeta{Name: "backup", UID: "1", ResourceVersion: "7", Generation: 2}}
}

func described(before *v1alpha1.WukongExport, state *State, started *metav1.Time) v1alpha1.OperationStatus {
	set := conditions.For(before, clocktesting.NewFakePassiveClock(now))
	state.Report(set)
	return state.Describe(before, set, started, now)
}

func TestStatusOfAnOperation(t *testing.T) {
	began := metav1.NewTime(now.Add(-time.Minute))
	ended := metav1.NewTime(now.Add(-time.Second))

	status := described(export(), Pending(v1alpha1.ReasonSourceMissing, "no %s", "disk"), nil)
	assert.Equal(t, v1alpha1.OperationPending, status.Phase)
	assert.Nil(t, status.StartTime)
	assert.False(t, status.Finished())
	assert.Equal(t, "no disk", status.Conditions[0].Message)
	assert.EqualValues(t, 2, status.ObservedGeneration)

	status = described(export(), InProgress(v1alpha1.ReasonInProgress, "50%%"), &began)
	assert.Equal(t, &began, status.StartTime)
	assert.False(t, status.Finished())

	status = described(export(), Succeeded(v1alpha1.ReasonCompleted), &began)
	assert.Equal(t, now.Truncate(time.Second), status.CompletionTime.Time,
		"in whole seconds, as the API server keeps it")
	assert.Equal(t, metav1.ConditionTrue, status.Conditions[0].Status)

	failed := Failed("given up: %s", "pool is full")
	failed.CompletedAt = &ended
	status = described(export(), failed, &began)
	assert.Equal(t, &ended, status.CompletionTime, "the time that is known better")
	assert.Equal(t, metav1.ConditionFalse, status.Conditions[0].Status)
}

// The record of a finished operation is what it reported at its end, whatever is observed later.
func TestTheRecordOfAFinishedOperationStays(t *testing.T) {
	began, ended := metav1.NewTime(now.Add(-time.Hour)), metav1.NewTime(now.Add(-time.Minute))
	finished := export()
	finished.Status.OperationStatus = v1alpha1.OperationStatus{
		Phase: v1alpha1.OperationFailed, StartTime: &began, CompletionTime: &ended,
		Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonFailed,
			Message: "pool is full",
		}},
	}
	status := described(finished, Recorded(finished), nil)
	assert.Equal(t, v1alpha1.OperationFailed, status.Phase)
	assert.Equal(t, &began, status.StartTime)
	assert.Equal(t, &ended, status.CompletionTime)
	assert.Equal(t, "pool is full", status.Conditions[0].Message)

	status = described(finished, Succeeded(v1alpha1.ReasonCompleted), nil)
	assert.Equal(t, v1alpha1.OperationFailed, status.Phase, "also when something else would follow today")
	finished.Status.Conditions = nil
	assert.Equal(t, v1alpha1.OperationFailed, Recorded(finished).Phase, "conditions may be lost")
}

func TestLeft(t *testing.T) {
	assert.Equal(t, 20*time.Second, Left(now.Add(-40*time.Second), 60, now))
	assert.Equal(t, time.Duration(0), Left(now.Add(-time.Minute), 60, now))
	assert.Negative(t, Left(now.Add(-time.Hour), 60, now))
}

// deletions records what is deleted, and by which preconditions.
type deletions struct {
	client.Writer
	err  error
	made []client.DeleteOptions
}

func (d *deletions) Delete(_ context.Context, _ client.Object, options ...client.DeleteOption) error {
	made := client.DeleteOptions{}
	made.ApplyOptions(options)
	d.made = append(d.made, made)
	return d.err
}

func nothing(context.Context) error { return nil }

func TestTheEndOfAnOperation(t *testing.T) {
	completed := func(ttl *int64, ago time.Duration) *v1alpha1.WukongExport {
		finished := export()
		finished.Spec.TTLSecondsAfterFinished = ttl
		finished.Status.CompletionTime = ptr.To(metav1.NewTime(now.Add(-ago)))
		return finished
	}
	deleting := completed(ptr.To[int64](60), time.Hour)
	deleting.DeletionTimestamp = ptr.To(metav1.NewTime(now))
	minute := reconcile.Result{RequeueAfter: time.Minute}
	for name, row := range map[string]struct {
		operation *v1alpha1.WukongExport
		result    reconcile.Result
		after     time.Duration
		deleted   bool
	}{
		"not finished":  {export(), minute, time.Minute, false},
		"kept for ever": {completed(nil, time.Hour), reconcile.Result{}, 0, false},
		"not over": {completed(ptr.To[int64](60), 40*time.Second), reconcile.Result{},
			20 * time.Second, false},
		"not over, another try sooner": {completed(ptr.To[int64](600), 0), minute, time.Minute, false},
		"not over, another try later":  {completed(ptr.To[int64](60), 40*time.Second), minute, 20 * time.Second, false},
		"over":                         {completed(ptr.To[int64](60), time.Minute), reconcile.Result{}, 0, true},
		"at once":                      {completed(ptr.To[int64](0), 0), reconcile.Result{}, 0, true},
		"being deleted":                {deleting, reconcile.Result{}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			made := &deletions{}
			result := End(t.Context(), made, events.NewFakeRecorder(1), row.operation, row.result, now, nothing)
			assert.Equal(t, row.after, result.RequeueAfter)
			require.Len(t, made.made, map[bool]int{true: 1}[row.deleted])
			if row.deleted {
				assert.Equal(t, ptr.To(row.operation.UID), made.made[0].Preconditions.UID)
				assert.Equal(t, ptr.To("7"), made.made[0].Preconditions.ResourceVersion,
					"whoever changes it now, keeps it")
			}
		})
	}
}

// What fails after the end is reported in an event and retried; the operation is not deleted before all of it is done.
func TestACleanUpThatFails(t *testing.T) {
	finished := export()
	finished.Spec.TTLSecondsAfterFinished = ptr.To[int64](0)
	finished.Status.CompletionTime = ptr.To(metav1.NewTime(now))
	made, recorder := &deletions{}, events.NewFakeRecorder(2)
	result := End(t.Context(), made, recorder, finished, reconcile.Result{}, now, func(context.Context) error {
		return errors.New("the Job cannot be deleted")
	})
	assert.Equal(t, pass.RefusedRetry, result.RequeueAfter)
	assert.Empty(t, made.made)
	assert.Contains(t, <-recorder.Events, "the Job cannot be deleted")

	made.err = errors.New("the API server is away")
	result = End(t.Context(), made, recorder, finished, reconcile.Result{}, now, nothing)
	assert.Equal(t, pass.RefusedRetry, result.RequeueAfter)
	assert.Contains(t, <-recorder.Events,
		"delete backup, whose ttlSecondsAfterFinished is over: the API server is away")
}

// An operation that was changed since it was read is looked at again: ttlSecondsAfterFinished may be gone.
func TestAnOperationThatWasJustChangedIsNotDeleted(t *testing.T) {
	finished := export()
	finished.Spec.TTLSecondsAfterFinished = ptr.To[int64](0)
	finished.Status.CompletionTime = ptr.To(metav1.NewTime(now))
	made := &deletions{err: apierrors.NewConflict(schema.GroupResource{}, "backup", nil)}
	recorder := events.NewFakeRecorder(1)
	result := End(t.Context(), made, recorder, finished, reconcile.Result{}, now, nothing)
	assert.Equal(t, again, result.RequeueAfter)
	assert.Empty(t, recorder.Events)
}
