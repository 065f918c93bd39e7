package diskrestore

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// The table in docs/protocols.md: what a disk does and reports in each phase of its WukongVM, for each state of the
// disk. A cell is a step and a report.
func TestEachPhaseInEachState(t *testing.T) {
	states := []struct {
		name  string
		state change
	}{
		{"no target", noTarget}, {"filling", filling}, {"filled", filled}, {"in use", inUse}, {"rejected", rejected},
		{"done", done},
	}
	const (
		over  = "-/- | remove/Filling | remove/Filled | -/InUse | remove/Returned | -/Done"
		ended = "-/- | remove/Filling | remove/Filled | mark ended/Done | remove/Returned | -/Done"
		fills = "-/Failed | -/Filling | -/Filled | -/InUse | remove/Failed | -/Done"
	)
	for name, cells := range map[v1alpha1.RestorePhase]string{
		v1alpha1.RestoreFilling: "create/Filling | -/Filling | -/Filled | -/InUse | remove/Failed | -/Done",
		// A target that is lost now is not filled again.
		v1alpha1.RestoreStopping:  fills,
		v1alpha1.RestoreSafety:    fills,
		v1alpha1.RestoreSwitching: "-/Failed | -/Filling | mark in use/Filled | -/InUse | remove/Failed | -/Done",
		v1alpha1.RestoreStarting:  over,
		v1alpha1.RestoreSwitched:  over,
		v1alpha1.RestoreRollingBack: "-/- | -/Filling | -/Filled | mark rejected/InUse | " +
			"-/Returned | -/Done",
		v1alpha1.RestoreSucceeded: ended, v1alpha1.RestoreNotRolledBack: ended,
		v1alpha1.RestorePending: over, v1alpha1.RestoreFailed: over, v1alpha1.RestoreRolledBack: over,
		v1alpha1.RestoreCancelled: over, v1alpha1.RestoreSkipped: over,
	} {
		expected := strings.Split(cells, " | ")
		require.Len(t, expected, len(states))
		for i, state := range states {
			decided := inputs(state.state, phase(name)).Decide()
			assert.Equal(t, expected[i], stepOf(decided)+"/"+reportOf(decided), "%s, %s", name, state.name)
			if decided.Remove != nil {
				assert.Equal(t, newClaim, decided.Remove.Name)
			}
			if decided.Mark != nil {
				assert.Equal(t, newClaim, decided.Mark.Name)
			}
		}
	}
}

