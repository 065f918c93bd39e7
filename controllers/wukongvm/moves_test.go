package wukongvm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// moveOf is a running machine whose disk data is to move from claim data to claim data-2, in a phase. given: KubeVirt was given the volume
// when the instance of that UID ran.
func moveOf(phase v1alpha1.MovePhase, given bool, options ...func(*observation)) (*v1alpha1.WukongVM, *observation) {
	vm, observed := withData()
	vm.Spec.PowerState = v1alpha1.PowerRunning
	run(vm, observed)
	observed.kubevirtServed, observed.nodes = true, 2
	observed.Instance.UID = "one"
	disk := observed.disks["data"]
	disk.Status.Move = &v1alpha1.DiskMove{TargetClaimName: "data-2", TargetStorageClassName: "slow", Method: v1alpha1.MoveLive, Phase: phase}
	if given {
		_, volume := virt.TemplateDisk(observed.Machine, "data")
		volume.DataVolume.Name = "data-2"
		observed.Machine.Annotations = encodeHandovers([]handover{{Volume: "data", Disk: "data", From: "data", To: "data-2", Instance: "one"}})
		observed.Machine.Spec.UpdateVolumesStrategy = ptr.To(kubevirtv1.UpdateVolumesStrategyMigration)
	}
	for _, option := range options {
		option(observed)
	}
	return vm, observed
}

func instanceVolume(claim string, migrates bool) func(*observation) {
	return func(observed *observation) {
		for i := range observed.Instance.Spec.Volumes {
			if volume := &observed.Instance.Spec.Volumes[i]; volume.Name == "data" {
				volume.DataVolume.Name = claim
			}
		}
		if migrates {
			observed.Instance.Status.MigratedVolumes = []kubevirtv1.StorageMigratedVolumeInfo{{
				VolumeName: "data", SourcePVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: "data"},
				DestinationPVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: "data-2"},
			}}
		}
	}
}

func ended(observed *observation) { observed.Instance.Status.Phase = kubevirtv1.Succeeded }

func instanceGone(observed *observation) { observed.Instance = nil }

func startedAnew(observed *observation) { observed.Instance.UID = "two" }

func machineSaysTrue(conditionType kubevirtv1.VirtualMachineConditionType, message string) func(*observation) {
	return func(observed *observation) {
		observed.Machine.Status.Conditions = append(observed.Machine.Status.Conditions, kubevirtv1.VirtualMachineCondition{
			Type: conditionType, Status: corev1.ConditionTrue, Message: message,
		})
	}
}

func instanceSaysFalse(conditionType kubevirtv1.VirtualMachineInstanceConditionType, reason, message string) func(*observation) {
	return func(observed *observation) {
		observed.Instance.Status.Conditions = append(observed.Instance.Status.Conditions, kubevirtv1.VirtualMachineInstanceCondition{
			Type: conditionType, Status: corev1.ConditionFalse, Reason: reason, Message: message,
		})
	}
}

func listedByKubeVirt(observed *observation) {
	observed.Machine.Status.VolumeUpdateState = &kubevirtv1.VolumeUpdateState{VolumeMigrationState: &kubevirtv1.VolumeMigrationState{
		MigratedVolumes: []kubevirtv1.StorageMigratedVolumeInfo{{
			VolumeName: "data", SourcePVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: "data"},
			DestinationPVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: "data-2"},
		}},
	}}
}

func named(claim string) func(*observation) {
	return func(observed *observation) {
		observed.disks["data"].Annotations = map[string]string{v1alpha1.AnnotationClaimInUse: claim}
	}
}

func readWriteOnce(volume string) func(*observation) {
	return func(observed *observation) {
		for i := range observed.Instance.Status.VolumeStatus {
			if status := &observed.Instance.Status.VolumeStatus[i]; status.Name == volume {
				status.PersistentVolumeClaimInfo.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
			}
		}
	}
}

