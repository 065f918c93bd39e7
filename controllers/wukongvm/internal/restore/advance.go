package restore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/instances"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// safetyPatience is how long the WukongVM stays stopped for its safety snapshot before the restore fails.
const safetyPatience = 10 * time.Minute

// switchPatience is how long the disks may take to report their new claims.
const switchPatience = 10 * time.Minute

// advance goes to the next phase when the current one is over.
func (p *Plan) advance() {
	if !replaced(p.Status.Phase) && p.anyInUse() {
		p.enter(v1alpha1.RestoreSwitching) // status was lost, and disks are replaced already
		return
	}
	switch p.Status.Phase {
	case v1alpha1.RestoreFilling:
		p.filling()
	case v1alpha1.RestoreStopping:
		p.stopping()
	case v1alpha1.RestoreSafety:
		p.safety()
	case v1alpha1.RestoreSwitching:
		p.switching()
	case v1alpha1.RestoreStarting:
		p.starting()
	case v1alpha1.RestoreSwitched:
		if p.in.VM.Spec.PowerState != v1alpha1.PowerStopped {
			p.enter(v1alpha1.RestoreStarting)
		}
	case v1alpha1.RestoreRollingBack:
		p.rollingBack()
	}
}

// of is the report of a disk about this restore; nil when it has made none.
func (p *Plan) of(entry *v1alpha1.VMRestoreDisk) *v1alpha1.DiskRestore {
	disk := p.in.Disks[entry.DiskName]
	if disk == nil || disk.Status.Restore == nil ||
		!disk.Status.Restore.RequestedAt.Equal(&p.Status.Request.RequestedAt) {
		return nil
	}
	return disk.Status.Restore
}

// has reports whether the WukongVM still lists a disk, and no other has it. A disk whose status was lost names none.
func (p *Plan) has(entry *v1alpha1.VMRestoreDisk) bool {
	disk := p.in.Disks[entry.DiskName]
	if disk == nil || disk.Status.AttachedTo != "" && disk.Status.AttachedTo != p.in.VM.Name {
		return false
	}
	return slices.Contains(model.DiskNames(p.in.VM), entry.DiskName)
}

// volume is the name of a disk in spec.disks now: a user may rename the entry.
func (p *Plan) volume(entry *v1alpha1.VMRestoreDisk) string {
	for i := range p.in.VM.Spec.Disks {
		if listed := &p.in.VM.Spec.Disks[i]; model.DiskName(p.in.VM, listed) == entry.DiskName {
			return listed.Name
		}
	}
	return entry.Name
}

// lost is why a disk cannot be replaced any longer; empty when all can.
func (p *Plan) lost() string {
	for i := range p.Status.Disks {
		entry := &p.Status.Disks[i]
		if !p.has(entry) {
			return fmt.Sprintf("WukongVM %s no longer has disk %s (WukongDisk %s)", p.in.VM.Name, entry.Name,
				entry.DiskName)
		}
		if cause := p.broken(entry); cause != "" {
			return cause
		}
	}
	return ""
}

// broken is why a disk that the WukongVM has cannot be replaced any longer; empty when it can.
func (p *Plan) broken(entry *v1alpha1.VMRestoreDisk) string {
	if !p.in.Disks[entry.DiskName].DeletionTimestamp.IsZero() {
		return fmt.Sprintf("disk %s (WukongDisk %s) is being deleted", entry.Name, entry.DiskName)
	}
	if report := p.of(entry); report != nil && report.Phase == v1alpha1.DiskRestoreFailed {
		return fmt.Sprintf("disk %s (WukongDisk %s): %s", entry.Name, entry.DiskName, report.Message)
	}
	return ""
}

// isBack reports whether a disk has its previous claim.
func (p *Plan) isBack(entry *v1alpha1.VMRestoreDisk) bool {
	disk := p.in.Disks[entry.DiskName]
	return disk.Status.ClaimName == entry.PreviousClaimName && disk.Status.AttachedTo == p.in.VM.Name
}

// written reports whether the VirtualMachine has the new claims.
func (p *Plan) written() bool {
	for i := range p.Status.Disks {
		entry := &p.Status.Disks[i]
		_, volume := virt.TemplateDisk(p.in.Machine, p.volume(entry))
		if volume != nil && virt.ClaimOf(volume) == entry.PreviousClaimName && p.has(entry) {
			return false
		}
	}
	return true
}

