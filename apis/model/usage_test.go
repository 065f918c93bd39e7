package model

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

func expectList(t *testing.T, expected, found []string, what string) {
	t.Helper()
	if !slices.Equal(expected, found) {
		t.Errorf("%s: %q, expected %q", what, found, expected)
	}
}

// listing is a WukongVM that lists disks by reference.
func listing(name string, disks ...string) *v1alpha1.WukongVM {
	vm := &v1alpha1.WukongVM{ObjectMeta: named(name)}
	for _, disk := range disks {
		reference := &v1alpha1.LocalObjectReference{Name: disk}
		vm.Spec.Disks = append(vm.Spec.Disks, v1alpha1.VMDisk{Name: disk, DiskRef: reference})
	}
	return vm
}

func TestUsedDisks(t *testing.T) {
	vm := listing("web", "root", "data")
	vm.Spec.Disks = append(vm.Spec.Disks, v1alpha1.VMDisk{Name: "drive"})
	vm.Status.Disks = []v1alpha1.VMDiskStatus{
		{Name: "root", DiskName: "root"}, {Name: "old", DiskName: "old"}, {Name: "drive"},
	}
	expectList(t, []string{"root", "data"}, DiskNames(vm), "of spec")
	expectList(t, []string{"root", "data", "old"}, UsedDisks(vm), "with what the instance has")
}

func TestUses(t *testing.T) {
	disk := &v1alpha1.WukongDisk{ObjectMeta: named("root")}
	expect(t, true, Uses(listing("web", "root"), disk), "it lists the disk")
	expect(t, false, Uses(listing("web", "data"), disk), "it lists another")
	leaving := listing("web")
	leaving.Status.Disks = []v1alpha1.VMDiskStatus{{Name: "root", DiskName: "root"}}
	expect(t, true, Uses(leaving, disk), "its instance still has the disk")

	byTemplate := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "1"}}
	byTemplate.Spec.Disks = []v1alpha1.VMDisk{{Name: "root", Template: &v1alpha1.DiskTemplate{}}}
	stamped := &v1alpha1.WukongDisk{ObjectMeta: named("web-root")}
	expect(t, false, Uses(byTemplate, stamped), "somebody else made it")
	controls := true
	stamped.OwnerReferences = []metav1.OwnerReference{{Kind: "WukongVM", Name: "web", UID: "1", Controller: &controls}}
	expect(t, true, Uses(byTemplate, stamped), "it made the disk")
	stamped.OwnerReferences, stamped.Annotations = nil, map[string]string{v1alpha1.AnnotationRetainedFor: "web/1"}
	expect(t, true, Uses(byTemplate, stamped), "the disk is retained for it")
}

func TestMayUse(t *testing.T) {
	yes := true
	for name, test := range map[string]struct {
		change   func(*v1alpha1.WukongDisk)
		expected bool
	}{
		"it is attached":           {func(*v1alpha1.WukongDisk) {}, true},
		"it is attached to nobody": {func(d *v1alpha1.WukongDisk) { d.Status.AttachedTo = "" }, false},
		"it is another's":          {func(d *v1alpha1.WukongDisk) { d.Status.AttachedTo = "db" }, false},
		"it is shared": {
			func(d *v1alpha1.WukongDisk) { d.Status.AttachedTo, d.Spec.Shared = "", &yes }, true,
		},
		"it has no claim": {func(d *v1alpha1.WukongDisk) { d.Status.ClaimName = "" }, false},
		"it is being deleted": {
			func(d *v1alpha1.WukongDisk) { d.DeletionTimestamp = &metav1.Time{Time: metav1.Now().Time} }, false,
		},
		"it is being copied": {
			func(d *v1alpha1.WukongDisk) { d.Status.Move = &v1alpha1.DiskMove{Method: v1alpha1.MoveCopy} }, false,
		},
		"it migrates": {
			func(d *v1alpha1.WukongDisk) { d.Status.Move = &v1alpha1.DiskMove{Method: v1alpha1.MoveLive} }, true,
		},
	} {
		disk := &v1alpha1.WukongDisk{Status: v1alpha1.WukongDiskStatus{AttachedTo: "web", ClaimName: "root"}}
		test.change(disk)
		expect(t, test.expected, MayUse(listing("web", "root"), disk), name)
	}
}

