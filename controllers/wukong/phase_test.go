package wukong

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// of returns a child of a kind in a phase, for example "WukongVM", "Running". It is ready in the phases in which its
// kind is.
func of(kind, name, phase string) child {
	status := metav1.ConditionFalse
	switch phase {
	case "Ready", "Running", "Stopped", "Migrating":
		status = metav1.ConditionTrue
	case "":
		status = metav1.ConditionUnknown
	}
	return child{Part: model.Part{
		Kind: kind, Name: name, Phase: phase,
		Ready: metav1.Condition{Type: v1alpha1.ConditionReady, Status: status, Reason: "Because",
			Message: name + " is " + phase},
	}}
}

func vm(phase string) child      { return of("WukongVM", "web", phase) }
func disk(phase string) child    { return of("WukongDisk", "root", phase) }
func network(phase string) child { return of("WukongNetwork", "lan", phase) }

func deleting(c child) child {
	c.Deleting, c.Phase, c.Ready.Status = true, "Terminating", metav1.ConditionFalse
	return c
}

func TestAggregatePhase(t *testing.T) {
	tests := map[string]struct {
		children []child
		phase    v1alpha1.Phase
	}{
		"nobody":                {nil, v1alpha1.PhasePending},
		"not looked at yet":     {[]child{vm("")}, v1alpha1.PhasePending},
		"a machine that waits":  {[]child{vm("Pending"), disk("Ready")}, v1alpha1.PhasePending},
		"a disk that is filled": {[]child{vm("Pending"), disk("Importing")}, v1alpha1.PhaseCreating},
		"a machine that is made": {[]child{vm("Creating"), disk("Ready"), network("Ready")},
			v1alpha1.PhaseCreating},
		"a machine that starts": {[]child{vm("Starting"), disk("Ready")}, v1alpha1.PhaseStarting},
		"a disk that waits for a starting one": {[]child{vm("Starting"), disk("AwaitingConsumer")},
			v1alpha1.PhaseStarting},
		"all runs": {
			[]child{vm("Running"), disk("Ready"), network("Ready")}, v1alpha1.PhaseRunning},
		"one runs, one is stopped":   {[]child{vm("Stopped"), vm("Running")}, v1alpha1.PhaseRunning},
		"one runs, one starts":       {[]child{vm("Running"), vm("Starting")}, v1alpha1.PhaseStarting},
		"one runs, one moves":        {[]child{vm("Running"), vm("Migrating")}, v1alpha1.PhaseMigrating},
		"one runs, one stops":        {[]child{vm("Running"), vm("Stopping")}, v1alpha1.PhaseStopping},
		"one is paused, one stopped": {[]child{vm("Stopped"), vm("Paused")}, v1alpha1.PhasePaused},
		"all is stopped":             {[]child{vm("Stopped"), disk("Ready")}, v1alpha1.PhaseStopped},
		"a stopped machine and a disk that waits": {[]child{vm("Stopped"), disk("AwaitingConsumer")},
			v1alpha1.PhaseStopped},
		"an error anywhere": {
			[]child{vm("Running"), disk("Ready"), network("Error")}, v1alpha1.PhaseError},
		"an error beside work":                  {[]child{vm("Creating"), disk("Error")}, v1alpha1.PhaseError},
		"no machine, all in place":              {[]child{disk("Ready"), network("Ready")}, v1alpha1.PhaseRunning},
		"no machine, a disk that waits for one": {[]child{disk("AwaitingConsumer")}, v1alpha1.PhasePending},
		"one of many goes": {[]child{vm("Running"), deleting(disk("Ready"))},
			v1alpha1.PhaseRunning},
		"all go": {[]child{deleting(vm("Running")), deleting(disk("Ready"))},
			v1alpha1.PhaseTerminating},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.phase, aggregatePhase(parts(test.children)))
		})
	}
}
