package harness

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// interval is how often a state is looked at.
const interval = 500 * time.Millisecond

// Until asks what is missing until nothing is, and fails with the last answer when patience ends. The time counts as
// waiting for the cause.
func Until(t testing.TB, cause string, patience time.Duration, what string, missing func(ctx context.Context) string) {
	t.Helper()
	defer Waited(t, cause, time.Now())
	ctx, cancel := context.WithTimeout(t.Context(), Scaled(patience))
	defer cancel()
	last := ""
	err := wait.PollUntilContextCancel(ctx, interval, true, func(ctx context.Context) (bool, error) {
		now := missing(ctx)
		if ctx.Err() == nil || last == "" { // an answer that the end of patience cut off says nothing
			last = now
		}
		return now == "", nil
	})
	require.NoError(t, err, "%s: not after %s: %s", what, told(patience), last)
}

// Gone waits until an object does not exist.
func (c *Cluster) Gone(ctx context.Context, obj client.Object) error {
	key := client.ObjectKeyFromObject(obj)
	return wait.PollUntilContextCancel(ctx, interval, true, func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, key, obj)
		return apierrors.IsNotFound(err) || meta.IsNoMatchError(err), nil
	})
}

// WaitGone waits until an object does not exist.
func (c *Cluster) WaitGone(t testing.TB, obj client.Object, patience time.Duration) {
	t.Helper()
	defer Waited(t, CauseDeletion, time.Now())
	ctx, cancel := context.WithTimeout(t.Context(), Scaled(patience))
	defer cancel()
	require.NoError(t, c.Gone(ctx, obj), "%T %s is still there after %s, finalizers %v", obj, obj.GetName(),
		told(patience), obj.GetFinalizers())
}

// WaitReady waits until the object says Ready with the status and, if not empty, the reason, of its current generation.
func (c *Cluster) WaitReady(
	t testing.TB, obj v1alpha1.Object, status metav1.ConditionStatus, reason string, patience time.Duration,
) *metav1.Condition {
	t.Helper()
	var ready metav1.Condition
	c.Wait(t, obj, patience, fmt.Sprintf("Ready=%s %s", status, reason), func() bool {
		ready = model.Ready(obj)
		return ready.Status == status && (reason == "" || ready.Reason == reason)
	})
	return &ready
}

// WaitCause waits until the object says Ready=False with the reason, and a message with the text. A cause may take a
// few passes to come up from the object that has it, and the same reason may speak of something else until then.
func (c *Cluster) WaitCause(
	t testing.TB, obj v1alpha1.Object, reason, text string, patience time.Duration,
) *metav1.Condition {
	t.Helper()
	var ready *metav1.Condition
	c.Wait(t, obj, patience, fmt.Sprintf("Ready=False %s: %s", reason, text), func() bool {
		ready = meta.FindStatusCondition(obj.GetConditions(), v1alpha1.ConditionReady)
		return ready != nil && ready.Status == metav1.ConditionFalse && ready.Reason == reason &&
			strings.Contains(ready.Message, text)
	})
	return ready
}

// Wait reads the object until it is as wanted. The time counts as waiting for what the object itself says that it waits
// for.
func (c *Cluster) Wait(t testing.TB, obj v1alpha1.Object, patience time.Duration, what string, wanted func() bool) {
	t.Helper()
	c.wait(t, obj, patience, what, func() string { return causeOf(obj) }, wanted)
}

// WaitFor is Wait for something that the object does not name as what it waits for.
func (c *Cluster) WaitFor(
	t testing.TB, cause string, obj v1alpha1.Object, patience time.Duration, what string, wanted func() bool,
) {
	t.Helper()
	c.wait(t, obj, patience, what, func() string { return cause }, wanted)
}

func (c *Cluster) wait(
	t testing.TB, obj v1alpha1.Object, patience time.Duration, what string, cause func() string, wanted func() bool,
) {
	t.Helper()
	object := obj.(client.Object)
	ctx, cancel := context.WithTimeout(t.Context(), Scaled(patience))
	defer cancel()
	spent := newAccount()
	defer spent.record(t)
	var unreachable error
	err := wait.PollUntilContextCancel(ctx, interval, true, func(ctx context.Context) (bool, error) {
		defer func() { spent.spend(cause()) }()
		// An API server that is busy, or starts, answers the next time.
		if unreachable = c.Get(ctx, client.ObjectKeyFromObject(object), object); unreachable != nil {
			return false, nil
		}
		return wanted(), nil
	})
	require.NoError(t, err, "%T %s is not %s after %s: phase %s, conditions %+v, last answer: %v",
		obj, obj.GetName(), what, told(patience), obj.GetPhase(), obj.GetConditions(), unreachable)
}

// causes are what tests wait for when an object has a reason.
var causes = map[string]string{
	v1alpha1.ReasonWaitingForDisk:    CauseImport,
	v1alpha1.ReasonImporting:         CauseImport,
	v1alpha1.ReasonAwaitingPoll:      CauseImport,
	v1alpha1.ReasonClaimPending:      CauseImport,
	v1alpha1.ReasonSourceNotReady:    CauseImport,
	v1alpha1.ReasonStarting:          CauseBoot,
	v1alpha1.ReasonUnschedulable:     CauseBoot,
	v1alpha1.ReasonStopping:          CauseStop,
	v1alpha1.ReasonMigrating:         CauseMigration,
	v1alpha1.ReasonMoving:            CauseMigration,
	v1alpha1.ReasonMigrationRequired: CauseMigration,
	v1alpha1.ReasonInProgress:        CauseTransfer,
	v1alpha1.ReasonTerminating:       CauseDeletion,
}

// causeOf is what an object waits for, as its own condition says.
func causeOf(obj v1alpha1.Object) string {
	if !obj.GetDeletionTimestamp().IsZero() {
		return CauseDeletion
	}
	ready := meta.FindStatusCondition(obj.GetConditions(), v1alpha1.ConditionReady)
	if ready == nil {
		return CauseOther
	}
	if cause, known := causes[ready.Reason]; known {
		return cause
	}
	return CauseOther
}
