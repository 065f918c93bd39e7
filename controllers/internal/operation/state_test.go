package operation

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Every state but two ends an operation for ever: one that is listed wrongly would be carried out twice, or never.
func TestWhichStatesEndAnOperation(t *testing.T) {
	began := metav1.NewTime(now.Add(-time.Minute))
	for name, row := range map[string]struct {
		state    *State
		finished bool
		ready    metav1.ConditionStatus
		reason   string
	}{
		"pending": {Pending(v1alpha1.ReasonSourceMissing, "no disk"), false, metav1.ConditionFalse,
			v1alpha1.ReasonSourceMissing},
		"in progress": {InProgress(v1alpha1.ReasonInProgress, "40 %%"), false, metav1.ConditionFalse,
			v1alpha1.ReasonInProgress},
		"succeeded": {Succeeded(v1alpha1.ReasonCompleted), true, metav1.ConditionTrue, v1alpha1.ReasonCompleted},
		"failed":    {Failed("no room"), true, metav1.ConditionFalse, v1alpha1.ReasonFailed},
		"cancelled": {Cancelled("by spec.cancel"), true, metav1.ConditionFalse, v1alpha1.ReasonCancelled},
		"skipped": {Skipped(v1alpha1.ReasonCompleted, "it was handled"), true, metav1.ConditionTrue,
			v1alpha1.ReasonCompleted},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.finished, row.state.Finished())
			status := described(export(), row.state, &began)
			assert.Equal(t, row.finished, status.Finished())
			assert.Equal(t, row.state.Phase, status.Phase)
			require.Len(t, status.Conditions, 1)
			assert.Equal(t, row.ready, status.Conditions[0].Status)
			assert.Equal(t, row.reason, status.Conditions[0].Reason)
			assert.EqualValues(t, 2, status.Conditions[0].ObservedGeneration)
			if !row.finished {
				return
			}
			recorded := export()
			recorded.Status.OperationStatus = status
			again := Recorded(recorded)
			assert.Equal(t, row.state.Ready, again.Ready, "what was recorded is what was reported")
			assert.Equal(t, row.state.Reason, again.Reason)
			assert.Equal(t, row.state.Message, again.Message)
			assert.True(t, again.Finished())
			assert.Equal(t, status, described(recorded, again, nil), "a later pass writes nothing")
		})
	}
}

// A percent sign of another program's text is no format.
func TestTextsThatLookLikeAFormat(t *testing.T) {
	assert.Equal(t, "pool 100%d full", Failed("%s", "pool 100%d full").Message)
	assert.Equal(t, "a b", Cancelled("%s %s", "a", "b").Message)
	assert.Equal(t, "a b", Skipped("Reason", "%s %s", "a", "b").Message)
}

// What is deleted already needs no deletion, and nothing is cleaned up after an operation that still runs.
func TestEndsThatNeedNothing(t *testing.T) {
	finished := export()
	finished.Spec.TTLSecondsAfterFinished = ptr.To[int64](0)
	finished.Status.CompletionTime = ptr.To(metav1.NewTime(now))
	made := &deletions{err: apierrors.NewNotFound(schema.GroupResource{}, "backup")}
	recorder := events.NewFakeRecorder(1)
	result := End(t.Context(), made, recorder, finished, reconcile.Result{}, now, nothing)
	assert.Equal(t, reconcile.Result{}, result)
	assert.Empty(t, recorder.Events)
	assert.Len(t, made.made, 1)

	cleaned := 0
	count := func(context.Context) error { cleaned++; return nil }
	End(t.Context(), made, recorder, export(), reconcile.Result{}, now, count)
	assert.Zero(t, cleaned)
	finished.DeletionTimestamp = ptr.To(metav1.NewTime(now))
	End(t.Context(), made, recorder, finished, reconcile.Result{}, now, count)
	assert.Equal(t, 1, cleaned, "one that a user deletes is cleaned up, too")
	assert.Len(t, made.made, 1)
}

// A clock that was set back or forward neither deletes an operation early, nor keeps it for ever.
func TestTheRemainingTime(t *testing.T) {
	assert.Equal(t, 2*time.Minute, Left(now.Add(time.Minute), 60, now), "it ended in the future")
	assert.Equal(t, time.Duration(0), Left(now, 0, now))
	assert.Equal(t, 60*time.Second, Left(now.In(time.FixedZone("far", 9*3600)), 60, now))
}
