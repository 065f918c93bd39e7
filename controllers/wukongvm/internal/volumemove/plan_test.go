package volumemove

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// The answers of the WukongVM, and the claims in its VirtualMachine.
func TestMoves(t *testing.T) {
	const (
		volumesChange = kubevirtv1.VirtualMachineConditionType(kubevirtv1.VirtualMachineInstanceVolumesChange)
		recovery      = kubevirtv1.VirtualMachineManualRecoveryRequired
		restart       = kubevirtv1.VirtualMachineRestartRequired
	)
	tests := map[string]struct {
		phase   v1alpha1.MovePhase
		given   bool
		options []func(*Inputs)
		state   v1alpha1.VMDiskMoveState
		claim   string
		words   string
		migrate bool
	}{
		"asked": {phase: "Preparing", state: "Accepted", claim: "data"},
		"asked, and there is one node": {phase: "Preparing",
			options: []func(*Inputs){func(in *Inputs) { in.Nodes = 1 }},
			state:   "Refused", claim: "data", words: "no second node"},
		"asked, and it cannot migrate": {phase: "Preparing", options: []func(*Inputs){
			instanceSaysFalse(kubevirtv1.VirtualMachineInstanceIsMigratable, "HostDevice", "it has a GPU")},
			state: "Refused", claim: "data", words: "it has a GPU"},
		"asked, and only its claims keep it": {phase: "Preparing",
			options: []func(*Inputs){instanceSaysFalse(kubevirtv1.VirtualMachineInstanceIsMigratable,
				"DisksNotLiveMigratable",
				"data"), readWriteOnce("data")},
			state: "Accepted", claim: "data"},
		"asked, and another claim cannot come along": {phase: "Preparing",
			options: []func(*Inputs){readWriteOnce("root")},
			state:   "Refused", claim: "data", words: "volume root is ReadWriteOnce"},
		"asked, and it waits for a restart": {phase: "Preparing",
			options: []func(*Inputs){virtualMachineSaysTrue(restart, "cores changed")},
			state:   "Refused", claim: "data", words: "cores changed"},
		"asked, and it does not run": {phase: "Preparing", options: []func(*Inputs){ended}, state: "Refused",
			claim: "data", words: "does not run"},

		"may": {phase: "Migrating", state: "Migrating", claim: "data-2", migrate: true},
		"may, and KubeVirt has a start request": {phase: "Migrating", options: []func(*Inputs){func(in *Inputs) {
			in.Machine.Status.StateChangeRequests = []kubevirtv1.VirtualMachineStateChangeRequest{
				{Action: kubevirtv1.StartRequest}}
		}}, state: "Accepted", claim: "data", words: "until KubeVirt has restarted"},
		"given, not begun": {phase: "Migrating", given: true, state: "Migrating", claim: "data-2", migrate: true},
		"begun": {phase: "Migrating", given: true,
			options: []func(*Inputs){instanceVolume("data-2", true)}, state: "Migrating", claim: "data-2",
			migrate: true},
		"listed, spec not yet": {phase: "Migrating", given: true,
			options: []func(*Inputs){instanceVolume("data", true)},
			state:   "Migrating", claim: "data-2", migrate: true},
		"finished": {phase: "Migrating", given: true,
			options: []func(*Inputs){instanceVolume("data-2", false)}, state: "Moved", claim: "data-2", migrate: true},
		"finished, then ended": {phase: "Migrating", given: true,
			options: []func(*Inputs){instanceVolume("data-2", false), ended}, state: "Moved", claim: "data-2",
			migrate: true},
		"ended before it begun": {phase: "Migrating", given: true, options: []func(*Inputs){ended}, state: "Refused",
			claim: "data", migrate: true},
		"ended in the middle": {phase: "Migrating", given: true,
			options: []func(*Inputs){instanceVolume("data-2", true), ended}, state: "Refused", claim: "data",
			migrate: true},
		"gone in the middle": {phase: "Migrating", given: true, options: []func(*Inputs){instanceGone,
			virtualMachineSaysTrue(volumesChange, ""), listedByKubeVirt}, state: "Refused", claim: "data",
			migrate: true},
		"gone, to be recovered": {phase: "Migrating", given: true, options: []func(*Inputs){instanceGone,
			virtualMachineSaysTrue(recovery, ""), listedByKubeVirt}, state: "Refused", claim: "data", migrate: true},
		"gone after it finished": {phase: "Migrating", given: true,
			options: []func(*Inputs){instanceGone, listedByKubeVirt}, state: "Moved", claim: "data-2", migrate: true},
		"gone without a trace": {phase: "Migrating", given: true, options: []func(*Inputs){instanceGone},
			state: "Undecided", claim: "data-2", words: "annotate wukongdisk data", migrate: true},
		"named the new one": {phase: "Migrating", given: true, options: []func(*Inputs){instanceGone, named("data-2")},
			state: "Moved", claim: "data-2", migrate: true},
		"named the old one": {phase: "Migrating", given: true, options: []func(*Inputs){instanceGone, named("data")},
			state: "Refused", claim: "data", migrate: true},
		"started on the new one": {phase: "Migrating", given: true, options: []func(*Inputs){restarted,
			instanceVolume("data-2", false)}, state: "Undecided", claim: "data-2", migrate: true},
		"KubeVirt refuses": {phase: "Migrating", given: true, options: []func(*Inputs){virtualMachineSaysTrue(restart,
			"volumes are invalid")}, state: "Refused", claim: "data", words: "volumes are invalid", migrate: true},
		"cancelled, not given": {phase: "Cancelling", state: "Withdrawn", claim: "data"},
		"cancelled, not begun": {phase: "Cancelling", given: true, state: "Migrating", claim: "data", migrate: true},
		"cancelled, begun": {phase: "Cancelling", given: true,
			options: []func(*Inputs){instanceVolume("data-2", true)}, state: "Migrating", claim: "data-2",
			migrate: true},
		"cancelled, on its way": {phase: "Cancelling", options: []func(*Inputs){instanceVolume("data-2", true)},
			state: "Migrating", claim: "data", migrate: false},
		"cancelled too late": {phase: "Cancelling", given: true,
			options: []func(*Inputs){instanceVolume("data-2", false)}, state: "Moved", claim: "data-2", migrate: true},
		"its record was taken off": {phase: "Migrating", given: true,
			options: []func(*Inputs){func(in *Inputs) { in.Machine.Annotations = nil }}, state: "Undecided",
			claim: "data-2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := moveOf(test.phase, test.given, test.options...)
			plan := Make(*in)
			decided := plan.Of("data")
			assert.Equal(t, test.state, decided.State, decided.Message)
			assert.Contains(t, decided.Message, test.words)
			volumes := written(in, plan)
			assert.Equal(t, test.claim, claimIn(volumes, "data"))
			if running := in.Running(); running != nil && test.migrate && test.state == v1alpha1.VMDiskMoveMigrating &&
				test.claim == "data-2" {
				assert.Equal(t, kubevirtv1.UpdateVolumesStrategyMigration, ptr.Deref(plan.Strategy(volumes), ""))
			}
			recordKept := len(plan.Annotations()) > 0
			assert.Equal(t, test.claim == "data-2" && name != "its record was taken off", recordKept,
				"the claim and its record are never apart")
		})
	}
}