// A WukongVM that is gone, or has forgotten or replaced its request, keeps and deletes nothing of it.
func TestOtherRequests(t *testing.T) {
	later, inBerlin := noon.Add(time.Hour), noon.In(time.FixedZone("CET", 3600))
	switching, rollsBack := phase(v1alpha1.RestoreSwitching), phase(v1alpha1.RestoreRollingBack)
	notListed := func(in *Inputs) { in.VM.Status.Restore.Disks = in.VM.Status.Restore.Disks[:1] }
	noStatus := func(in *Inputs) { in.VM.Status.Restore = nil }
	illegible := target(cdiv1.Succeeded, annotated(v1alpha1.AnnotationRestoredFor, "noon"))
	for name, row := range map[string]struct {
		state, vm    change
		step, report string
	}{
		"filled, the WukongVM is gone":             {filled, noVM, "remove", "Filled"},
		"filled, the WukongVM is deleted":          {filled, deletedVM, "remove", "Filled"},
		"filled, for an earlier WukongVM web":      {filled, anotherVM, "remove", "Filled"},
		"filled, for an earlier request":           {filled, requestedAt(later), "remove", "Filled"},
		"filled, the disk is not restored":         {filled, notListed, "remove", "Filled"},
		"filled, nothing is restored":              {filled, noStatus, "remove", "Filled"},
		"filled, for a request that nobody reads":  {illegible, switching, "remove", "Filled"},
		"filled, status is lost":                   {filled, statusLost("2026-03-01T12:00:00Z"), "-", "Filled"},
		"filling, status is lost":                  {filling, statusLost("2026-03-01T12:00:00Z"), "-", "Filling"},
		"filled, status is lost, and it has ended": {filled, statusLost("2026-03-01T12:00:00Z/ended"), "remove", "Filled"},
		"filled, status is lost, of another one":   {filled, statusLost("2026-03-01T11:00:00Z"), "remove", "Filled"},
		"filled, status is lost, no mark":          {filled, statusLost(""), "remove", "Filled"},
		"filled, status of a new WukongVM is lost": {filled, func(in *Inputs) {
			statusLost("2026-03-01T12:00:00Z")(in)
			anotherVM(in)
		}, "remove", "Filled"},
		"filled, status of a deleted WukongVM is lost": {filled, func(in *Inputs) {
			statusLost("2026-03-01T12:00:00Z")(in)
			deletedVM(in)
		}, "remove", "Filled"},
		"filled, a time of another zone": {filled, func(in *Inputs) {
			switching(in)
			requestedAt(inBerlin)(in)
		}, "mark in use", "Filled"},

		"in use, the WukongVM is gone":       {inUse, noVM, "mark ended", "Done"},
		"in use, the WukongVM is deleted":    {inUse, deletedVM, "mark ended", "Done"},
		"in use, of an earlier WukongVM web": {inUse, anotherVM, "mark ended", "Done"},
		"in use, another request":            {inUse, requestedAt(later), "-", "InUse"},
		"in use, the disk is not restored":   {inUse, notListed, "-", "InUse"},
		"in use, status is lost":             {inUse, noStatus, "-", "InUse"},
		"in use, another request rolls back": {inUse, func(in *Inputs) {
			rollsBack(in)
			requestedAt(later)(in)
		}, "-", "InUse"},
		"in use, rolls back, a time of another zone": {inUse, func(in *Inputs) {
			rollsBack(in)
			requestedAt(inBerlin)(in)
		}, "mark rejected", "InUse"},

		"in use, rolls back, the previous one is gone": {inUse, func(in *Inputs) {
			rollsBack(in)
			in.Copies.Previous = nil
		}, "-", "InUse"},
		"in use, rolls back, the previous one is being deleted": {inUse, func(in *Inputs) {
			rollsBack(in)
			in.Copies.Previous.DeletionTimestamp = ptr.To(metav1.NewTime(noon))
		}, "-", "InUse"},

		"rejected, the WukongVM is gone": {rejected, noVM, "remove", "Returned"},
		"no target, no WukongVM":         {noTarget, noVM, "-", "-"},
		"no target, not restored":        {noTarget, notListed, "-", "-"},
		"done, the WukongVM is gone":     {done, noVM, "-", "Done"},
		"done, and restored again":       {done, requestedAt(later), "create", "Filling"},
		"done, and the next target is lost": {done, func(in *Inputs) {
			switching(in)
			requestedAt(later)(in)
		}, "-", "Failed"},
		"done, and the next one has failed": {done, func(in *Inputs) {
			phase(v1alpha1.RestoreFailed)(in)
			requestedAt(later)(in)
		}, "-", "Done"},
	} {
		t.Run(name, func(t *testing.T) {
			decided := inputs(row.state, row.vm).Decide()
			assert.Equal(t, row.step+"/"+row.report, stepOf(decided)+"/"+reportOf(decided))
		})
	}
}

// What may be put back is not deleted, even if the DataVolume that recorded it was.
func TestWhatIsSparedAndUnderWay(t *testing.T) {
	spared := &cdiv1.DataVolume{}
	spared.Name = "root"
	for name, row := range map[v1alpha1.RestorePhase]struct{ spares, underWay bool }{
		v1alpha1.RestorePending: {}, v1alpha1.RestoreFilling: {false, true}, v1alpha1.RestoreStopping: {false, true},
		v1alpha1.RestoreSafety: {false, true}, v1alpha1.RestoreSwitching: {true, true},
		v1alpha1.RestoreStarting: {true, true}, v1alpha1.RestoreSwitched: {true, true},
		v1alpha1.RestoreRollingBack: {true, true}, v1alpha1.RestoreSucceeded: {}, v1alpha1.RestoreFailed: {},
		v1alpha1.RestoreRolledBack: {}, v1alpha1.RestoreNotRolledBack: {}, v1alpha1.RestoreCancelled: {},
		v1alpha1.RestoreSkipped: {},
	} {
		in := inputs(phase(name))
		assert.Equal(t, row.spares, in.Spares(spared), "%s: spares", name)
		assert.Equal(t, row.underWay, in.UnderWay(), "%s: under way", name)
		assert.True(t, inputs(phase(name), filled).UnderWay(), "%s: has a target", name)
		assert.True(t, inputs(phase(name), inUse).UnderWay(), "%s: keeps the previous claim", name)
	}
	starting := phase(v1alpha1.RestoreStarting)
	other := &cdiv1.DataVolume{}
	other.Name = "data"
	assert.False(t, inputs(starting).Spares(other), "the previous claim of another disk")
	assert.False(t, inputs(starting, noVM).Spares(spared))
	assert.False(t, inputs(starting, deletedVM).Spares(spared))
	assert.False(t, inputs(starting, noVM).UnderWay())
	assert.True(t, inputs(starting, noVM, rejected).UnderWay(), "until the target is deleted")
}
