package moverpod

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/controllers/internal/warnings"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// made is a Job that was made some time ago.
func made(ago time.Duration) *batchv1.Job {
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "monday-mover", CreationTimestamp: metav1.NewTime(now.Add(-ago)),
	}}
}

func podIn(phase corev1.PodPhase) *corev1.Pod {
	return &corev1.Pod{Status: corev1.PodStatus{Phase: phase}}
}

// events answers each list of events with these.
type events struct {
	client.Reader
	items []corev1.Event
	asked int
}

func (e *events) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	e.asked++
	list.(*corev1.EventList).Items = e.items
	return nil
}

func TestWhyAJobMakesNoPod(t *testing.T) {
	const quota = "forbidden: exceeded quota"
	const message = `(combined from similar events): Error creating: pods "monday-x7" is forbidden: exceeded quota`
	refused := func(ago time.Duration) []corev1.Event {
		return []corev1.Event{{Message: message, LastTimestamp: metav1.NewTime(now.Add(-ago))}}
	}
	ended, suspended := made(time.Hour), made(time.Hour)
	ended.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue}}
	suspended.Spec.Suspend = ptr.To(true)
	failed := podIn(corev1.PodFailed)
	failed.CreationTimestamp = metav1.NewTime(now.Add(-2 * time.Minute))
	for name, row := range map[string]struct {
		job     *batchv1.Job
		pod     *corev1.Pod
		events  []corev1.Event
		refusal string
		again   time.Duration
	}{
		"no Job":          {nil, nil, refused(time.Second), "", 0},
		"it ended":        {ended, nil, refused(time.Second), "", 0},
		"it is suspended": {suspended, nil, refused(time.Second), "", 0},
		"it has a pod":    {made(time.Hour), podIn(corev1.PodRunning), refused(time.Second), "", 0},
		"it is new": {made(10 * time.Second), nil, refused(time.Second), "",
			warnings.Patience - 10*time.Second},
		"no event":            {made(time.Hour), nil, nil, "", warnings.Patience},
		"refused":             {made(time.Hour), nil, refused(time.Minute), quota, warnings.Patience},
		"refused long ago":    {made(time.Hour), nil, refused(refusalLasts), "", warnings.Patience},
		"refused, the second": {made(time.Hour), failed, refused(time.Minute), quota, warnings.Patience},
		"refused, the first":  {made(time.Hour), failed, refused(3 * time.Minute), "", warnings.Patience},
	} {
		t.Run(name, func(t *testing.T) {
			live := &events{items: row.events}
			reader := Refusals{Live: live, Clock: clocktesting.NewFakePassiveClock(now)}
			refusal, again, err := reader.Of(t.Context(), row.job, row.pod)
			require.NoError(t, err)
			assert.Equal(t, row.refusal, refusal)
			assert.Equal(t, row.again, again)
			assert.Equal(t, again == warnings.Patience, live.asked == 1, "it is asked only when something is overdue")
		})
	}
}

// unreadable is an API server that refuses the list of events.
type unreadable struct{ client.Reader }

func (unreadable) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("forbidden")
}

func TestARefusalThatIsNotKnown(t *testing.T) {
	reader := Refusals{Live: unreadable{}, Clock: clocktesting.NewFakePassiveClock(now)}
	_, _, err := reader.Of(t.Context(), made(time.Hour), nil)
	require.EqualError(t, err, "list the events of namespace shop: forbidden")
	deleted := made(time.Hour)
	deleted.DeletionTimestamp = ptr.To(metav1.NewTime(now))
	refusal, again, err := reader.Of(t.Context(), deleted, nil)
	require.NoError(t, err, "a Job that is being deleted makes no pod")
	assert.Empty(t, refusal)
	assert.Zero(t, again)
}

// A message that differs at each try would be a write at each try.
func TestARefusalIsTheSameAtEachTry(t *testing.T) {
	for _, message := range []string{
		`Error creating: pods "monday-export-a1b2c" is forbidden: exceeded quota`,
		`Error creating: pods "monday-export-zzzzz" is forbidden: exceeded quota`,
		`(combined from similar events): Error creating: pods "monday-export-q" is forbidden: exceeded quota`,
		`pods "monday-export-q" is forbidden: exceeded quota`,
	} {
		assert.Equal(t, "forbidden: exceeded quota", steady(message))
	}
	assert.Equal(t, "Internal error occurred: webhook", steady("Error creating: Internal error occurred: webhook"))
	assert.Equal(t, `no pods "x" is here`, steady(`no pods "x" is here`))
}

func TestTheEndOfAJob(t *testing.T) {
	with := func(condition batchv1.JobConditionType, status corev1.ConditionStatus) *batchv1.Job {
		return &batchv1.Job{
			Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: condition, Status: status}}},
		}
	}
	assert.Nil(t, End(&batchv1.Job{}))
	assert.Nil(t, End(with(batchv1.JobComplete, corev1.ConditionFalse)))
	assert.Nil(t, End(with(batchv1.JobSuspended, corev1.ConditionTrue)))
	assert.Equal(t, batchv1.JobComplete, End(with(batchv1.JobComplete, corev1.ConditionTrue)).Type)
	assert.Equal(t, batchv1.JobFailed, End(with(batchv1.JobFailed, corev1.ConditionTrue)).Type)
}
