// Package conditions computes the conditions of an object from scratch in each pass: a condition that is not set again
// disappears, and a transition time changes only with the status.
package conditions

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// maxMessage is the longest message that the schema of metav1.Condition allows. It counts bytes, where the schema
// counts characters.
const maxMessage = 32768

// Set collects the conditions of one pass.
type Set struct {
	generation int64
	now        metav1.Time
	previous   []metav1.Condition
	current    []metav1.Condition
}

// For begins the conditions of one object.
func For(obj v1alpha1.Object, clock clock.PassiveClock) *Set {
	return &Set{
		generation: obj.GetGeneration(),
		now:        metav1.NewTime(clock.Now().Truncate(1e9)),
		previous:   obj.GetConditions(),
	}
}

// Put sets a condition.
func (s *Set) Put(conditionType string, status metav1.ConditionStatus, reason, message string) {
	condition := metav1.Condition{
		Type:               conditionType,
		Status:             status,
		Reason:             reason,
		Message:            Shorten(message, maxMessage),
		ObservedGeneration: s.generation,
		LastTransitionTime: s.now,
	}
	before := meta.FindStatusCondition(s.previous, conditionType)
	if before != nil && before.Status == status {
		condition.LastTransitionTime = before.LastTransitionTime
	}
	condition.Message = steady(before, condition)
	if at := meta.FindStatusCondition(s.current, conditionType); at != nil {
		*at = condition
		return
	}
	s.current = append(s.current, condition)
}

// True sets a condition to True.
func (s *Set) True(conditionType, reason, message string) {
	s.Put(conditionType, metav1.ConditionTrue, reason, message)
}

// False sets a condition to False.
func (s *Set) False(conditionType, reason, message string) {
	s.Put(conditionType, metav1.ConditionFalse, reason, message)
}

// Unknown sets a condition to Unknown.
func (s *Set) Unknown(conditionType, reason, message string) {
	s.Put(conditionType, metav1.ConditionUnknown, reason, message)
}

// Get returns a condition of this pass, or nil.
func (s *Set) Get(conditionType string) *metav1.Condition {
	return meta.FindStatusCondition(s.current, conditionType)
}

// List returns the conditions of this pass, in the order of Put.
func (s *Set) List() []metav1.Condition { return s.current }