// count is how many of the disks are in a phase, of those that the WukongVM still has.
func (p *Plan) count(phase v1alpha1.DiskRestorePhase) (in, all int) {
	for i := range p.Status.Disks {
		if !p.has(&p.Status.Disks[i]) {
			continue
		}
		all++
		if report := p.of(&p.Status.Disks[i]); report != nil && report.Phase == phase {
			in++
		}
	}
	return in, all
}

func (p *Plan) anyInUse() bool {
	inUse, _ := p.count(v1alpha1.DiskRestoreInUse)
	return inUse > 0
}

func (p *Plan) filling() {
	if cause := p.lost(); cause != "" {
		p.end(v1alpha1.RestoreFailed, v1alpha1.ReasonRestoreFailed, cause+"; nothing was changed")
		return
	}
	filled, all := p.count(v1alpha1.DiskRestoreFilled)
	if filled == all {
		p.enter(v1alpha1.RestoreStopping)
		return
	}
	p.message = fmt.Sprintf("%d of %d disks are filled from the snapshot while the WukongVM stays as it is",
		filled, all)
	for i := range p.Status.Disks {
		if report := p.of(&p.Status.Disks[i]); report != nil && report.Phase == v1alpha1.DiskRestoreFilling &&
			report.Message != "" {
			p.message += fmt.Sprintf("; disk %s: %s", p.Status.Disks[i].Name, report.Message)
		}
	}
}

// stopped reports whether no guest runs, and none starts before the VirtualMachine is written again.
func (p *Plan) stopped() bool { return p.in.Machine == nil && p.in.Instance == nil || p.in.Halted() }

func (p *Plan) stopping() {
	if cause := p.lost(); cause != "" {
		p.end(v1alpha1.RestoreFailed, v1alpha1.ReasonRestoreFailed, cause+"; no disk was replaced")
		return
	}
	guest := p.in.Guest()
	switch {
	case p.stopped():
		if p.Status.Request.SafetySnapshot == v1alpha1.SafetySnapshotSkip {
			p.enter(v1alpha1.RestoreSwitching)
			return
		}
		p.Status.SafetySnapshotName = model.SafetySnapshotName(p.in.VM, p.Status.Request.RequestedAt.Time)
		p.enter(v1alpha1.RestoreSafety)
	case p.Status.Request.Stop == v1alpha1.RestoreStopWhenStopped && p.in.VM.Spec.PowerState != v1alpha1.PowerStopped:
		p.waits = true
		p.message = "all disks are filled: the restore waits until powerState is Stopped (restore.stop is WhenStopped)"
	case guest != nil && instances.IsFrozen(guest):
		p.waits, p.After = true, time.Second
		p.message = "the guest is stopped when its file systems are thawed: a snapshot is being taken"
	case guest != nil && (instances.IsMigrating(guest) || p.in.Migrates):
		p.waits = true
		p.message = "the guest is stopped when its migration has ended"
	case guest != nil && p.in.Prevents != "":
		p.waits, p.After = true, look
		p.message = "all disks are filled, and the guest is not stopped, because it could not start again: " + p.in.Prevents
	default:
		p.message = "all disks are filled: the guest shuts down"
	}
}

func (p *Plan) safety() {
	if cause := p.lost(); cause != "" {
		p.end(v1alpha1.RestoreFailed, v1alpha1.ReasonRestoreFailed, cause+"; no disk was replaced")
		return
	}
	name, left := p.Status.SafetySnapshotName, safetyPatience-p.in.Now.Sub(p.Status.Since.Time)
	failure := p.unsafe(left)
	switch {
	case failure != "":
		p.end(v1alpha1.RestoreFailed, v1alpha1.ReasonRestoreFailed, failure+"; no disk was replaced. Resolve the cause and "+
			"request another restore, or set restore.safetySnapshot to Skip")
	case p.in.Safety == nil:
		p.MakesSafety, p.After = true, left
		p.message = fmt.Sprintf("WukongSnapshot %s of the stopped WukongVM is taken", name)
	case model.Ready(p.in.Safety).Status == metav1.ConditionTrue:
		p.enter(v1alpha1.RestoreSwitching)
	default:
		p.After = left
		p.message = fmt.Sprintf("WukongSnapshot %s of the stopped WukongVM is taken: %s", name,
			model.Ready(p.in.Safety).Message)
	}
}