// KubeVirt lists the volume, reports that it is being migrated, and refuses the new claim: see Stall.
func TestAStalledMigrationBeginsAnew(t *testing.T) {
	for name, test := range map[string]struct {
		stall       Stall
		claim, root string
		words       string
	}{
		"perhaps it is not": {claim: "data-2", root: "root"},
		"stalled": {stall: Stall{state: stalled, misled: "root"}, claim: "data",
			root: misleadingClaim, words: "is being restarted"},
		"no bystander": {stall: Stall{state: stalled}, claim: "data-2", root: "root", words: "restart the WukongVM"},
		"released, a migration is left": {stall: Stall{state: released, unfinished: true},
			claim: "data", root: "root", words: "is being restarted"},
		"released": {stall: Stall{state: released}, claim: "data-2", root: "root", words: "is being restarted"},
	} {
		t.Run(name, func(t *testing.T) {
			in := moveOf(v1alpha1.MoveMigrating, true, instanceVolume("data", true),
				func(in *Inputs) { in.Stall = test.stall })
			plan := Make(*in)
			volumes := written(in, plan)
			assert.Equal(t, test.claim, claimIn(volumes, "data"))
			assert.Equal(t, test.root, claimIn(volumes, "root"))
			assert.Equal(t, kubevirtv1.UpdateVolumesStrategyMigration, ptr.Deref(plan.Strategy(volumes), ""),
				"or KubeVirt looks at nothing")
			virtualMachine := in.Machine.DeepCopy()
			virtualMachine.Annotations, virtualMachine.Spec.Template.Spec.Volumes = plan.Annotations(), volumes
			assert.Len(t, Handovers(virtualMachine), 1, "it is still KubeVirt's")
			assert.Equal(t, v1alpha1.VMDiskMoveMigrating, plan.Of("data").State)
			assert.Contains(t, plan.Of("data").Message, test.words)

			_, restored := virt.TemplateDisk(Meant(virtualMachine, in.Instance), "root")
			assert.Equal(t, "root", virt.ClaimOf(restored), "nobody else sees the claim that does not exist")
		})
	}
}

