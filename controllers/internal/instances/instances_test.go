package instances

import (
	"testing"

	"github.com/stretchr/testify/assert"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

// keep copies what this package reads.
func keep(full, kept *kubevirtv1.VirtualMachineInstance) {
	kept.Status.FSFreezeStatus, kept.Status.MigrationState = full.Status.FSFreezeStatus, full.Status.MigrationState
}

func TestWhatGoesOnAtAnInstance(t *testing.T) {
	type state = kubevirtv1.VirtualMachineInstanceMigrationState
	instance := keeptest.Object(&kubevirtv1.VirtualMachineInstance{}, keep)
	assert.False(t, IsFrozen(instance))
	assert.False(t, IsMigrating(instance))
	instance.Status.FSFreezeStatus = "frozen"
	assert.True(t, IsFrozen(instance))
	for _, row := range []struct {
		state    state
		migrates bool
	}{{state{}, true}, {state{Completed: true}, false}, {state{Failed: true}, false},
		{state{Completed: true, Failed: true}, false}} {
		instance.Status.MigrationState = &row.state
		assert.Equal(t, row.migrates, IsMigrating(instance), "%+v", row.state)
	}
}
