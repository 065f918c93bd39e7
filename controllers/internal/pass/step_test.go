package pass

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

// trace records which steps ran.
type trace struct{ ran []string }

// recorded returns a step that records its run in the trace.
func recorded(name string, err error, needs ...string) Step[*trace, string, int] {
	return Do(name, func(trace *trace, _ context.Context, _ string, _ int) error {
		trace.ran = append(trace.ran, name)
		return err
	}, needs...)
}

var (
	errDown  = errors.New("connection refused")
	errQuota = &apply.RefusedError{Kind: "Secret", Name: "web", Err: errors.New("exceeded quota")}
)

func TestAFailedStepStopsThoseThatNeedIt(t *testing.T) {
	trace := &trace{}
	outcome := New("test",
		recorded("secret", errQuota),
		recorded("policy", nil),
		recorded("machine", nil, "secret", "policy"),
		recorded("release", nil, "machine"),
		recorded("services", errDown, "policy"),
		recorded("power", nil),
	).Run(t.Context(), trace, "", 0)
	assert.Equal(t, []string{"secret", "policy", "services", "power"}, trace.ran)
	require.NoError(t, outcome.Of("policy"))
	require.NoError(t, outcome.Of("power"))
	assert.Equal(t, errQuota, outcome.Of("secret"))
	require.ErrorIs(t, outcome.Of("machine"), ErrSkipped)
	require.ErrorIs(t, outcome.Of("release"), ErrSkipped)
	assert.Equal(t, errQuota, outcome.Refused())
	assert.EqualError(t, outcome.Failed(), errDown.Error(), "neither what was skipped nor what was refused is tried "+
		"again at once")
}

func TestWhatCannotBeCleanedUpIsAnEvent(t *testing.T) {
	recorder := events.NewFakeRecorder(1)
	later := reconcile.Result{RequeueAfter: time.Hour}
	assert.Equal(t, later, CleanUp(recorder, &v1alpha1.WukongDisk{}, later, nil))
	assert.Empty(t, recorder.Events)
	assert.Equal(t, reconcile.Result{RequeueAfter: RefusedRetry},
		CleanUp(recorder, &v1alpha1.WukongDisk{}, later, errDown))
	assert.Equal(t, "Warning CleanUpFailed connection refused; it is retried", <-recorder.Events)
}

func TestAStepThatWritesSeveralObjectsJoinsItsErrors(t *testing.T) {
	outcome := New("test", recorded("disks", errors.Join(errDown, errQuota))).Run(t.Context(), &trace{}, "", 0)
	assert.Equal(t, errQuota, outcome.Refused())
	assert.EqualError(t, outcome.Failed(), errDown.Error(), "what was refused does not hide what failed")
}

func TestWhatAReconcilerReturns(t *testing.T) {
	for name, row := range map[string]struct {
		steps []Step[*trace, string, int]
		after time.Duration
		err   error
	}{
		"all succeeded": {[]Step[*trace, string, int]{recorded("one", nil)}, time.Second, nil},
		"one refused": {[]Step[*trace, string, int]{recorded("one", errQuota), recorded("two", nil)},
			RefusedRetry, nil},
		"one failed": {[]Step[*trace, string, int]{recorded("one", errQuota), recorded("two", errDown)}, 0, errDown},
	} {
		reported := false
		result, err := New("test", row.steps...).Run(t.Context(), &trace{}, "", 0).Conclude(time.Second,
			func() error { reported = true; return nil })
		assert.Equal(t, reconcile.Result{RequeueAfter: row.after}, result, name)
		assert.ErrorIs(t, err, row.err, name)
		assert.Equal(t, row.err == nil, reported, "others act on a status: it says that all of the generation was done")
	}
	_, err := New("test", recorded("one", errQuota)).Run(t.Context(), &trace{}, "", 0).Conclude(time.Second,
		func() error { return errDown })
	require.ErrorIs(t, err, errDown, "the status could not be written")
	var none *Outcome
	require.NoError(t, none.Of("machine"))
	require.NoError(t, none.Refused())
	require.NoError(t, none.Failed())
}

func TestStepsLogTheOwners(t *testing.T) {
	var lines []string
	logger := funcr.New(func(_, arguments string) { lines = append(lines, arguments) }, funcr.Options{Verbosity: 1})
	disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "web-root", OwnerReferences: []metav1.OwnerReference{{Kind: "WukongVM", Name: "web"}},
	}}
	steps := New("test", Do("claim", func(*trace, context.Context, *v1alpha1.WukongDisk, int) error { return errDown }))
	steps.Run(log.IntoContext(t.Context(), logger), &trace{}, disk, 0)
	require.Len(t, lines, 1)
	for _, wanted := range []string{`"WukongVM"={"name"="web" "namespace"="shop"}`, `"step"="claim"`,
		`"error"="connection refused"`} {
		assert.Contains(t, lines[0], wanted)
	}
}

func TestAListIsChecked(t *testing.T) {
	assert.Equal(t, []string{"secret", "machine"},
		New("test", recorded("secret", nil), recorded("machine", nil, "secret")).Names())
	assert.PanicsWithValue(t, `controller test: step "machine" needs "secret", which is not an earlier step`, func() {
		New("test", recorded("machine", nil, "secret"), recorded("secret", nil))
	})
	assert.PanicsWithValue(t, `controller test: step "secret" has no name of its own`, func() {
		New("test", recorded("secret", nil), recorded("secret", nil))
	})
}
