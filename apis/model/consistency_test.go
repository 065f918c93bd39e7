package model

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestConsistency(t *testing.T) {
	const application, crash, weakest = v1alpha1.ConsistencyApplication, v1alpha1.ConsistencyCrash, v1alpha1.ConsistencyAny
	assert.Equal(t, crash, WorseConsistency(application, crash))
	assert.Equal(t, crash, WorseConsistency(crash, application))
	assert.Equal(t, weakest, WorseConsistency(application, ""), "an unknown level is the worst")
	for required, reached := range map[v1alpha1.SnapshotConsistency][]v1alpha1.SnapshotConsistency{
		application: {application},
		crash:       {application, crash},
		weakest:     {application, crash, weakest, ""},
		"":          {application, crash, weakest, ""},
	} {
		for _, one := range []v1alpha1.SnapshotConsistency{application, crash, weakest, ""} {
			assert.Equal(t, slices.Contains(reached, one), ReachesConsistency(one, required),
				"%q, and %q is required", one, required)
		}
	}
}