// A migration that KubeVirt has just begun looks like a stalled one, for milliseconds.
func TestWhatIsAStall(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	says := func(status corev1.ConditionStatus) func(*Inputs) {
		return func(in *Inputs) {
			in.Instance.Status.Conditions = append(in.Instance.Status.Conditions,
				kubevirtv1.VirtualMachineInstanceCondition{
					Type: kubevirtv1.VirtualMachineInstanceVolumesChange, Status: status,
					LastTransitionTime: metav1.NewTime(began),
				})
		}
	}
	look := func(after time.Duration, unfinished bool, options ...func(*Inputs)) (Stall, int) {
		asked := 0
		stall, err := LookForStall(moveOf(v1alpha1.MoveMigrating, true, options...).View, began.Add(after),
			func() ([]kubevirtv1.VirtualMachineInstanceMigration, error) {
				asked++
				migration := kubevirtv1.VirtualMachineInstanceMigration{}
				if !unfinished {
					migration.Status.Phase = kubevirtv1.MigrationFailed
				}
				return []kubevirtv1.VirtualMachineInstanceMigration{migration}, nil
			})
		assert.NoError(t, err)
		return stall, asked
	}
	listed := instanceVolume("data", true)
	for name, row := range map[string]struct {
		after      time.Duration
		unfinished bool
		options    []func(*Inputs)
		want       Stall
		asked      int
	}{
		"no migration": {options: []func(*Inputs){says(corev1.ConditionTrue)}},
		"begun, the instance has it": {
			options: []func(*Inputs){instanceVolume("data-2", true), says(corev1.ConditionTrue)}, after: time.Hour},
		"no condition": {options: []func(*Inputs){listed}},
		"perhaps": {options: []func(*Inputs){listed, says(corev1.ConditionTrue)}, after: time.Second,
			want: Stall{RetryAfter: 4 * time.Second}},
		"stalled": {options: []func(*Inputs){listed, says(corev1.ConditionTrue)}, after: stallPatience,
			want: Stall{state: stalled, misled: "root"}},
		"released": {options: []func(*Inputs){listed, says(corev1.ConditionFalse)},
			want: Stall{state: released}, asked: 1},
		"released, a migration is left": {options: []func(*Inputs){listed, says(corev1.ConditionFalse)},
			unfinished: true,
			want:       Stall{state: released, unfinished: true, RetryAfter: stallRetry}, asked: 1},
		"of another instance": {options: []func(*Inputs){listed, says(corev1.ConditionTrue), restarted},
			after: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			stall, asked := look(row.after, row.unfinished, row.options...)
			assert.Equal(t, row.want, stall)
			assert.Equal(t, row.asked, asked, "migrations are listed from the API server")
		})
	}
	_, err := LookForStall(moveOf(v1alpha1.MoveMigrating, true, listed, says(corev1.ConditionFalse)).View, began,
		func() ([]kubevirtv1.VirtualMachineInstanceMigration, error) { return nil, assert.AnError })
	assert.ErrorIs(t, err, assert.AnError)
}

