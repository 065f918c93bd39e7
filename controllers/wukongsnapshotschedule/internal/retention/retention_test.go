package retention

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// snapshots makes one for each word, the newest first and an hour apart: good, changed, failed, lost, error, taking,
// deleting, or pinned. They are named 0, 1, 2 and so on.
func snapshots(words string) []*v1alpha1.WukongSnapshot {
	var made []*v1alpha1.WukongSnapshot
	for i, word := range strings.Fields(words) {
		at := metav1.NewTime(now.Add(-time.Duration(i) * time.Hour))
		snapshot := &v1alpha1.WukongSnapshot{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint(i), CreationTimestamp: at, Labels: map[string]string{},
		}}
		status, ready := &snapshot.Status, metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse}
		switch word {
		case "failed", "pinnedFailed":
			status.Phase, status.CompletionTime = v1alpha1.OperationFailed, &at
		case "lost", "error":
			status.Phase, status.CompletionTime, status.TakenAt = v1alpha1.OperationSucceeded, &at, &at
			ready.Reason = map[string]string{"lost": v1alpha1.ReasonSnapshotLost, "error": v1alpha1.ReasonSnapshotError}[word]
		case "taking":
			status.Phase = v1alpha1.OperationInProgress
		default:
			status.Phase, status.CompletionTime, status.TakenAt = v1alpha1.OperationSucceeded, &at, &at
			ready.Status = metav1.ConditionTrue
		}
		switch word {
		case "pinned", "pinnedFailed":
			snapshot.Labels[v1alpha1.LabelPinned] = "true"
		case "deleting":
			snapshot.DeletionTimestamp = &at
		case "changed": // its controller has not looked at the change yet
			snapshot.Generation = 2
		}
		status.Conditions = []metav1.Condition{ready}
		made = append(made, snapshot)
	}
	return made
}

func TestWhatIsDeleted(t *testing.T) {
	count := func(number int32) v1alpha1.SnapshotRetention {
		return v1alpha1.SnapshotRetention{MaxCount: &number, FailedToKeep: ptr.To[int32](1)}
	}
	age := func(hours int64) v1alpha1.SnapshotRetention {
		return v1alpha1.SnapshotRetention{MaxAgeSeconds: ptr.To(hours * 3600), FailedToKeep: ptr.To[int32](1)}
	}
	both := func(number int32, hours int64) v1alpha1.SnapshotRetention {
		limits := count(number)
		limits.MaxAgeSeconds = age(hours).MaxAgeSeconds
		return limits
	}
	for name, row := range map[string]struct {
		limits    v1alpha1.SnapshotRetention
		snapshots string
		deleted   string
		kept      int
	}{
		"none":                         {count(3), "", "", 0},
		"as many as are kept":          {count(3), "good good good", "", 3},
		"one more":                     {count(3), "good good good good", "3", 3},
		"two more":                     {count(1), "good good good", "1 2", 1},
		"one that is being taken":      {count(2), "taking good good", "", 2},
		"one that is being deleted":    {count(2), "good deleting good", "", 2},
		"a failed one counts for none": {count(2), "failed good good", "", 2},
		"failed ones":                  {count(2), "failed failed good lost", "1 3", 1},
		"no failed one is kept": {
			v1alpha1.SnapshotRetention{MaxCount: ptr.To[int32](2), FailedToKeep: ptr.To[int32](0)}, "failed good lost", "0 2", 1,
		},
		"none is good, all are lost":         {count(2), "lost lost lost", "1 2", 0},
		"their specs were changed":           {count(9), "changed changed changed", "", 3},
		"their specs were changed, too many": {count(2), "changed changed changed", "2", 2},
		"the storage reports an error":       {count(1), "error error good good", "3", 1},
		"a pinned one counts for none":       {count(2), "good pinned good good", "3", 2},
		"a pinned one is never too many":     {count(1), "good good pinned", "1", 1},
		"the newest one is pinned":           {count(1), "pinned good good", "2", 1},
		"a failed one is pinned":             {count(1), "failed pinnedFailed good", "", 1},
		"young enough":                       {age(3), "good good good", "", 3},
		"too old at the very moment":         {age(2), "good good good", "2", 2},
		"the newest one is never too old":    {age(1), "failed failed failed good good", "1 2 4", 1},
		"a pinned one is never too old":      {age(1), "good pinned", "", 1},
		"too many, and young enough":         {both(2, 9), "good good good", "2", 2},
		"few enough, and too old":            {both(9, 1), "good good good", "1 2", 1},
		"the clock was put back":             {age(1), "good good", "1", 1},
		"a used one is spared":               {count(1), "good used", "", 1},
		"another one is deleted meanwhile":   {count(1), "good used good", "2", 1},
		"a used one that failed is spared":   {count(1), "failed good usedFailed", "", 1},
		"a used one does not take up space":  {count(2), "good good used good", "3", 2},
	} {
		t.Run(name, func(t *testing.T) {
			used := map[string]bool{}
			for i, word := range strings.Fields(row.snapshots) {
				used[fmt.Sprint(i)] = strings.HasPrefix(word, "used")
			}
			given := snapshots(strings.NewReplacer("usedFailed", "failed", "used", "good").Replace(row.snapshots))
			slices.Reverse(given) // the order of the list does not matter
			decided := Inputs{Spec: row.limits, Snapshots: given, Used: used, Now: now}.Decide()
			var names []string
			for _, one := range decided.Delete {
				names = append(names, one.Name)
			}
			slices.Sort(names)
			assert.Equal(t, row.deleted, strings.Join(names, " "))
			assert.Equal(t, row.kept, decided.Kept)
			assert.Equal(t, strings.Contains(row.snapshots, "used"), decided.Spared)
		})
	}
}

