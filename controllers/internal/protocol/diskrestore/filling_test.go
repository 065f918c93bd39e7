package diskrestore

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// fillingPhases are the phases of a WukongVM in which a target may still be filled.
var fillingPhases = []v1alpha1.RestorePhase{
	v1alpha1.RestoreFilling, v1alpha1.RestoreStopping, v1alpha1.RestoreSafety, v1alpha1.RestoreSwitching,
}

func failing(in *Inputs)     { in.TargetFailure = "the pool is full" }
func lostOrigin(in *Inputs)  { in.Origin = Origin{Missing: true} }
func otherOrigin(in *Inputs) { in.VM.Status.Restore.Disks[1].VolumeSnapshotName = "cut-later" }

// The failure of the provisioner is reported until the claim has a volume. It explains more than CDI's progress, and
// less than the error of CDI's own pod.
func TestWhyATargetGetsNoVolume(t *testing.T) {
	noVolume := "PersistentVolumeClaim " + newClaim + " gets no volume: the pool is full"
	percent := func(made *cdiv1.DataVolume) { made.Status.Progress = "45.2%" }
	broken := func(made *cdiv1.DataVolume) {
		made.Status.Conditions = []cdiv1.DataVolumeCondition{{
			Type: cdiv1.DataVolumeRunning, Status: corev1.ConditionFalse, Reason: "Error", Message: "no space left",
		}}
	}
	for name, row := range map[string]struct {
		state   change
		report  v1alpha1.DiskRestorePhase
		message string
	}{
		"CDI has not begun":        {target(cdiv1.PhaseUnset), "Filling", noVolume},
		"CDI waits for the claim":  {target(cdiv1.Pending), "Filling", noVolume},
		"CDI prepares a clone":     {target(cdiv1.SnapshotForSmartCloneInProgress), "Filling", noVolume},
		"CDI reports its progress": {target(cdiv1.CloneInProgress, percent), "Filling", noVolume},
		"CDI's pod fails, too": {target(cdiv1.CloneInProgress, broken), "Filling", "DataVolume " + newClaim +
			": importer pod: no space left (Error); it is retried (restarts so far: 0)"},
		"its VolumeSnapshot is deleted, too": {both(filling, lostOrigin), "Failed", "VolumeSnapshot cut-root was deleted " +
			"before DataVolume " + newClaim + " was filled from it"},
		"CDI gave up":  {target(cdiv1.Failed), "Failed", "CDI could not fill DataVolume " + newClaim},
		"it is filled": {filled, "Filled", ""},
	} {
		for _, phaseOfVM := range fillingPhases[:3] {
			decided := inputs(row.state, failing, phase(phaseOfVM)).Decide()
			require.NotNil(t, decided.Status, name)
			assert.Equal(t, row.report, decided.Status.Phase, "%s, %s", name, phaseOfVM)
			assert.Equal(t, row.message, decided.Status.Message, "%s, %s", name, phaseOfVM)
			assert.Equal(t, "-", stepOf(decided), "%s, %s", name, phaseOfVM)
		}
	}
	decided := inputs(failing).Decide()
	assert.Equal(t, "DataVolume "+newClaim+" is being created", decided.Status.Message, "there is no claim yet")
	assert.Equal(t, "create", stepOf(decided))
}

// A target whose VolumeSnapshot was deleted is never complete. The WukongVM decides what becomes of it.
func TestAVolumeSnapshotThatIsDeletedWhileATargetIsFilled(t *testing.T) {
	for _, phaseOfVM := range fillingPhases {
		for _, unfilled := range []cdiv1.DataVolumePhase{
			cdiv1.PhaseUnset, cdiv1.Pending, cdiv1.WaitForFirstConsumer, cdiv1.CloneScheduled, cdiv1.CloneInProgress,
			cdiv1.Unknown,
		} {
			decided := inputs(target(unfilled), lostOrigin, otherOrigin, phase(phaseOfVM)).Decide()
			require.NotNil(t, decided.Status)
			assert.Equal(t, v1alpha1.DiskRestoreFailed, decided.Status.Phase, "%s, %s", phaseOfVM, unfilled)
			assert.Equal(t, "VolumeSnapshot cut-root was deleted before DataVolume "+newClaim+" was filled from it",
				decided.Status.Message, "it names the one that the target is filled from")
			assert.Equal(t, newClaim, decided.Status.TargetClaimName)
			assert.Equal(t, "-", stepOf(decided), "%s, %s", phaseOfVM, unfilled)
		}
		decided := inputs(filled, lostOrigin, phase(phaseOfVM)).Decide()
		assert.Equal(t, v1alpha1.DiskRestoreFilled, decided.Status.Phase, "%s: nothing is read from it any more", phaseOfVM)
	}
	unbound := func(in *Inputs) { in.TargetClaim = claimIn(corev1.ClaimPending, newClaim) }
	decided := inputs(filled, lostOrigin, unbound).Decide()
	assert.Equal(t, v1alpha1.DiskRestoreFilling, decided.Status.Phase, "it only has to be bound")
}
