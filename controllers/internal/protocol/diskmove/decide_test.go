package diskmove

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/protocol/copies"
)

// The claims that the disk root moves to from the claim root.
var (
	toSlow = TargetName(diskWith(), "slow", "root")
	toCold = TargetName(diskWith(), "cold", "root")
)

// copyOf returns a DataVolume that the disk root moved to, or is moving to.
func copyOf(name, from string, options ...func(*cdiv1.DataVolume)) *cdiv1.DataVolume {
	dataVolume := dataVolumeIn(cdiv1.Succeeded)
	dataVolume.Name, dataVolume.UID = name, types.UID(name)
	dataVolume.Annotations = map[string]string{v1alpha1.AnnotationMovedFrom: from}
	dataVolume.Spec.Storage.StorageClassName = ptr.To("slow")
	dataVolume.Spec.Source = &cdiv1.DataVolumeSource{Blank: &cdiv1.DataVolumeBlankImage{}}
	for _, option := range options {
		option(dataVolume)
	}
	return dataVolume
}

func cloned(dataVolume *cdiv1.DataVolume) {
	dataVolume.Spec.Source = &cdiv1.DataVolumeSource{PVC: &cdiv1.DataVolumeSourcePVC{Name: "root"}}
}

func inPhase(phase cdiv1.DataVolumePhase) func(*cdiv1.DataVolume) {
	return func(dataVolume *cdiv1.DataVolume) { dataVolume.Status.Phase = phase }
}

func TestTargetNames(t *testing.T) {
	assert.Regexp(t, `^root-[0-9a-f]{8}$`, toSlow)
	assert.NotEqual(t, toSlow, toCold)
	assert.NotEqual(t, toSlow, TargetName(diskWith(), "slow", toCold), "no move has the name of an earlier one")
	long := diskWith(func(disk *v1alpha1.WukongDisk) { disk.Name = string(make([]byte, 253)) })
	assert.LessOrEqual(t, len(TargetName(long, "slow", "root")), 253)
}

// Only the DataVolumes decide which claim holds the disk.
// saying adds a WukongVM that has the disk, attached or not, and its answer to a move.
func saying(
	attachment v1alpha1.DiskAttachment, target string, state v1alpha1.VMDiskMoveState,
	options ...func(*v1alpha1.WukongVM),
) func(*Inputs) {
	return func(observed *Inputs) {
		vm := attachedVM(options...)
		entry := v1alpha1.VMDiskStatus{Name: "root", DiskName: "root", ClaimName: "root", Attachment: attachment}
		if state != "" {
			entry.Move = &v1alpha1.VMDiskMove{TargetClaimName: target, State: state, Message: "because"}
		}
		vm.Status.Disks = []v1alpha1.VMDiskStatus{entry}
		observed.VMs, observed.AttachedTo = []v1alpha1.WukongVM{vm}, "web"
	}
}

func powerless(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerStopped }

// movingTo sets the status of a disk that has reported a move.
func movingTo(target string, method v1alpha1.MoveMethod, phase v1alpha1.MovePhase) func(*v1alpha1.WukongDisk) {
	return func(disk *v1alpha1.WukongDisk) {
		disk.Status.ClaimName, disk.Status.AttachedTo = "root", "web"
		disk.Status.Move = &v1alpha1.DiskMove{TargetClaimName: target, TargetStorageClassName: "slow",
			Method: method, Phase: phase}
	}
}

func choice(claim string) func(*v1alpha1.WukongDisk) {
	return func(disk *v1alpha1.WukongDisk) {
		disk.Annotations = map[string]string{v1alpha1.AnnotationClaimInUse: claim}
	}
}