// What the machine answers, and which claim its VirtualMachine has.
func TestMoves(t *testing.T) {
	const (
		volumesChange = kubevirtv1.VirtualMachineConditionType(kubevirtv1.VirtualMachineInstanceVolumesChange)
		recovery      = kubevirtv1.VirtualMachineManualRecoveryRequired
		restart       = kubevirtv1.VirtualMachineRestartRequired
	)
	tests := map[string]struct {
		phase   v1alpha1.MovePhase
		given   bool
		options []func(*observation)
		state   v1alpha1.VMDiskMoveState
		claim   string
		words   string
		migrate bool
	}{
		"asked": {phase: "Preparing", state: "Accepted", claim: "data"},
		"asked, and there is one node": {phase: "Preparing", options: []func(*observation){func(o *observation) { o.nodes = 1 }},
			state: "Refused", claim: "data", words: "no second node"},
		"asked, and it cannot migrate": {phase: "Preparing", options: []func(*observation){instanceSaysFalse(kubevirtv1.VirtualMachineInstanceIsMigratable, "HostDevice", "it has a GPU")},
			state: "Refused", claim: "data", words: "it has a GPU"},
		"asked, and only its claims keep it": {phase: "Preparing",
			options: []func(*observation){instanceSaysFalse(kubevirtv1.VirtualMachineInstanceIsMigratable, "DisksNotLiveMigratable", "data"), readWriteOnce("data")},
			state:   "Accepted", claim: "data"},
		"asked, and another claim cannot come along": {phase: "Preparing", options: []func(*observation){readWriteOnce("root")},
			state: "Refused", claim: "data", words: "volume root is ReadWriteOnce"},
		"asked, and it waits for a restart": {phase: "Preparing", options: []func(*observation){machineSaysTrue(restart, "cores changed")},
			state: "Refused", claim: "data", words: "cores changed"},
		"asked, and it does not run": {phase: "Preparing", options: []func(*observation){ended}, state: "Refused", claim: "data", words: "does not run"},

		"may":                      {phase: "Migrating", state: "Migrating", claim: "data-2", migrate: true},
		"given, not begun":         {phase: "Migrating", given: true, state: "Migrating", claim: "data-2", migrate: true},
		"begun":                    {phase: "Migrating", given: true, options: []func(*observation){instanceVolume("data-2", true)}, state: "Migrating", claim: "data-2", migrate: true},
		"listed, spec not yet":     {phase: "Migrating", given: true, options: []func(*observation){instanceVolume("data", true)}, state: "Migrating", claim: "data-2", migrate: true},
		"finished":                 {phase: "Migrating", given: true, options: []func(*observation){instanceVolume("data-2", false)}, state: "Moved", claim: "data-2", migrate: true},
		"finished, then ended":     {phase: "Migrating", given: true, options: []func(*observation){instanceVolume("data-2", false), ended}, state: "Moved", claim: "data-2", migrate: true},
		"ended before it begun":    {phase: "Migrating", given: true, options: []func(*observation){ended}, state: "Refused", claim: "data", migrate: true},
		"ended in the middle":      {phase: "Migrating", given: true, options: []func(*observation){instanceVolume("data-2", true), ended}, state: "Refused", claim: "data", migrate: true},
		"gone in the middle":       {phase: "Migrating", given: true, options: []func(*observation){instanceGone, machineSaysTrue(volumesChange, ""), listedByKubeVirt}, state: "Refused", claim: "data", migrate: true},
		"gone, to be recovered":    {phase: "Migrating", given: true, options: []func(*observation){instanceGone, machineSaysTrue(recovery, ""), listedByKubeVirt}, state: "Refused", claim: "data", migrate: true},
		"gone after it finished":   {phase: "Migrating", given: true, options: []func(*observation){instanceGone, listedByKubeVirt}, state: "Moved", claim: "data-2", migrate: true},
		"gone without a trace":     {phase: "Migrating", given: true, options: []func(*observation){instanceGone}, state: "Undecided", claim: "data-2", words: "annotate wukongdisk data", migrate: true},
		"named the new one":        {phase: "Migrating", given: true, options: []func(*observation){instanceGone, named("data-2")}, state: "Moved", claim: "data-2", migrate: true},
		"named the old one":        {phase: "Migrating", given: true, options: []func(*observation){instanceGone, named("data")}, state: "Refused", claim: "data", migrate: true},
		"started on the new one":   {phase: "Migrating", given: true, options: []func(*observation){startedAnew, instanceVolume("data-2", false)}, state: "Undecided", claim: "data-2", migrate: true},
		"KubeVirt refuses":         {phase: "Migrating", given: true, options: []func(*observation){machineSaysTrue(restart, "volumes are invalid")}, state: "Refused", claim: "data", words: "volumes are invalid", migrate: true},
		"cancelled, not given":     {phase: "Cancelling", state: "Withdrawn", claim: "data"},
		"cancelled, not begun":     {phase: "Cancelling", given: true, state: "Migrating", claim: "data", migrate: true},
		"cancelled, begun":         {phase: "Cancelling", given: true, options: []func(*observation){instanceVolume("data-2", true)}, state: "Migrating", claim: "data-2", migrate: true},
		"cancelled, on its way":    {phase: "Cancelling", options: []func(*observation){instanceVolume("data-2", true)}, state: "Migrating", claim: "data", migrate: false},
		"cancelled too late":       {phase: "Cancelling", given: true, options: []func(*observation){instanceVolume("data-2", false)}, state: "Moved", claim: "data-2", migrate: true},
		"its record was taken off": {phase: "Migrating", given: true, options: []func(*observation){func(o *observation) { o.Machine.Annotations = nil }}, state: "Undecided", claim: "data-2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			vm, observed := moveOf(test.phase, test.given, test.options...)
			observed.resolve(vm)
			decided := observed.moves["data"]
			assert.Equal(t, test.state, decided.state, decided.message)
			assert.Contains(t, decided.message, test.words)
			machine := desiredMachine(vm, observed)
			_, volume := virt.TemplateDisk(machine, "data")
			assert.Equal(t, test.claim, virt.ClaimOf(volume))
			if running := observed.Running(); running != nil && test.migrate && test.state == v1alpha1.VMDiskMoveMigrating && test.claim == "data-2" {
				assert.Equal(t, kubevirtv1.UpdateVolumesStrategyMigration, ptr.Deref(machine.Spec.UpdateVolumesStrategy, ""))
			}
			recordKept := len(handoversOf(machine)) > 0
			assert.Equal(t, test.claim == "data-2" && name != "its record was taken off", recordKept, "the claim and its record are never apart")
		})
	}
}