// unsafe is why there is no safety snapshot, and will be none while the guest waits for it; empty when one may come.
func (p *Plan) unsafe(left time.Duration) string {
	name, snapshot := p.Status.SafetySnapshotName, p.in.Safety
	switch {
	case snapshot == nil && left > 0:
		return ""
	case snapshot == nil:
		return fmt.Sprintf("WukongSnapshot %s was not made within %s", name, safetyPatience)
	case snapshot.Labels[v1alpha1.LabelSafetyOf] != string(p.in.VM.UID):
		return fmt.Sprintf("a WukongSnapshot %s that Wukong did not make has the name of the safety snapshot", name)
	case !snapshot.DeletionTimestamp.IsZero():
		return fmt.Sprintf("WukongSnapshot %s was deleted", name)
	case model.Ready(snapshot).Status == metav1.ConditionTrue:
		return ""
	case snapshot.Finished(), hopeless(model.Ready(snapshot).Reason):
		return fmt.Sprintf("WukongSnapshot %s: %s", name, model.Ready(snapshot).Message)
	case left <= 0:
		return fmt.Sprintf("WukongSnapshot %s was not taken within %s: %s", name, safetyPatience,
			model.Ready(snapshot).Message)
	default:
		return ""
	}
}

// hopeless reports whether a snapshot with a reason is not taken while the guest waits for it.
func hopeless(reason string) bool {
	return reason == v1alpha1.ReasonSnapshotUnsupported || reason == v1alpha1.ReasonInvalidSpec ||
		reason == v1alpha1.ReasonSnapshotLost
}

func (p *Plan) switching() {
	for i := range p.Status.Disks {
		if entry := &p.Status.Disks[i]; p.has(entry) && p.broken(entry) != "" {
			p.rollBack(p.broken(entry))
			return
		}
	}
	inUse, all := p.count(v1alpha1.DiskRestoreInUse)
	p.message = fmt.Sprintf("%d of %d disks are replaced", inUse, all)
	left := switchPatience - p.in.Now.Sub(p.Status.Since.Time)
	switch {
	case inUse == all && p.stopped():
		p.enter(v1alpha1.RestoreStarting)
	case left <= 0:
		p.rollBack(fmt.Sprintf("%s within %s", p.message, switchPatience))
	default:
		p.After = left
	}
}

// stranded lists the disks whose previous claims cannot be put back, because somebody deleted them.
func (p *Plan) stranded() []string {
	var names []string
	for i := range p.Status.Disks {
		entry := &p.Status.Disks[i]
		if report := p.of(entry); p.has(entry) && report != nil && report.Phase == v1alpha1.DiskRestoreInUse &&
			report.PreviousClaimName == "" {
			names = append(names, entry.Name)
		}
	}
	return names
}

// cannotReturn reports whether all disks are replaced, and one of them has no previous claim. Then none is put back: a
// guest must not run on disks of two times.
func (p *Plan) cannotReturn() bool {
	inUse, all := p.count(v1alpha1.DiskRestoreInUse)
	return inUse == all && len(p.stranded()) > 0
}

// rollBack begins to put the previous claims back.
func (p *Plan) rollBack(cause string) {
	if p.cannotReturn() {
		p.enter(v1alpha1.RestoreStarting)
		return
	}
	p.end(v1alpha1.RestoreRollingBack, v1alpha1.ReasonRolledBack, cause)
}

func (p *Plan) starting() {
	if p.in.VM.Spec.PowerState == v1alpha1.PowerStopped {
		if p.in.Running() == nil {
			p.enter(v1alpha1.RestoreSwitched)
		}
		p.message = "the guest shuts down, because powerState is Stopped"
		return
	}
	if inUse, all := p.count(v1alpha1.DiskRestoreInUse); inUse < all && p.stopped() && !p.written() {
		p.enter(v1alpha1.RestoreSwitching) // the status of a disk was lost
		return
	}
	deadline := p.deadline()
	left := deadline - p.in.Now.Sub(p.Status.Since.Time)
	started, waits := p.started()
	if inUse, all := p.count(v1alpha1.DiskRestoreInUse); started && inUse < all {
		started, waits = false, fmt.Sprintf("the guest runs, and %d of %d disks report their new claims", inUse, all)
	}
	switch {
	case started:
		p.end(v1alpha1.RestoreSucceeded, v1alpha1.ReasonRestored, "")
	case left <= 0 && p.cannotReturn():
		p.message = fmt.Sprintf("the guest did not start on the restored disks within %s: %s. Its previous disks cannot be "+
			"put back, because %s deleted%s", deadline, waits, p.lostClaims(), p.undo())
	case left <= 0:
		p.rollBack(fmt.Sprintf("the guest did not start on the restored disks within %s: %s", deadline, waits))
	default:
		p.After = left
		p.message = fmt.Sprintf("the guest starts on the restored disks, until %s at the latest: %s",
			text(p.Status.Since.Add(deadline)), waits)
	}
}