// The disks of a WukongVM may be read only while nothing can write to them.
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
		vm := &v1alpha1.WukongVM{
			ObjectMeta: metav1.ObjectMeta{Generation: test.generation},
			Spec:       v1alpha1.WukongVMSpec{PowerState: test.power},
			Status:     v1alpha1.WukongVMStatus{Phase: test.phase, NodeName: test.node, ObservedGeneration: now},
		}
		expect(t, test.expected, MayRun(vm), name)
	}
}

// A WukongVM that its restore keeps stopped cannot write, although its powerState is Running. Before the guest is
// stopped, and when it may start again, it can.
func TestMayRunWhileItIsRestored(t *testing.T) {
	kept := map[v1alpha1.RestorePhase]bool{
		v1alpha1.RestoreSafety: true, v1alpha1.RestoreSwitching: true, v1alpha1.RestoreRollingBack: true,
		v1alpha1.RestorePending: false, v1alpha1.RestoreFilling: false, v1alpha1.RestoreStopping: false,
		v1alpha1.RestoreStarting: false, v1alpha1.RestoreSwitched: false, v1alpha1.RestoreSucceeded: false,
		v1alpha1.RestoreFailed: false, v1alpha1.RestoreRolledBack: false, v1alpha1.RestoreCancelled: false,
		v1alpha1.RestoreSkipped: false,
	}
	for restore, stopped := range kept {
		for _, phase := range []v1alpha1.Phase{
			"", v1alpha1.PhasePending, v1alpha1.PhaseRestoring, v1alpha1.PhaseRunning, v1alpha1.PhaseError,
		} {
			vm := &v1alpha1.WukongVM{
				Spec: v1alpha1.WukongVMSpec{PowerState: v1alpha1.PowerRunning},
				Status: v1alpha1.WukongVMStatus{
					Phase: phase, Restore: &v1alpha1.VMRestoreStatus{Phase: restore},
				},
			}
			name := string(restore) + ", " + string(phase)
			expect(t, !stopped, MayRun(vm), name)
			vm.Status.NodeName = "node1"
			expect(t, true, MayRun(vm), name+", and its guest is still there")
		}
	}
}

// TestWriters: a deleted WukongVM can write until its guest has released the disk, that is, until status.attachedTo is
// empty.
func TestWriters(t *testing.T) {
	running := v1alpha1.WukongVM{
		ObjectMeta: named("web"), Status: v1alpha1.WukongVMStatus{Phase: v1alpha1.PhaseRunning},
	}
	stopped := v1alpha1.WukongVM{ObjectMeta: named("db"), Status: v1alpha1.WukongVMStatus{Phase: v1alpha1.PhaseStopped}}
	const ending = "web (its guest has not released the disk yet)"
	tests := map[string]struct {
		attachedTo string
		vms        []v1alpha1.WukongVM
		expected   []string
	}{
		"nobody":            {"", nil, nil},
		"a stopped machine": {"db", []v1alpha1.WukongVM{stopped}, nil},
		"a running one, and a stopped": {"web", []v1alpha1.WukongVM{running, stopped},
			[]string{"web"}},
		"one that runs and waits for it": {"db", []v1alpha1.WukongVM{running, stopped},
			[]string{"web"}},
		"one that was deleted":                            {"web", nil, []string{ending}},
		"one that was deleted, and one that waits for it": {"web", []v1alpha1.WukongVM{stopped}, []string{ending}},
	}
	for name, test := range tests {
		disk := &v1alpha1.WukongDisk{Status: v1alpha1.WukongDiskStatus{AttachedTo: test.attachedTo}}
		expectList(t, test.expected, Writers(disk, test.vms), name)
	}
}

func TestGuests(t *testing.T) {
	waiting := v1alpha1.WukongVM{ObjectMeta: named("db"), Status: v1alpha1.WukongVMStatus{Phase: v1alpha1.PhasePending}}
	on := v1alpha1.WukongVM{ObjectMeta: named("web"), Status: v1alpha1.WukongVMStatus{NodeName: "node1"}}
	expectList(t, []string{"web"}, Guests(&v1alpha1.WukongDisk{}, []v1alpha1.WukongVM{waiting, on}), "one waits")
}
