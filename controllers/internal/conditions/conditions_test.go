package conditions

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

var (
	yesterday = time.Unix(1_000_000, 0)
	now       = time.Unix(1_086_400, 500)
)

func diskWith(generation int64, conditions ...metav1.Condition) *v1alpha1.WukongDisk {
	return &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Generation: generation},
		Status:     v1alpha1.WukongDiskStatus{Conditions: conditions},
	}
}

func ready(status metav1.ConditionStatus, generation int64) metav1.Condition {
	return metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: status, Reason: "Before", Message: "before",
		ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(yesterday),
	}
}

// B23: the time changes only with the status, whatever else of a condition changes.
func TestB23TransitionTime(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(now)

	same := For(diskWith(2, ready(metav1.ConditionFalse, 1)), clock)
	same.False(v1alpha1.ConditionReady, "After", "after")
	assert.Equal(t, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "After", Message: "after",
		ObservedGeneration: 2, LastTransitionTime: metav1.NewTime(yesterday),
	}, *same.Get(v1alpha1.ConditionReady))

	changed := For(diskWith(2, ready(metav1.ConditionFalse, 1)), clock)
	changed.True(v1alpha1.ConditionReady, "After", "")
	assert.Equal(t, metav1.NewTime(now.Truncate(time.Second)), changed.Get(v1alpha1.ConditionReady).LastTransitionTime,
		"in whole seconds, as the API server keeps it: a fraction would be a write in each pass")
}

func TestSetIsComputedFromScratch(t *testing.T) {
	set := For(diskWith(1, ready(metav1.ConditionTrue, 1)), clocktesting.NewFakePassiveClock(now))
	assert.Empty(t, set.List(), "what is not put again is gone")

	set.Unknown("B", "First", "")
	set.False("A", "First", "")
	set.True("B", "Second", "")
	assert.Len(t, set.List(), 2)
	assert.Equal(t, []string{"B", "A"}, []string{set.List()[0].Type, set.List()[1].Type},
		"in the order of the first put")
	assert.Equal(t, "Second", set.Get("B").Reason, "the last word counts")
}

func TestMessagesFitTheSchema(t *testing.T) {
	set := For(diskWith(1), clocktesting.NewFakePassiveClock(now))
	set.False("A", "Long", strings.Repeat("x", 100_000))
	assert.Len(t, set.Get("A").Message, maxMessage)
}
