package dvstate

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
)

func TestProgress(t *testing.T) {
	tests := map[cdiv1.DataVolumeProgress]*int32{
		"": nil, "N/A": nil, "-1%": nil, "101%": nil,
		"0.00%": ptr.To(int32(0)), "9.99%": ptr.To(int32(0)), "10.0%": ptr.To(int32(10)), "99.9%": ptr.To(int32(90)), "100.0%": ptr.To(int32(100)),
	}
	for text, expected := range tests {
		assert.Equal(t, expected, Progress(text), "progress of %q", text)
	}
}
