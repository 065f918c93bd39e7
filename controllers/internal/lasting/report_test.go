package lasting

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

var start = time.Unix(1_000_000, 0)

// world is an API server, a clock, and a reconciler whose passes end as the test says.
type world struct {
	client.Client
	clock   *clocktesting.FakePassiveClock
	outcome error
	panics  bool
	refusal error
	writes  int
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	made := &world{clock: clocktesting.NewFakePassiveClock(start)}
	made.Client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.WukongDisk{}, &v1alpha1.WukongExport{}).
		WithInterceptorFuncs(interceptor.Funcs{SubResourcePatch: func(ctx context.Context, inner client.Client,
			part string, obj client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
			made.writes++
			if made.refusal != nil {
				return made.refusal
			}
			return inner.SubResource(part).Patch(ctx, obj, patch, options...)
		}}).Build()
	return made
}

func (w *world) Reconcile(context.Context, reconcile.Request) (reconcile.Result, error) {
	if w.panics {
		panic("nil map")
	}
	return reconcile.Result{RequeueAfter: time.Hour}, w.outcome
}

// telling is the reconciler with its report, for disks.
func (w *world) telling() reconcile.Reconciler {
	applier := &apply.Applier{Client: w.Client, Live: w.Client, FieldManager: "wukong-test"}
	return Telling(reconcile.Func(w.Reconcile), applier, w.clock, newDisk)
}

func (w *world) after(step time.Duration) { w.clock.SetTime(w.clock.Now().Add(step)) }

var ofRoot = reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "shop", Name: "root"}}

func (w *world) ready(t *testing.T) *metav1.Condition {
	t.Helper()
	disk := &v1alpha1.WukongDisk{}
	require.NoError(t, w.Get(t.Context(), ofRoot.NamespacedName, disk))
	return meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionReady)
}

// disk is a disk that was ready, as of generation 1, and has generation 2.
func disk() *v1alpha1.WukongDisk {
	made := builder.Disk("shop", "root")
	made.Generation = 2
	made.Status.Phase, made.Status.ObservedGeneration = v1alpha1.DiskReady, 1
	made.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady,
			LastTransitionTime: metav1.NewTime(start.Add(-time.Hour)), ObservedGeneration: 1},
		{Type: v1alpha1.ConditionUmbrellaLinked, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonUmbrellaLinked,
			LastTransitionTime: metav1.NewTime(start.Add(-time.Hour)), ObservedGeneration: 1},
	}
	return made
}

// A user sees for a moment what was, and then why nothing happens. All else in status stays as the last whole pass
// wrote it.
func TestAnErrorThatLastsIsReported(t *testing.T) {
	world := newWorld(t, disk())
	telling := world.telling()
	world.outcome = errors.Join(errors.New("get PersistentVolumeClaim root: connection refused"), errors.New("two"))
	result, err := telling.Reconcile(t.Context(), ofRoot)
	require.ErrorIs(t, err, world.outcome, "the controller retries with backoff")
	assert.Equal(t, time.Hour, result.RequeueAfter)
	world.after(patience - time.Nanosecond)
	_, err = telling.Reconcile(t.Context(), ofRoot)
	require.Error(t, err)
	assert.Zero(t, world.writes)
	assert.Equal(t, metav1.ConditionTrue, world.ready(t).Status)

	world.after(time.Nanosecond)
	_, err = telling.Reconcile(t.Context(), ofRoot)
	require.ErrorIs(t, err, world.outcome)
	found := world.ready(t)
	assert.Equal(t, metav1.ConditionFalse, found.Status)
	assert.Equal(t, v1alpha1.ReasonReconcileError, found.Reason)
	assert.Equal(t, "this object cannot be reconciled at the moment; it is retried: "+
		"get PersistentVolumeClaim root: connection refused; two", found.Message)
	assert.True(t, found.LastTransitionTime.Time.Equal(world.clock.Now()))
	after := &v1alpha1.WukongDisk{}
	require.NoError(t, world.Get(t.Context(), ofRoot.NamespacedName, after))
	assert.Equal(t, v1alpha1.DiskReady, after.Status.Phase)
	assert.EqualValues(t, 1, after.Status.ObservedGeneration, "others act on that")
	assert.True(t, meta.IsStatusConditionTrue(after.Status.Conditions, v1alpha1.ConditionUmbrellaLinked))

	world.after(time.Minute)
	_, err = telling.Reconcile(t.Context(), ofRoot)
	require.Error(t, err)
	assert.Equal(t, 1, world.writes, "the same error is one write, however long it lasts")
	world.outcome = errors.New("forbidden")
	_, err = telling.Reconcile(t.Context(), ofRoot)
	require.Error(t, err)
	assert.Contains(t, world.ready(t).Message, "forbidden")
	assert.Equal(t, 2, world.writes)
}

