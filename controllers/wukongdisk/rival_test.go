package wukongdisk

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
)

// Of two disks that adopt one claim the older goes first. Times are whole seconds: of one second the one that has the claim keeps it.
func TestWhoGoesBefore(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	disk := func(uid types.UID, second int, claim string) *v1alpha1.WukongDisk {
		result := builder.Disk("shop", string(uid), builder.Adopting("found"))
		result.UID, result.CreationTimestamp = uid, metav1.NewTime(noon.Add(time.Duration(second)*time.Second))
		result.Status.ClaimName = claim
		return result
	}
	for name, test := range map[string]struct{ first, second *v1alpha1.WukongDisk }{
		"the older":                              {disk("b", 0, ""), disk("a", 1, "")},
		"the older, though the other has it":     {disk("b", 0, ""), disk("a", 1, "found")},
		"of one second, the one that has it":     {disk("b", 0, "found"), disk("a", 0, "")},
		"of one second, alike for all who look":  {disk("a", 0, ""), disk("b", 0, "")},
		"of one second, when both believe to be": {disk("a", 0, "found"), disk("b", 0, "found")},
	} {
		t.Run(name, func(t *testing.T) {
			assert.True(t, goesBefore(test.first, test.second))
			assert.False(t, goesBefore(test.second, test.first))
		})
	}
}
