package dvstate

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
)

// Fault D.5: a lasting fault costs a bounded number of writes.
func TestRestartsAreCountedCoarsely(t *testing.T) {
	var reported []int32
	for count := range int32(100_000) {
		restarts := Restarts(&cdiv1.DataVolume{Status: cdiv1.DataVolumeStatus{RestartCount: count}})
		if len(reported) == 0 || reported[len(reported)-1] != restarts {
			reported = append(reported, restarts)
		}
	}
	assert.Equal(t, []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20}, reported[:12])
	assert.Len(t, reported, 1+5*9, "a year of tries")
}

func TestProgress(t *testing.T) {
	tests := map[cdiv1.DataVolumeProgress]*int32{
		"": nil, "N/A": nil, "NaN%": nil, "-1%": nil, "101%": nil,
		"0.00%": ptr.To(int32(0)), "9.99%": ptr.To(int32(0)), "10.0%": ptr.To(int32(10)), "99.9%": ptr.To(int32(90)),
		"100.0%": ptr.To(int32(100)),
	}
	for text, expected := range tests {
		assert.Equal(t, expected, Progress(text), "progress of %q", text)
	}
}
