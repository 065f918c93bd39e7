package model

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Ready returns the condition Ready of an object, if it was observed for the current generation. Otherwise it returns a
// condition with status Unknown.
func Ready(obj v1alpha1.Object) metav1.Condition {
	ready := meta.FindStatusCondition(obj.GetConditions(), v1alpha1.ConditionReady)
	if ready == nil || ready.ObservedGeneration != obj.GetGeneration() {
		return metav1.Condition{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionUnknown,
			Reason: v1alpha1.ReasonNotObserved, Message: "its controller has not looked at it yet",
		}
	}
	return *ready
}

// Part is an object on which the readiness of an application depends.
type Part struct {
	Kind, Name string
	// Ready is the condition that the function Ready returns.
	Ready    metav1.Condition
	Phase    string
	Deleting bool
}

// PartOf returns the part for an object of a kind, such as WukongDisk.
func PartOf(kind string, obj v1alpha1.Object) Part {
	return Part{
		Kind: kind, Name: obj.GetName(), Ready: Ready(obj), Phase: obj.GetPhase(),
		Deleting: !obj.GetDeletionTimestamp().IsZero(),
	}
}

// IsReady reports whether the part is ready.
func (p *Part) IsReady() bool { return p.Ready.Status == metav1.ConditionTrue }

// Explain returns the kind and name of the part, followed by the cause that it reports.
func (p *Part) Explain() string {
	return fmt.Sprintf("%s %s: %s", p.Kind, p.Name, cmp.Or(p.Ready.Message, p.Ready.Reason))
}

// Deepest returns the part that explains best why an application is not ready, or nil if all parts are ready. It
// prefers an error to a part that only needs time. Of two parts with the same rank it prefers the cause to the
// consequence, because the message of a WukongVM only repeats that of its disk. The last criterion is the name, so that
// equal states give equal messages.
func Deepest(parts []Part) *Part {
	var found *Part
	for i := range parts {
		candidate := &parts[i]
		if candidate.IsReady() {
			continue
		}
		if found == nil || compareCauses(candidate, found) < 0 {
			found = candidate
		}
	}
	return found
}

// depths lists the kinds of parts, causes before consequences: a WukongVM that waits for a disk is not ready because of
// the disk.
var depths = []string{"WukongNetwork", "WukongImage", "WukongDisk", "WukongVM"}

func compareCauses(one, two *Part) int {
	return cmp.Or(
		cmp.Compare(one.rank(), two.rank()),
		cmp.Compare(slices.Index(depths, one.Kind), slices.Index(depths, two.Kind)),
		cmp.Compare(one.Name, two.Name),
	)
}

// rank returns how well a part that is not ready explains the state of the application; the lowest rank explains it
// best.
func (p *Part) rank() int {
	switch {
	case p.Deleting:
		return 3 // a user requested that
	case p.Phase == string(v1alpha1.PhaseError):
		return 0
	case p.Phase == string(v1alpha1.DiskAwaitingConsumer):
		return 2 // it waits for its WukongVM, not the WukongVM for it
	default:
		return 1
	}
}
