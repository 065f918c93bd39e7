package model

import (
	"cmp"
	"slices"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// consistencies are the levels of consistency of a snapshot, the best first.
var consistencies = []v1alpha1.SnapshotConsistency{
	v1alpha1.ConsistencyApplication, v1alpha1.ConsistencyCrash, v1alpha1.ConsistencyAny,
}

// WorseConsistency returns the worse of two levels. An unknown level counts as the worst.
func WorseConsistency(one, two v1alpha1.SnapshotConsistency) v1alpha1.SnapshotConsistency {
	rank := func(level v1alpha1.SnapshotConsistency) int {
		if at := slices.Index(consistencies, level); at >= 0 {
			return at
		}
		return len(consistencies) - 1
	}
	return consistencies[max(rank(one), rank(two))]
}

// ReachesConsistency reports whether a snapshot is as consistent as required, at least. Empty, Any is required.
func ReachesConsistency(reached, required v1alpha1.SnapshotConsistency) bool {
	required = cmp.Or(required, v1alpha1.ConsistencyAny)
	return WorseConsistency(reached, required) == required
}
