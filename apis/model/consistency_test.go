package model

import (
	"slices"
	"testing"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestConsistency(t *testing.T) {
	type level = v1alpha1.SnapshotConsistency
	const application, crash, weakest = v1alpha1.ConsistencyApplication, v1alpha1.ConsistencyCrash, v1alpha1.ConsistencyAny
	for _, row := range [][3]level{
		{application, crash, crash}, {crash, application, crash}, {crash, crash, crash},
		{application, "", weakest}, // an unknown level is the worst
	} {
		if worse := WorseConsistency(row[0], row[1]); worse != row[2] {
			t.Errorf("the worse of %q and %q is %q, not %q", row[0], row[1], worse, row[2])
		}
	}
	for required, reaching := range map[level][]level{
		application: {application},
		crash:       {application, crash},
		weakest:     {application, crash, weakest, ""},
		"":          {application, crash, weakest, ""},
	} {
		for _, reached := range []level{application, crash, weakest, ""} {
			if ReachesConsistency(reached, required) != slices.Contains(reaching, reached) {
				t.Errorf("%q is required: wrong about %q", required, reached)
			}
		}
	}
}
