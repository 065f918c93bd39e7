package due

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/schedule"
)

// noon is a scheduled time of the schedules in these tests, which have one every hour.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func hourly(change ...func(*v1alpha1.WukongSnapshotSchedule)) *v1alpha1.WukongSnapshotSchedule {
	object := &v1alpha1.WukongSnapshotSchedule{
		ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "1", CreationTimestamp: metav1.NewTime(noon.Add(-30 * time.Minute))},
		Spec:       v1alpha1.WukongSnapshotScheduleSpec{StartingDeadlineSeconds: ptr.To[int64](600)},
	}
	for _, one := range change {
		one(object)
	}
	return object
}

func decide(t *testing.T, object *v1alpha1.WukongSnapshotSchedule, after time.Duration) Decision {
	t.Helper()
	times, err := schedule.Parse("0 * * * *", time.UTC)
	require.NoError(t, err)
	return Inputs{Object: object, Schedule: times, Now: noon.Add(after)}.Decide()
}

func handled(at time.Time) func(*v1alpha1.WukongSnapshotSchedule) {
	return func(object *v1alpha1.WukongSnapshotSchedule) {
		object.Status.LastScheduleTime = ptr.To(metav1.NewTime(at))
	}
}

func suspended(object *v1alpha1.WukongSnapshotSchedule) { object.Spec.Suspend = ptr.To(true) }

func TestWhatIsDue(t *testing.T) {
	const late = "none could be taken until startingDeadlineSeconds (600) after that time"
	at := func(object *v1alpha1.WukongSnapshotSchedule, after time.Duration, expected Decision) {
		t.Helper()
		assert.Equal(t, expected, decide(t, object, after))
	}
	due := func(hours, missed int) Decision {
		time := noon.Add(time.Duration(hours) * time.Hour)
		return Decision{Time: time, Until: time.Add(600e9), Missed: missed}
	}
	at(hourly(), -time.Second, Decision{})
	at(hourly(), 0, due(0, 0))
	at(hourly(), 10*time.Minute, due(0, 0))
	at(hourly(), 10*time.Minute+time.Second, Decision{Handled: noon, Missed: 1, Why: late})
	at(hourly(handled(noon)), time.Minute, Decision{})
	at(hourly(handled(noon)), time.Hour, due(1, 0))
	// Of many missed times one snapshot is made.
	at(hourly(handled(noon)), 400*time.Hour, due(400, 399))
	at(hourly(handled(noon)), 400*time.Hour+30*time.Minute,
		Decision{Handled: noon.Add(400 * time.Hour), Missed: 400, Why: late})
	at(hourly(handled(noon)), 40000*time.Hour, due(40000, maxMissed))
	// Times before the schedule was created never count, and neither do those while it is suspended.
	at(hourly(func(object *v1alpha1.WukongSnapshotSchedule) {
		object.CreationTimestamp = metav1.NewTime(noon)
	}), time.Minute, Decision{})
	at(hourly(handled(noon.Add(-5*time.Hour))), 0, due(0, 0))
	at(hourly(handled(noon), suspended), 5*time.Hour, Decision{Handled: noon.Add(5 * time.Hour)})
	at(hourly(handled(noon), suspended), 59*time.Minute, Decision{})
	at(hourly(handled(noon), wasSuspended), 5*time.Hour, Decision{Handled: noon.Add(5 * time.Hour)})
	// The clock was put back: what it showed does not silence the schedule.
	at(hourly(handled(noon.Add(5000*time.Hour))), 2*time.Hour+time.Minute,
		Decision{Handled: noon.Add(2 * time.Hour)})
	at(hourly(handled(noon.Add(5*time.Hour))), 6*time.Hour, due(6, 0))
	// The times of another expression were not missed.
	changed := func(object *v1alpha1.WukongSnapshotSchedule) { object.Generation = 2 }
	at(hourly(handled(noon), changed), 9*time.Hour, due(9, 0))
}

func TestJitter(t *testing.T) {
	object := hourly(handled(noon.Add(-time.Hour)), func(object *v1alpha1.WukongSnapshotSchedule) {
		object.Spec.JitterSeconds = ptr.To[int64](900)
	})
	waits := decide(t, object, 0).After
	require.Positive(t, waits, "another UID of this test has a delay of 0: choose one")
	assert.Less(t, waits, 15*time.Minute)
	assert.Equal(t, waits-time.Second, decide(t, object, time.Second).After, "the same on every look")
	decided := decide(t, object, waits)
	assert.Equal(t, noon, decided.Time)
	assert.Equal(t, noon.Add(waits).Add(10*time.Minute), decided.Until, "the deadline begins then")

	others := map[time.Duration]bool{}
	for _, uid := range []types.UID{"2", "3", "4", "5"} {
		object.UID = uid
		others[decide(t, object, 0).After] = true
	}
	assert.Greater(t, len(others), 2, "schedules begin at different times")

	object.Spec.JitterSeconds = ptr.To[int64](3600)
	times, err := schedule.Parse("* * * * *", time.UTC)
	require.NoError(t, err)
	for minute := range 50 {
		at := noon.Add(time.Duration(minute) * time.Minute)
		assert.Less(t, Inputs{Object: object, Schedule: times, Now: at}.jitter(at), time.Minute,
			"else the next time comes before it")
	}
}

func TestName(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	require.NoError(t, err)
	assert.Equal(t, "web-20260301-1200", Name("web", noon))
	assert.Equal(t, "web-20260301-1200", Name("web", noon.In(vienna)), "in UTC")
}

func wasSuspended(object *v1alpha1.WukongSnapshotSchedule) {
	object.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonSuspended,
	}}
}

// A schedule whose status was lost continues from its newest snapshot.
func TestLostStatus(t *testing.T) {
	times, err := schedule.Parse("0 * * * *", time.UTC)
	require.NoError(t, err)
	at := func(after time.Duration, taken ...string) Decision {
		return Inputs{Object: hourly(), Schedule: times, Taken: taken, Now: noon.Add(after)}.Decide()
	}
	assert.Equal(t, Decision{Handled: noon.Add(5 * time.Hour)},
		at(5*time.Hour+50*time.Minute, "web-20260301-1600", "web-20260301-1700"))
	assert.Equal(t, 1, at(7*time.Hour, "web-20260301-1700", "adopted").Missed)
	assert.Equal(t, noon.Add(time.Hour), at(time.Hour, "web-20990101-0000").Time, "the clock was put back")
}