// KubeVirt lists the volume, says that it goes on, and refuses the new claim: see stall.
func TestAStalledMigrationBeginsAnew(t *testing.T) {
	for name, test := range map[string]struct {
		stall       stall
		claim, root string
		words       string
	}{
		"perhaps it is not": {claim: "data-2", root: "root"},
		"stalled":           {stall: stall{state: stalled, misled: "root"}, claim: "data", root: misleadingClaim, words: "begins anew"},
		"no bystander":      {stall: stall{state: stalled}, claim: "data-2", root: "root", words: "restart the machine"},
		"released, a migration is left": {stall: stall{state: released, unfinished: true},
			claim: "data", root: "root", words: "begins anew"},
		"released": {stall: stall{state: released}, claim: "data-2", root: "root", words: "begins anew"},
	} {
		t.Run(name, func(t *testing.T) {
			vm, observed := moveOf(v1alpha1.MoveMigrating, true, instanceVolume("data", true), func(o *observation) { o.stall = test.stall })
			_, booted := virt.TemplateDisk(observed.Machine, "root")
			booted = booted.DeepCopy()
			observed.resolve(vm)
			machine := desiredMachine(vm, observed)
			_, data := virt.TemplateDisk(machine, "data")
			_, root := virt.TemplateDisk(machine, "root")
			assert.Equal(t, test.claim, virt.ClaimOf(data))
			assert.Equal(t, test.root == misleadingClaim, virt.ClaimOf(root) == misleadingClaim)
			assert.Equal(t, kubevirtv1.UpdateVolumesStrategyMigration, ptr.Deref(machine.Spec.UpdateVolumesStrategy, ""), "or KubeVirt looks at nothing")
			assert.Len(t, handoversOf(machine), 1, "it is still KubeVirt's")
			assert.Equal(t, v1alpha1.VMDiskMoveMigrating, observed.moves["data"].state)
			assert.Contains(t, observed.moves["data"].message, test.words)

			_, restored := virt.TemplateDisk(meant(machine, observed.Instance), "root")
			assert.Equal(t, virt.ClaimOf(booted), virt.ClaimOf(restored), "nobody else sees the claim that does not exist")
		})
	}
}

func TestTheBystanderOfAStall(t *testing.T) {
	_, observed := moveOf(v1alpha1.MoveMigrating, true, instanceVolume("data", true))
	assert.Equal(t, "root", observed.bystander(observed.Instance))
	device, _ := virt.TemplateDisk(observed.Machine, "root")
	device.Shareable = ptr.To(true)
	assert.NotEqual(t, "root", observed.bystander(observed.Instance), "KubeVirt would ask for a restart")
	assert.NotEqual(t, "data", observed.bystander(observed.Instance), "it moves")
}

// A machine that started on a claim that may be empty must not have it copied over the one that has the bytes.
func TestNothingIsMigratedBack(t *testing.T) {
	vm, observed := moveOf(v1alpha1.MoveMigrating, true, startedAnew, instanceVolume("data-2", false), named("data"))
	observed.resolve(vm)
	machine := desiredMachine(vm, observed)
	_, volume := virt.TemplateDisk(machine, "data")
	assert.Equal(t, "data", virt.ClaimOf(volume))
	assert.Nil(t, machine.Spec.UpdateVolumesStrategy)
}

