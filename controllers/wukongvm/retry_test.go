package wukongvm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

// Of everything that no watch reports, what comes first starts the next pass. It reads all the rest as well.
func TestWhenToReadAgain(t *testing.T) {
	type change = func(*v1alpha1.WukongVM, *observation)
	restoreIn := func(after time.Duration) change {
		return func(_ *v1alpha1.WukongVM, observed *observation) { observed.restore.After = after }
	}
	eventsIn := func(after time.Duration) change {
		return func(_ *v1alpha1.WukongVM, observed *observation) { observed.events.RetryAfter = after }
	}
	stallIn := func(after time.Duration) change {
		return func(_ *v1alpha1.WukongVM, observed *observation) { observed.moveFacts.stall.RetryAfter = after }
	}
	agent := func(_ *v1alpha1.WukongVM, observed *observation) {
		observed.Instance.Status.Conditions = []kubevirtv1.VirtualMachineInstanceCondition{{
			Type: kubevirtv1.VirtualMachineInstanceAgentConnected, Status: corev1.ConditionTrue,
		}}
		observed.fileSystems = []v1alpha1.GuestFileSystem{{}}
	}
	refused := func(_ *v1alpha1.WukongVM, observed *observation) { observed.serviceRefused = true }
	unseen := func(_ *v1alpha1.WukongVM, observed *observation) { observed.networks.locks.Unseen = true }
	noSecret := func(_ *v1alpha1.WukongVM, observed *observation) { observed.cloudInit.Cause = &cause.Cause{} }
	noNode := func(vm *v1alpha1.WukongVM, observed *observation) {
		observed.disks.ByName["data"].Status.Move = &v1alpha1.DiskMove{
			TargetClaimName: "data-2", Method: v1alpha1.MoveLive, Phase: v1alpha1.MovePreparing,
		}
		observed.moves = volumemove.Make(volumemove.Inputs{
			VM: vm, View: observed.View, Disks: observed.disks.ByName, Nodes: 1,
		})
	}
	for name, row := range map[string]struct {
		changes []change
		after   time.Duration
	}{
		"nothing":                       {nil, 0},
		"the restore":                   {[]change{restoreIn(4 * time.Second)}, 4 * time.Second},
		"events":                        {[]change{eventsIn(15 * time.Second)}, 15 * time.Second},
		"a move that stalls":            {[]change{stallIn(20 * time.Second)}, 20 * time.Second},
		"file systems":                  {[]change{agent}, 5 * time.Minute},
		"a refused Service":             {[]change{refused}, time.Minute},
		"an address of someone else":    {[]change{unseen}, time.Minute},
		"a node":                        {[]change{noNode}, time.Minute},
		"a Secret":                      {[]change{noSecret}, 10 * time.Second},
		"the restore, and a Secret":     {[]change{restoreIn(9 * time.Second), noSecret}, 9 * time.Second},
		"a Secret, and the restore":     {[]change{restoreIn(11 * time.Second), noSecret}, 10 * time.Second},
		"file systems, and a refusal":   {[]change{agent, refused}, time.Minute},
		"events, and no restore":        {[]change{eventsIn(time.Hour), restoreIn(0)}, time.Hour},
		"events, and a deadline before": {[]change{eventsIn(time.Hour), restoreIn(-time.Second)}, time.Hour},
		"a deadline before":             {[]change{restoreIn(-time.Second)}, 0},
		"all": {[]change{
			agent, refused, unseen, noNode, noSecret, restoreIn(time.Hour), eventsIn(time.Second), stallIn(2 * time.Second),
		}, time.Second},
	} {
		vm, observed := withData()
		run(vm, observed)
		for _, change := range row.changes {
			change(vm, observed)
		}
		assert.Equal(t, row.after, observed.retryAfter(vm, time.Now()), name)
	}
}