func TestTheBystanderOfAStall(t *testing.T) {
	in := moveOf(v1alpha1.MoveMigrating, true, instanceVolume("data", true))
	assert.Equal(t, "root", bystander(in.Machine, in.Instance))
	device, _ := virt.TemplateDisk(in.Machine, "root")
	device.Shareable = ptr.To(true)
	assert.NotEqual(t, "root", bystander(in.Machine, in.Instance), "KubeVirt would ask for a restart")
	assert.NotEqual(t, "data", bystander(in.Machine, in.Instance), "it moves")
}

// If a guest started on a claim that may be empty, that claim must not be copied over the one that holds the disk.
func TestNothingIsMigratedBack(t *testing.T) {
	in := moveOf(v1alpha1.MoveMigrating, true, restarted, instanceVolume("data-2", false), named("data"))
	plan := Make(*in)
	volumes := written(in, plan)
	assert.Equal(t, "data", claimIn(volumes, "data"))
	assert.Nil(t, plan.Strategy(volumes))
}

// The strategy remains as long as it is harmless, since KubeVirt requires a restart if it is removed after the boot
// disk moved. It is removed when a disk must be plugged in, which KubeVirt does not do with it.
func TestTheStrategyGoesWhenADiskComes(t *testing.T) {
	in := moveOf(v1alpha1.MoveMigrating, true, instanceVolume("data-2", false))
	disk := in.Disks["data"]
	disk.Status.ClaimName, disk.Status.Move = "data-2", nil
	plan := Make(*in)
	volumes := written(in, plan)
	assert.NotNil(t, plan.Strategy(volumes))
	assert.NotEmpty(t, plan.Annotations(), "to forget it would be a write")
	assert.Nil(t, plan.Strategy(append(volumes, kubevirtv1.Volume{Name: "extra", VolumeSource: kubevirtv1.VolumeSource{
		DataVolume: &kubevirtv1.DataVolumeSource{Name: "extra"},
	}})))
}

func TestAMachineIsHeldBackWhileADiskIsCopied(t *testing.T) {
	in := moveOf(v1alpha1.MoveCopying, false, instanceGone)
	in.Disks["data"].Status.Move.Method = v1alpha1.MoveCopy
	in.Machine.Spec.RunStrategy = ptr.To(kubevirtv1.RunStrategyHalted)
	plan := Make(*in)
	assert.Equal(t, v1alpha1.VMDiskMoveReleased, plan.Of("data").State)
	assert.True(t, plan.Copies())

	in.Machine.Spec.RunStrategy = ptr.To(kubevirtv1.RunStrategyAlways)
	assert.Equal(t, v1alpha1.VMDiskMoveRefused, Make(*in).Of("data").State, "KubeVirt may start it any moment")
	assert.False(t, Make(*newInputs()).Copies())
}

