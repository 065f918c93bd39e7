package usage

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// When the disks of a machine may be read: only while nothing can write to them.
func TestMayRun(t *testing.T) {
	const now, later = 1, 2 // generations
	tests := map[string]struct {
		power      v1alpha1.PowerState
		phase      v1alpha1.Phase
		generation int64
		node       string
		expected   bool
	}{
		"running":                           {v1alpha1.PowerRunning, v1alpha1.PhaseRunning, now, "node1", true},
		"starting":                          {v1alpha1.PowerRunning, v1alpha1.PhaseStarting, now, "", true},
		"stopping":                          {v1alpha1.PowerStopped, v1alpha1.PhaseStopping, now, "node1", true},
		"being deleted":                     {v1alpha1.PowerStopped, v1alpha1.PhaseTerminating, now, "", true},
		"stopped":                           {v1alpha1.PowerStopped, v1alpha1.PhaseStopped, now, "", false},
		"stopped, and edited":               {v1alpha1.PowerStopped, v1alpha1.PhaseStopped, later, "", false},
		"stopped, and just told to run":     {v1alpha1.PowerRunning, v1alpha1.PhaseStopped, later, "", true},
		"shut down from inside":             {v1alpha1.PowerRunning, v1alpha1.PhaseStopped, now, "", false},
		"new, to be run":                    {v1alpha1.PowerRunning, "", now, "", true},
		"new, to be stopped":                {v1alpha1.PowerStopped, v1alpha1.PhasePending, now, "", false},
		"in error, to be stopped":           {v1alpha1.PowerStopped, v1alpha1.PhaseError, now, "", false},
		"in error, to be stopped, and runs": {v1alpha1.PowerStopped, v1alpha1.PhaseError, now, "node1", true},
		"in error, to be run":               {v1alpha1.PowerRunning, v1alpha1.PhaseError, now, "", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			vm := &v1alpha1.WukongVM{
				ObjectMeta: metav1.ObjectMeta{Generation: test.generation},
				Spec:       v1alpha1.WukongVMSpec{PowerState: test.power},
				Status:     v1alpha1.WukongVMStatus{Phase: test.phase, NodeName: test.node, ObservedGeneration: now},
			}
			assert.Equal(t, test.expected, MayRun(vm))
		})
	}
}

// TestWriters: a machine that is gone writes until its guest has let go, which is when nobody holds the disk.
func TestWriters(t *testing.T) {
	running := v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Status: v1alpha1.WukongVMStatus{Phase: v1alpha1.PhaseRunning}}
	stopped := v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: "db"}, Status: v1alpha1.WukongVMStatus{Phase: v1alpha1.PhaseStopped}}
	const ending = "web (given up, but its guest has not let go yet)"
	tests := map[string]struct {
		holder   string
		vms      []v1alpha1.WukongVM
		expected []string
	}{
		"nobody":                                          {"", nil, nil},
		"a stopped machine":                               {"db", []v1alpha1.WukongVM{stopped}, nil},
		"a running one, and a stopped":                    {"web", []v1alpha1.WukongVM{running, stopped}, []string{"web"}},
		"one that runs and waits for it":                  {"db", []v1alpha1.WukongVM{running, stopped}, []string{"web"}},
		"one that was deleted":                            {"web", nil, []string{ending}},
		"one that was deleted, and one that waits for it": {"web", []v1alpha1.WukongVM{stopped}, []string{ending}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			disk := &v1alpha1.WukongDisk{Status: v1alpha1.WukongDiskStatus{AttachedTo: test.holder}}
			assert.Equal(t, test.expected, among(disk, test.vms, MayRun))
		})
	}
}
