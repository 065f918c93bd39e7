package cdi

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestLack(t *testing.T) {
	status := func(fields map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"status": fields}}
	}
	degraded := []any{map[string]any{"type": "Degraded", "status": "True", "message": "cdi-apiserver is not ready"}}
	assert.Equal(t, "cdi-operator has not begun", lack(status(map[string]any{})))
	assert.Equal(t, "phase Deploying: Degraded=True (cdi-apiserver is not ready)",
		lack(status(map[string]any{"phase": "Deploying", "conditions": degraded})))
	assert.Empty(t, lack(status(map[string]any{"phase": "Deployed"})))
}

// TestProgramsOfImages keeps the programs that are copied into the image and those that its names start in step.
func TestProgramsOfImages(t *testing.T) {
	for name := range entrypoints {
		assert.Contains(t, programs, name)
	}
}
