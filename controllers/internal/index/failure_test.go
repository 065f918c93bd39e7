package index

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
)

func TestClaimsOfFailure(t *testing.T) {
	const target = "0b7c0b1e-5f0e-4d0c-9a55-0123456789ab"
	tests := map[string][]string{
		"data":                     {"own"},
		"prime-" + target:          {"own", target},
		"tmp-pvc-" + target:        {"own", target},
		"tmp-source-pvc-" + target: {"own", target},
		"prime-minister":           {"own"},
		"not-prime-" + target:      {"own"},
	}
	for name, wanted := range tests {
		event := &corev1.Event{InvolvedObject: corev1.ObjectReference{Name: name, UID: "own"}}
		assert.Equal(t, wanted, ClaimsOfFailure(event), name)
	}
}
