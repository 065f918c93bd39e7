package wukong

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
)

// maxChildMessage limits one child's message in status.children, in bytes: a hundred children must fit into one
// object.
const maxChildMessage = 2048

// writeStatus computes the status from scratch and writes it when it differs.
func (r *Reconciler) writeStatus(ctx context.Context, wukong *v1alpha1.Wukong, children []child) error {
	after := wukong.DeepCopy()
	set := conditions.For(wukong, r.clock)
	after.Status = aggregate(wukong, children)
	report(set, wukong, parts(children))
	after.Status.Conditions = set.List()
	return r.applier.Status(ctx, wukong, after)
}

// aggregate returns the status without its conditions.
func aggregate(wukong *v1alpha1.Wukong, children []child) v1alpha1.WukongStatus {
	parts := parts(children)
	status := v1alpha1.WukongStatus{
		ObservedGeneration: wukong.Generation,
		Phase:              aggregatePhase(parts),
		Summary:            fmt.Sprintf("%d/%d", countReady(parts), len(parts)),
		Counts:             count(children),
		Children:           list(children),
	}
	if !wukong.DeletionTimestamp.IsZero() {
		status.Phase = v1alpha1.PhaseTerminating
	}
	return status
}

// report sets the conditions. The umbrella is ready when its parts are.
func report(set *conditions.Set, wukong *v1alpha1.Wukong, parts []model.Part) {
	const nobody = "no WukongVM, disk, image or network refers to this Wukong in spec.wukongRef yet"
	found := model.Deepest(parts)
	switch {
	case len(parts) == 0:
		set.Unknown(v1alpha1.ConditionChildrenReady, v1alpha1.ReasonNoChildren, nobody)
		set.Unknown(v1alpha1.ConditionReady, v1alpha1.ReasonNoChildren, nobody)
	case found == nil:
		set.True(v1alpha1.ConditionChildrenReady, v1alpha1.ReasonChildrenReady, "")
		set.True(v1alpha1.ConditionReady, v1alpha1.ReasonChildrenReady, "")
	default:
		set.False(v1alpha1.ConditionChildrenReady, v1alpha1.ReasonChildNotReady,
			fmt.Sprintf("%d of %d are ready", countReady(parts), len(parts)))
		set.False(v1alpha1.ConditionReady, v1alpha1.ReasonChildNotReady, found.Explain())
	}
	if !wukong.DeletionTimestamp.IsZero() {
		set.False(v1alpha1.ConditionReady, v1alpha1.ReasonTerminating,
			"the application is being deleted, and its objects with it")
	}
}

func countReady(parts []model.Part) int {
	ready := 0
	for i := range parts {
		if parts[i].IsReady() {
			ready++
		}
	}
	return ready
}

// count counts by kind, in the order of the list of kinds. A kind without children is omitted.
func count(children []child) []v1alpha1.ChildCount {
	var counts []v1alpha1.ChildCount
	for i := range children {
		at := slices.IndexFunc(counts, func(c v1alpha1.ChildCount) bool { return c.Kind == children[i].Kind })
		if at < 0 {
			at = len(counts)
			counts = append(counts, v1alpha1.ChildCount{Kind: children[i].Kind})
		}
		counts[at].Total++
		if children[i].IsReady() {
			counts[at].Ready++
		}
	}
	return counts
}

// list returns the children that are not ready first, parts before operations, then by kind and name.
func list(children []child) []v1alpha1.ChildStatus {
	sorted := slices.Clone(children)
	slices.SortFunc(sorted, func(one, two child) int {
		if one.IsReady() != two.IsReady() {
			if two.IsReady() {
				return -1
			}
			return 1
		}
		if one.operation != two.operation && !one.IsReady() {
			if two.operation {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(one.Kind, two.Kind), cmp.Compare(one.Name, two.Name))
	})
	if len(sorted) > v1alpha1.MaxReportedChildren {
		sorted = sorted[:v1alpha1.MaxReportedChildren]
	}
	var statuses []v1alpha1.ChildStatus
	for i := range sorted {
		status := v1alpha1.ChildStatus{
			Kind:   sorted[i].Kind,
			Name:   sorted[i].Name,
			Ready:  sorted[i].Ready.Status,
			Phase:  sorted[i].Phase,
			Reason: sorted[i].Ready.Reason,
		}
		if !sorted[i].IsReady() {
			status.Message = conditions.Shorten(sorted[i].Ready.Message, maxChildMessage)
		}
		statuses = append(statuses, status)
	}
	return statuses
}
