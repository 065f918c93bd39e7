package wukongvm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/fields"
)

func TestCausesOfAFailureAreWarningsButThatItStopped(t *testing.T) {
	event := func(kind, name, kindOf, reason string) fields.Set {
		return fields.Set{"involvedObject.kind": kind, "involvedObject.name": name, "type": kindOf, "reason": reason}
	}
	selector := tellWhy("web")
	assert.True(t, selector.Matches(event("VirtualMachineInstance", "web", "Warning", "SyncFailed")))
	assert.False(t, selector.Matches(event("VirtualMachineInstance", "web", "Warning", "Stopped")), "that it ended is no cause")
	assert.False(t, selector.Matches(event("VirtualMachineInstance", "web", "Normal", "Started")))
	assert.False(t, selector.Matches(event("VirtualMachineInstance", "other", "Warning", "SyncFailed")))
	assert.False(t, selector.Matches(event("Pod", "web", "Warning", "SyncFailed")))
}