// deadline is how long the guest has to start on the restored disks.
func (p *Plan) deadline() time.Duration {
	return time.Duration(ptr.Deref(p.Status.Request.StartDeadlineSeconds, v1alpha1.DefaultStartDeadlineSeconds)) *
		time.Second
}

// lostClaims names the claims that cannot be put back, with the verb that follows.
func (p *Plan) lostClaims() string {
	names := p.stranded()
	if len(names) == 1 {
		return fmt.Sprintf("the previous PersistentVolumeClaim of disk %s was", names[0])
	}
	return fmt.Sprintf("the previous PersistentVolumeClaims of disks %s were", strings.Join(names, ", "))
}

// started reports whether the guest has started on the restored disks, or what it waits for.
func (p *Plan) started() (bool, string) {
	guest := p.in.Guest()
	switch {
	case guest == nil:
		return false, p.printed()
	case p.onPrevious():
		return false, "the guest was started on the previous disks, and is stopped again"
	case guest.Status.Phase != kubevirtv1.Running:
		return false, p.printed()
	case p.Status.Request.SuccessWhen == v1alpha1.RestoreSuccessGuestAgent && !p.in.AgentConnected():
		return false, "the guest runs, and its agent does not answer yet"
	default:
		return true, ""
	}
}

// printed is what KubeVirt reports of the VirtualMachine.
func (p *Plan) printed() string {
	if p.in.Prevents != "" {
		return p.in.Prevents
	}
	if p.in.Machine == nil {
		return "its VirtualMachine is being created"
	}
	return "KubeVirt reports " +
		string(cmp.Or(p.in.Machine.Status.PrintableStatus, kubevirtv1.VirtualMachineStatusStopped))
}

// onPrevious reports whether the guest runs on a claim that was replaced: somebody started it at the very moment.
func (p *Plan) onPrevious() bool {
	instance := p.in.Running()
	if instance == nil {
		return false
	}
	for i := range p.Status.Disks {
		entry := &p.Status.Disks[i]
		if claim, _ := virt.VolumeOf(instance, p.volume(entry)); claim != "" && claim == entry.PreviousClaimName &&
			p.has(entry) {
			return true
		}
	}
	return false
}

func (p *Plan) rollingBack() {
	back, all := p.back()
	switch stranded := len(p.stranded()); {
	case back == all && p.stopped():
		p.enter(v1alpha1.RestoreRolledBack)
	case stranded == all && stranded > 0 && p.stopped():
		p.enter(v1alpha1.RestoreStarting) // the disks are of one time
	case p.mixed() && p.stopped() && p.in.VM.Spec.PowerState == v1alpha1.PowerStopped && p.in.VM.Spec.Restore == nil:
		p.endMixed()
	case p.mixed():
		p.message = fmt.Sprintf("the guest is not started, because its disks are of two times: %s deleted, and the other "+
			"disks are put back. Set powerState to Stopped, and request a restore of another WukongSnapshot; or remove the "+
			"restore from the spec as well, to accept the disks as they are%s", p.lostClaims(), p.undo())
	default:
		p.message = "the previous disks are put back, because " + strings.TrimSuffix(p.Status.Cause, ".")
	}
}

// back counts the disks that have their previous claims, of those that the WukongVM still has.
func (p *Plan) back() (back, all int) {
	for i := range p.Status.Disks {
		if !p.has(&p.Status.Disks[i]) {
			continue
		}
		all++
		if p.isBack(&p.Status.Disks[i]) {
			back++
		}
	}
	return back, all
}

// mixed reports whether some disks have their previous claims, and the others have none to be put back.
func (p *Plan) mixed() bool {
	back, all := p.back()
	stranded := len(p.stranded())
	return back > 0 && stranded > 0 && back+stranded == all
}

// endMixed ends a restore that has left disks of two times.
func (p *Plan) endMixed() {
	p.end(v1alpha1.RestoreNotRolledBack, v1alpha1.ReasonNotRolledBack, fmt.Sprintf(
		"%s; the disks are of two times, because %s deleted, and the other disks were put back",
		strings.TrimSuffix(p.Status.Cause, "."), p.lostClaims()))
}