// Only passes without an error end the wait, and each object waits for itself.
func TestAnErrorThatComesAndGoesIsNotReported(t *testing.T) {
	world := newWorld(t, disk())
	telling := world.telling()
	for range 5 {
		for _, outcome := range []error{errors.New("conflict"), nil} {
			world.outcome = outcome
			_, _ = telling.Reconcile(t.Context(), ofRoot)
			world.after(patience)
		}
	}
	world.outcome = errors.New("conflict")
	_, _ = telling.Reconcile(t.Context(), ofRoot)
	world.after(patience)
	world.outcome = context.Canceled
	_, err := telling.Reconcile(t.Context(), ofRoot)
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, world.writes, "a manager that ends has no error")
}

// The context of the pass may have ended because it took too long, which is then the error to report.
func TestAPassThatTakesTooLongIsReported(t *testing.T) {
	world := newWorld(t, disk())
	telling := world.telling()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	world.outcome = context.DeadlineExceeded
	for range 2 {
		_, err := telling.Reconcile(ctx, ofRoot)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		world.after(patience)
	}
	assert.Contains(t, world.ready(t).Message, "context deadline exceeded")
}

func TestAPanicThatLastsIsReported(t *testing.T) {
	world := newWorld(t, disk())
	telling := world.telling()
	world.panics = true
	for range 2 {
		assert.PanicsWithValue(t, "nil map", func() { _, _ = telling.Reconcile(t.Context(), ofRoot) })
		world.after(patience)
	}
	assert.Equal(t, "this object cannot be reconciled at the moment; it is retried: a fault of Wukong, see the "+
		"manager's log: panic: nil map", world.ready(t).Message)
}

// The report is a help, and no more: its failure changes neither the error of the pass, nor what is not there.
func TestAReportThatCannotBeWritten(t *testing.T) {
	for name, world := range map[string]*world{
		"the object is deleted": newWorld(t), "it is refused": newWorld(t, disk()),
	} {
		t.Run(name, func(t *testing.T) {
			telling := world.telling()
			world.outcome, world.refusal = errors.New("first"), errors.New("second")
			for range 2 {
				_, err := telling.Reconcile(t.Context(), ofRoot)
				require.EqualError(t, err, "first")
				world.after(patience)
			}
		})
	}
}

// The conditions of a finished operation are its record: an error of its deletion must not replace how it ended.
func TestAFinishedOperationKeepsItsRecord(t *testing.T) {
	for name, row := range map[string]struct {
		completed *metav1.Time
		reported  bool
	}{
		"in progress": {nil, true}, "finished": {ptr.To(metav1.NewTime(start)), false},
	} {
		t.Run(name, func(t *testing.T) {
			export := builder.Export("shop", "root", "data")
			export.Status.CompletionTime = row.completed
			world := newWorld(t, export)
			applier := &apply.Applier{Client: world.Client, Live: world.Client}
			telling := Telling(reconcile.Func(world.Reconcile), applier, world.clock,
				func() *v1alpha1.WukongExport { return &v1alpha1.WukongExport{} })
			world.outcome = errors.New("connection refused")
			for range 2 {
				_, err := telling.Reconcile(t.Context(), ofRoot)
				require.Error(t, err)
				world.after(patience)
			}
			require.NoError(t, world.Get(t.Context(), ofRoot.NamespacedName, export))
			ready := meta.FindStatusCondition(export.Status.Conditions, v1alpha1.ConditionReady)
			assert.Equal(t, row.reported, ready != nil)
		})
	}
}
