package kubevirt

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestLack(t *testing.T) {
	condition := func(kind, status, message string) map[string]any {
		return map[string]any{"type": kind, "status": status, "message": message}
	}
	for name, test := range map[string]struct {
		phase      string
		conditions []any
		want       string
	}{
		"nothing yet": {want: "virt-operator has not begun"},
		"on the way": {
			phase:      "Deploying",
			conditions: []any{condition("Available", "False", "Deploying version v1.7.0")},
			want:       "phase Deploying: Available=False (Deploying version v1.7.0)",
		},
		"deployed, not available": {
			phase:      "Deployed",
			conditions: []any{condition("Available", "False", "virt-handler is not ready")},
			want:       "phase Deployed: Available=False (virt-handler is not ready)",
		},
		"ready": {phase: "Deployed", conditions: []any{condition("Available", "True", "All components are ready.")}},
	} {
		t.Run(name, func(t *testing.T) {
			status := map[string]any{"conditions": test.conditions}
			if test.phase != "" {
				status["phase"] = test.phase
			}
			assert.Equal(t, test.want, lack(&unstructured.Unstructured{Object: map[string]any{"status": status}}))
		})
	}
}

// TestEmulation keeps what machines run with and what the nodes' labels are made for the same.
func TestEmulation(t *testing.T) {
	for kvm, virtType := range map[bool]string{true: `"value":"kvm"`, false: `"value":"qemu"`} {
		object := newKubeVirt(kvm).Object
		emulation, found, err := unstructured.NestedBool(object, "spec", "configuration", "developerConfiguration",
			"useEmulation")
		assert.NoError(t, err)
		assert.True(t, found)
		assert.Equal(t, !kvm, emulation)
		patches, _, err := unstructured.NestedSlice(object, "spec", "customizeComponents", "patches")
		assert.NoError(t, err)
		assert.Len(t, patches, 1+len(probes))
		assert.Contains(t, patches[0].(map[string]any)["patch"], virtType)
	}
}

// TestProbesTolerateWhatTheyDid keeps a program that is busy from being taken out of its Service: only the first answer
// is waited for less long.
func TestProbesTolerateWhatTheyDid(t *testing.T) {
	for index, one := range probePatches() {
		var patch struct {
			Spec struct {
				Template corev1.PodTemplateSpec `json:"template"`
			} `json:"spec"`
		}
		require.NoError(t, json.Unmarshal([]byte(one.(map[string]any)["patch"].(string)), &patch))
		container := patch.Spec.Template.Spec.Containers[0]
		assert.Equal(t, probes[index].container, container.Name)
		require.NotNil(t, container.StartupProbe)
		assert.Equal(t, probes[index].path, container.StartupProbe.HTTPGet.Path)
		assert.Zero(t, container.ReadinessProbe.PeriodSeconds, "KubeVirt's own")
		assert.Nil(t, container.LivenessProbe)
	}
}