// KubeVirt would take a disk that is replaced for one more that moves, and write over it.
func TestADiskIsNotReplacedWhileAnotherMoves(t *testing.T) {
	vm, observed := moveOf(v1alpha1.MoveMigrating, false)
	iso := observed.disks["iso"]
	if iso == nil {
		for name, disk := range observed.disks {
			if name != "data" && disk != nil && disk.AdoptsClaim() {
				iso = disk
			}
		}
	}
	before := iso.Status.ClaimName
	iso.Status.ClaimName = "another"
	observed.resolve(vm)
	machine := desiredMachine(vm, observed)
	assert.Equal(t, kubevirtv1.UpdateVolumesStrategyMigration, *machine.Spec.UpdateVolumesStrategy)
	claims := map[string]bool{}
	for i := range machine.Spec.Template.Spec.Volumes {
		claims[virt.ClaimOf(&machine.Spec.Template.Spec.Volumes[i])] = true
	}
	assert.True(t, claims[before])
	assert.False(t, claims["another"])
}

// The strategy stays as long as it harms nothing, since KubeVirt asks for a restart of a machine that loses it after its boot disk moved, and
// goes when a disk is to be plugged in, which KubeVirt does not do with it.
func TestTheStrategyGoesWhenADiskComes(t *testing.T) {
	vm, observed := moveOf(v1alpha1.MoveMigrating, true, instanceVolume("data-2", false))
	disk := observed.disks["data"]
	disk.Status.ClaimName, disk.Status.Move = "data-2", nil
	observed.resolve(vm)
	assert.NotNil(t, desiredMachine(vm, observed).Spec.UpdateVolumesStrategy)
	assert.Len(t, observed.handovers(), 1, "to forget it would be a write")

	vm.Spec.Disks = append(vm.Spec.Disks, v1alpha1.VMDisk{Name: "extra", Bus: "virtio", DiskRef: &v1alpha1.LocalObjectReference{Name: "extra"}})
	extra := disk.DeepCopy()
	extra.Name, extra.Status.ClaimName = "extra", "extra"
	observed.disks["extra"] = extra
	observed.resolve(vm)
	assert.Nil(t, desiredMachine(vm, observed).Spec.UpdateVolumesStrategy)
}

func TestAMachineIsHeldBackWhileADiskIsCopied(t *testing.T) {
	vm, observed := moveOf(v1alpha1.MoveCopying, false, instanceGone)
	observed.disks["data"].Status.Move.Method = v1alpha1.MoveCopy
	observed.Machine.Spec.RunStrategy = ptr.To(kubevirtv1.RunStrategyHalted)
	observed.resolve(vm)
	assert.Equal(t, v1alpha1.VMDiskMoveReleased, observed.moves["data"].state)
	assert.Equal(t, kubevirtv1.RunStrategyHalted, observed.runStrategy(vm))

	observed.Machine.Spec.RunStrategy = ptr.To(kubevirtv1.RunStrategyAlways)
	observed.resolve(vm)
	assert.Equal(t, v1alpha1.VMDiskMoveRefused, observed.moves["data"].state, "KubeVirt may start it any moment")
}

func TestAMigrationThatFailedIsTold(t *testing.T) {
	began := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	instance := func(status corev1.ConditionStatus, failed bool, ended time.Time) *kubevirtv1.VirtualMachineInstance {
		end := metav1.NewTime(ended)
		return &kubevirtv1.VirtualMachineInstance{Status: kubevirtv1.VirtualMachineInstanceStatus{
			Conditions: []kubevirtv1.VirtualMachineInstanceCondition{{
				Type: kubevirtv1.VirtualMachineInstanceVolumesChange, Status: status, Message: "invalid", LastTransitionTime: began,
			}},
			MigrationState: &kubevirtv1.VirtualMachineInstanceMigrationState{Failed: failed, EndTimestamp: &end, FailureReason: "no lock"},
		}}
	}
	later, earlier := began.Add(time.Minute), began.Add(-time.Minute)
	assert.Equal(t, "invalid", migrationSays(instance(corev1.ConditionFalse, true, later)))
	assert.Contains(t, migrationSays(instance(corev1.ConditionTrue, true, later)), "it tries again: no lock; stop the machine")
	assert.Empty(t, migrationSays(instance(corev1.ConditionTrue, false, later)))
	assert.Empty(t, migrationSays(instance(corev1.ConditionTrue, true, earlier)), "of another migration")
	assert.Empty(t, migrationSays(&kubevirtv1.VirtualMachineInstance{}))
}