// KubeVirt migrates volumes together that it gets together, and a later one only after that migration has ended.
func TestVolumesMoveTogetherOrOneAfterTheOther(t *testing.T) {
	asks := func(phase v1alpha1.MovePhase) func(*Inputs) {
		return func(in *Inputs) {
			in.Disks["root"].Status.Move = &v1alpha1.DiskMove{
				TargetClaimName: "root-2", Method: v1alpha1.MoveLive, Phase: phase,
			}
			in.Disks["root"].Status.Conditions = []metav1.Condition{
				{Type: v1alpha1.ConditionStorageMoved, Reason: v1alpha1.ReasonMoving}}
		}
	}
	both := Make(*moveOf(v1alpha1.MoveMigrating, false, asks(v1alpha1.MoveMigrating)))
	assert.Equal(t, "data-2", both.Of("data").Claim)
	assert.Equal(t, "root-2", both.Of("root").Claim)

	waits := Make(*moveOf(v1alpha1.MoveMigrating, false, asks(v1alpha1.MovePreparing))).Of("data")
	assert.Equal(t, v1alpha1.VMDiskMoveAccepted, waits.State)
	assert.Equal(t, "data", waits.Claim)
	assert.Contains(t, waits.Message, "waits until volume root can move too")

	late := Make(*moveOf(v1alpha1.MoveMigrating, true, asks(v1alpha1.MoveMigrating),
		instanceVolume("data-2", true))).Of("root")
	assert.Equal(t, v1alpha1.VMDiskMoveAccepted, late.State)
	assert.Contains(t, late.Message, "waits until volume data has moved")
}

func TestANodeIsAwaitedByARefusedMove(t *testing.T) {
	one := func(in *Inputs) { in.Nodes = 1 }
	assert.True(t, Make(*moveOf(v1alpha1.MovePreparing, false, one)).AwaitsNode())
	assert.False(t, Make(*moveOf(v1alpha1.MovePreparing, false)).AwaitsNode())
	assert.False(t, Make(*moveOf(v1alpha1.MovePreparing, false, one, instanceGone)).AwaitsNode(),
		"a disk of a stopped machine is copied")
	assert.True(t, AsksForNodes(moveOf(v1alpha1.MovePreparing, false).Disks))
	assert.False(t, AsksForNodes(newInputs().Disks))
}

// The workload updater must not migrate an instance that still has the old claim.
func TestTheInstanceAwaitsItsNewClaim(t *testing.T) {
	awaits := func(in *Inputs) bool { return Make(*in).AwaitsClaims(in.Instance) }
	assert.False(t, awaits(newInputs()))
	assert.True(t, awaits(moveOf(v1alpha1.MoveMigrating, false)), "it is given in this pass")
	assert.True(t, awaits(moveOf(v1alpha1.MoveMigrating, true)))
	assert.False(t, awaits(moveOf(v1alpha1.MoveMigrating, true, instanceVolume("data-2", true))))
	assert.False(t, awaits(moveOf(v1alpha1.MoveMigrating, true, restarted)))
}

func TestAMigrationThatFailedIsTold(t *testing.T) {
	began := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	instance := func(status corev1.ConditionStatus, failed bool, ended time.Time) *kubevirtv1.VirtualMachineInstance {
		end := metav1.NewTime(ended)
		return keeptest.Object(&kubevirtv1.VirtualMachineInstance{Status: kubevirtv1.VirtualMachineInstanceStatus{
			Conditions: []kubevirtv1.VirtualMachineInstanceCondition{{
				Type: kubevirtv1.VirtualMachineInstanceVolumesChange, Status: status, Message: "invalid",
				LastTransitionTime: began,
			}},
			MigrationState: &kubevirtv1.VirtualMachineInstanceMigrationState{Failed: failed, EndTimestamp: &end,
				FailureReason: "no lock"},
		}}, virt.KeepInstance)
	}
	later, earlier := began.Add(time.Minute), began.Add(-time.Minute)
	assert.Equal(t, "invalid", migrationSays(instance(corev1.ConditionFalse, true, later)))
	assert.Contains(t, migrationSays(instance(corev1.ConditionTrue, true, later)),
		"failed and is retried: no lock; to copy the disk instead")
	assert.Empty(t, migrationSays(instance(corev1.ConditionTrue, false, later)))
	assert.Empty(t, migrationSays(instance(corev1.ConditionTrue, true, earlier)), "of another migration")
	assert.Empty(t, migrationSays(keeptest.Object(&kubevirtv1.VirtualMachineInstance{}, virt.KeepInstance)))
}