// A pass begins at the moment when a snapshot is too old.
func TestWhenTheNextOneIsTooOld(t *testing.T) {
	limits := v1alpha1.SnapshotRetention{MaxAgeSeconds: ptr.To[int64](3 * 3600)}
	after := func(words string) time.Duration {
		return Inputs{Spec: limits, Snapshots: snapshots(words), Now: now}.Decide().After
	}
	assert.Zero(t, after("good"), "the newest one is never")
	assert.Equal(t, 2*time.Hour, after("good good"))
	assert.Equal(t, time.Hour, after("good good good"))
	assert.Equal(t, 2*time.Hour, after("good good pinned"))
	limits.MaxAgeSeconds = nil
	assert.Zero(t, after("good good"))
}

// A month with a snapshot every hour, of which 24 are kept: what a simulation of all deletions keeps is what the words
// say.
func TestAMonth(t *testing.T) {
	limits := v1alpha1.SnapshotRetention{MaxCount: ptr.To[int32](24), MaxAgeSeconds: ptr.To[int64](48 * 3600)}
	var live []*v1alpha1.WukongSnapshot
	for hour := range 31 * 24 {
		at := now.Add(time.Duration(hour) * time.Hour)
		taken := snapshots("good")[0]
		taken.Name, taken.CreationTimestamp = fmt.Sprint(hour), metav1.NewTime(at)
		taken.Status.TakenAt, taken.Status.CompletionTime = &taken.CreationTimestamp, &taken.CreationTimestamp
		live = append(live, taken)
		for _, old := range (Inputs{Spec: limits, Snapshots: live, Now: at}).Decide().Delete {
			live = slices.DeleteFunc(live, func(one *v1alpha1.WukongSnapshot) bool { return one == old })
		}
		assert.LessOrEqual(t, len(live), 24)
	}
	assert.Len(t, live, 24)
	assert.Equal(t, fmt.Sprint(31*24-24), live[0].Name)
}

// The clock of the storage does not decide which snapshot is the newest one, and which is too old.
func TestTheClockOfTheStorage(t *testing.T) {
	created, finished := metav1.NewTime(now), metav1.NewTime(now.Add(time.Minute))
	taken := func(after time.Duration) time.Time {
		snapshot := &v1alpha1.WukongSnapshot{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: created}}
		snapshot.Status.TakenAt, snapshot.Status.CompletionTime = ptr.To(metav1.NewTime(now.Add(after))), &finished
		return TakenAt(snapshot)
	}
	assert.Equal(t, now.Add(30*time.Second), taken(30*time.Second))
	assert.Equal(t, now, taken(-50*365*24*time.Hour), "1976")
	assert.Equal(t, finished.Time, taken(24*time.Hour), "tomorrow")
	assert.Equal(t, now, TakenAt(&v1alpha1.WukongSnapshot{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: created}}))
}