func TestDecideMove(t *testing.T) {
	const live, copied = v1alpha1.MoveLive, v1alpha1.MoveCopy
	slow := ofClass("slow")
	blankTarget := func(options ...func(*cdiv1.DataVolume)) func(*Inputs) {
		return func(observed *Inputs) { observed.Copies.Target = copyOf(toSlow, "root", options...) }
	}
	boundTarget := func(observed *Inputs) { observed.TargetClaim = claimBound() }
	tests := map[string]struct {
		disk     *v1alpha1.WukongDisk
		observed []func(*Inputs)
		// step is what is done: create, create clone, remove, finish.
		step            string
		method          v1alpha1.MoveMethod
		phase           v1alpha1.MovePhase
		reason, message string
	}{
		"where it shall be": {disk: diskWith(ofClass("fast"))},
		"no class in spec":  {disk: diskWith()},
		"an adopted claim":  {disk: diskWith(adopting("data"))},
		"a class that is missing": {disk: diskWith(slow),
			observed: []func(*Inputs){func(o *Inputs) { o.ClassFound = false }},
			reason:   "StorageClassMissing"},
		"shared": {disk: diskWith(slow, func(disk *v1alpha1.WukongDisk) { disk.Spec.Shared = ptr.To(true) }),
			reason: "MoveUnsupported", message: "spec.shared"},
		"its DataVolume was collected": {disk: diskWith(slow),
			observed: []func(*Inputs){func(o *Inputs) { o.DataVolume = nil }},
			reason:   "MoveUnsupported", message: "clone"},
		"while it is filled": {disk: diskWith(slow), observed: []func(*Inputs){func(o *Inputs) { o.Complete = false }},
			reason: "Moving", message: "when it is filled"},
		"while it grows": {disk: diskWith(slow), observed: []func(*Inputs){func(o *Inputs) { o.Grows = true }},
			reason: "Moving", message: "when it has grown"},

		"nobody has it: tells first": {disk: diskWith(slow), method: copied, phase: "Preparing", reason: "Moving"},
		"nobody has it, and that is told": {disk: diskWith(slow, movingTo(toSlow, copied, "Preparing")),
			step:   "create clone",
			method: copied, phase: "Preparing", reason: "Moving"},
		"its name is still taken": {disk: diskWith(slow, movingTo(toSlow, copied, "Preparing")),
			observed: []func(*Inputs){boundTarget},
			method:   copied, phase: "Preparing", reason: "Moving", message: "must be deleted first"},
		"stopped: asks": {disk: diskWith(slow), observed: []func(*Inputs){saying("", "", "", powerless)},
			method: copied,
			phase:  "Preparing", reason: "Moving"},
		"stopped, and has answered to an earlier move": {disk: diskWith(slow),
			observed: []func(*Inputs){saying("", toSlow, "Released", powerless)},
			method:   copied, phase: "Preparing", reason: "Moving"},
		"stopped, and released": {disk: diskWith(slow, movingTo(toSlow, copied, "Preparing")),
			observed: []func(*Inputs){saying("", toSlow, "Released", powerless)},
			step:     "create clone", method: copied, phase: "Preparing", reason: "Moving"},
		"stopped, and the answer was to a live move": {disk: diskWith(slow, movingTo(toSlow, copied, "Preparing")),
			observed: []func(*Inputs){saying("", toSlow, "Accepted", powerless)}, method: copied,
			phase: "Preparing", reason: "Moving"},
		"starts": {disk: diskWith(slow), observed: []func(*Inputs){saying("", "", "")}, reason: "Moving",
			message: "runs, or is stopped"},
		"being attached": {disk: diskWith(slow), observed: []func(*Inputs){saying("Attaching", "", "")},
			reason: "Moving", message: "attached or detached"},
		"its machine is being deleted": {disk: diskWith(slow),
			observed: []func(*Inputs){saying("Attached", "", "", ending)},
			reason:   "Moving", message: "released the disk"},

		"runs: asks": {disk: diskWith(slow), observed: []func(*Inputs){saying("Attached", "", "")}, method: live,
			phase: "Preparing", reason: "Moving"},
		"runs, and accepts": {disk: diskWith(slow, movingTo(toSlow, live, "Preparing")), observed: []func(*Inputs){
			saying("Attached", toSlow, "Accepted")}, step: "create", method: live, phase: "Preparing",
			reason: "Moving"},
		"runs, and refuses": {disk: diskWith(slow, movingTo(toSlow, live, "Preparing")),
			observed: []func(*Inputs){saying(
				"Attached", toSlow, "Refused")}, method: live, phase: "Preparing", reason: "MoveUnsupported",
			message: "because"},
		"the target is made": {disk: diskWith(slow, movingTo(toSlow, live, "Preparing")),
			observed: []func(*Inputs){saying("Attached", toSlow, "Accepted"),
				blankTarget(inPhase(cdiv1.ImportInProgress))},
			method: live, phase: "Preparing", reason: "Moving"},
		"the target is there": {disk: diskWith(slow, movingTo(toSlow, live, "Preparing")),
			observed: []func(*Inputs){saying("Attached", toSlow, "Accepted"), blankTarget()},
			method:   live, phase: "Migrating", reason: "Moving"},
		"quota": {disk: diskWith(slow, movingTo(toSlow, live, "Preparing")),
			observed: []func(*Inputs){saying("Attached", toSlow, "Accepted"),
				blankTarget(func(d *cdiv1.DataVolume) {
					d.Status.Phase, d.Status.Conditions = cdiv1.Pending,
						[]cdiv1.DataVolumeCondition{boundCondition("ErrExceededQuota", "exceeded quota: small")}
				})}, method: live, phase: "Preparing", reason: "QuotaExceeded", message: "small"},
		"stops before it begins": {disk: diskWith(slow, movingTo(toSlow, live, "Preparing")), observed: []func(
			*Inputs){saying("", toSlow, "Accepted", powerless), blankTarget()}, step: "remove", reason: "Moving"},
		"the class changes before it begins": {disk: diskWith(ofClass("fast"), movingTo(toSlow, live, "Preparing")),
			observed: []func(*Inputs){saying("Attached", toSlow, "Accepted"), blankTarget()}, step: "remove",
			reason: "Moving"},
		"migrates": {disk: diskWith(slow, movingTo(toSlow, live, "Migrating")),
			observed: []func(*Inputs){saying("Attached", toSlow, "Migrating"), blankTarget()}, method: live,
			phase: "Migrating", reason: "Moving"},
		"migrates, and status was lost": {disk: diskWith(slow), observed: []func(*Inputs){
			saying("Attached", toSlow, "Migrating"), blankTarget()}, method: live, phase: "Migrating",
			reason: "Moving"},
		"the class changes while it migrates": {disk: diskWith(ofClass("cold"), movingTo(toSlow, live, "Migrating")),
			observed: []func(*Inputs){saying("Attached", toSlow, "Migrating"), blankTarget()}, method: live,
			phase:  "Cancelling",
			reason: "Moving", message: "finished or cancelled first"},
		"has moved": {disk: diskWith(slow, movingTo(toSlow, live, "Migrating")),
			observed: []func(*Inputs){saying("Attached", toSlow, "Moved"), blankTarget()}, step: "finish", method: live,
			phase: "Migrating", reason: "Moving"},
		"has moved all the same": {disk: diskWith(ofClass("cold"), movingTo(toSlow, live, "Cancelling")),
			observed: []func(*Inputs){saying("Attached", toSlow, "Moved"), blankTarget()}, step: "finish", method: live,
			phase: "Cancelling", reason: "Moving"},
		"broke off": {disk: diskWith(slow, movingTo(toSlow, live, "Migrating")),
			observed: []func(*Inputs){saying("", toSlow, "Refused", powerless), blankTarget()}, method: live,
			phase: "Cancelling", reason: "MoveUnsupported"},
		"withdrawn": {disk: diskWith(slow, movingTo(toSlow, live, "Cancelling")), observed: []func(
			*Inputs){saying("", toSlow, "Withdrawn", powerless), blankTarget()}, step: "remove", reason: "Moving"},
		"withdrawn from an earlier move": {disk: diskWith(slow, movingTo(toSlow, live, "Migrating")),
			observed: []func(*Inputs){saying("Attached", toSlow, "Withdrawn"), blankTarget()}, method: live,
			phase: "Migrating", reason: "Moving"},
		"undecided": {disk: diskWith(slow, movingTo(toSlow, live, "Migrating")), observed: []func(
			*Inputs){saying("", toSlow, "Undecided"), blankTarget()}, method: live, phase: "Migrating",
			reason: "MoveUndecided"},
		"its machine is gone": {disk: diskWith(slow, movingTo(toSlow, live, "Migrating")), observed: []func(
			*Inputs){blankTarget()}, method: live, phase: "Migrating", reason: "MoveUndecided", message: "annotate"},
		"a person says the new one": {disk: diskWith(slow, movingTo(toSlow, live, "Migrating"), choice(toSlow)),
			observed: []func(*Inputs){blankTarget()}, step: "finish", method: live, phase: "Migrating",
			reason: "Moving"},
		"a person says the old one": {disk: diskWith(slow, movingTo(toSlow, live, "Migrating"), choice("root")),
			observed: []func(*Inputs){blankTarget()}, step: "remove", reason: "Moving"},

		"is copied": {disk: diskWith(slow, movingTo(toSlow, copied, "Copying")), observed: []func(
			*Inputs){blankTarget(cloned, inPhase(cdiv1.CloneInProgress))}, method: copied, phase: "Copying",
			reason: "Moving"},
		"is copied, and status was lost": {disk: diskWith(slow), observed: []func(*Inputs){
			blankTarget(cloned, inPhase(cdiv1.CloneInProgress))}, method: copied, phase: "Copying", reason: "Moving"},
		"is copied, and its machine has it": {disk: diskWith(slow, movingTo(toSlow, copied, "Copying")),
			observed: []func(*Inputs){saying("Attached", "", ""), blankTarget(cloned), boundTarget}, step: "remove",
			method: copied, phase: "Copying", reason: "Moving"},
		"the class changes while it is copied": {disk: diskWith(ofClass("cold"), movingTo(toSlow, copied, "Copying")),
			observed: []func(*Inputs){blankTarget(cloned)}, step: "remove", method: copied, phase: "Copying",
			reason: "Moving"},
		"the copy is complete": {disk: diskWith(slow, movingTo(toSlow, copied, "Copying")), observed: []func(
			*Inputs){blankTarget(cloned), boundTarget}, step: "finish", method: copied, phase: "Copying",
			reason: "Moving"},
		"the copy fails": {disk: diskWith(slow, movingTo(toSlow, copied, "Copying")),
			observed: []func(*Inputs){blankTarget(cloned, func(d *cdiv1.DataVolume) {
				d.Status.Phase, d.Status.Conditions = cdiv1.CloneInProgress,
					[]cdiv1.DataVolumeCondition{running(corev1.ConditionFalse, "Error", "no space")}
			})}, method: copied, phase: "Copying", reason: "ImportFailed", message: "no space"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			observed := &Inputs{
				Disk: test.disk, ClassFound: true, Complete: true, DataVolume: dataVolumeIn(cdiv1.Succeeded), Claim: claimBound(),
				Copies: copies.Copies{Current: "root"}, RequestedSize: ptr.To(resource.MustParse("1Gi")),
			}
			for _, change := range test.observed {
				change(observed)
			}
			decided := observed.Decide()
			assert.Equal(t, test.step, stepOf(&decided))
			assert.Equal(t, test.reason, decided.Reason, decided.Message)
			assert.Contains(t, decided.Message, test.message)
			if test.method == "" {
				assert.Nil(t, decided.Status)
				return
			}
			if assert.NotNil(t, decided.Status) {
				assert.Equal(t, test.method, decided.Status.Method)
				assert.Equal(t, test.phase, decided.Status.Phase)
				assert.Equal(t, toSlow, decided.Status.TargetClaimName)
			}
			assert.Equal(t, test.method == copied, decided.Locked(), "nobody writes to what is copied")
		})
	}
}

func stepOf(decided *Decision) string {
	switch {
	case decided.Create != nil && !isBlank(decided.Create):
		return "create clone"
	case decided.Create != nil:
		return "create"
	case decided.Remove != nil:
		return "remove"
	case decided.Finish:
		return "finish"
	default:
		return ""
	}
}
