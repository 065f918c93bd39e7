package quiesce

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

const (
	// margin is how long before the guest's own thaw the disks must be cut and the guest thawed, for the clocks and the
	// network between.
	margin = 2 * time.Second
	// lateness is how long after a freeze call its freeze may still come about (KubeVirt v1.7.2 and later).
	lateness = time.Minute
	// retry is how long after a failed call the next one comes.
	retry = 5 * time.Second
	// attempts are how often a freeze is tried that is required.
	attempts = 3
)

// Guest is the guest of a VirtualMachineInstance that is not final.
type Guest struct {
	InstanceUID, NodeName string
	// Migrating: KubeVirt moves the instance to another node, or is about to.
	Migrating bool
	// Frozen: the guest agent reported frozen file systems. KubeVirt asks it every five seconds.
	Frozen bool
}

// Cuts are the VolumeSnapshots of a snapshot.
type Cuts struct {
	// Wanted is how many there shall be, Made how many exist, and Cut how many of those the storage has cut.
	Wanted, Made, Cut int
	// Refused is why the API server does not accept one, and Failing why the storage could not cut one yet; empty for
	// none.
	Refused, Failing string
}

func (c Cuts) all() bool { return c.Cut >= c.Wanted }

// Inputs are what decides about the next call.
type Inputs struct {
	// Status is what was done so far; nil for nothing.
	Status *v1alpha1.SnapshotQuiesce
	// Guest is nil when no guest runs.
	Guest *Guest
	Cuts  Cuts
	// Called is when this process called the guest agent last; zero when another one did, whose clock may differ.
	Called time.Time
	// Required: a snapshot that is not proven to be frozen is of no use.
	Required bool
	// Timeout is after how long the guest thaws itself.
	Timeout time.Duration
	Now     time.Time
}

// Act is what to do next.
type Act string

// Acts.
const (
	// Wait for a watched object to change, or for Decision.After.
	Wait Act = "Wait"
	// Freeze writes Decision.Status, and then calls the guest agent.
	Freeze Act = "Freeze"
	// Cut makes the VolumeSnapshots that are missing.
	Cut Act = "Cut"
	// Thaw writes Decision.Status, and then calls the guest agent.
	Thaw Act = "Thaw"
	// Discard deletes the VolumeSnapshots that were made.
	Discard Act = "Discard"
	// GiveUp fails the snapshot.
	GiveUp Act = "GiveUp"
)

// Decision is what to do next, and the status that is written before.
type Decision struct {
	Act    Act
	Status *v1alpha1.SnapshotQuiesce
	// After is when to decide again although nothing changed; zero for never.
	After time.Duration
}

// Decide decides about a guest that shall be frozen, or may be. It is not asked about one that is not to be frozen and
// never was.
func (in Inputs) Decide() Decision {
	if in.Status == nil {
		return in.freeze()
	}
	switch in.Status.Step {
	case v1alpha1.QuiesceFreezing:
		// The manager that called has ended. Whether the guest is frozen is not known.
		return in.thaw("the manager ended while the guest agent was asked to freeze the file systems")
	case v1alpha1.QuiesceFrozen:
		return in.frozen()
	case v1alpha1.QuiesceThawing:
		return in.thawing()
	default:
		return in.thawed()
	}
}

func (in Inputs) freeze() Decision {
	if in.Guest == nil || in.Guest.Migrating || in.Guest.Frozen {
		return Decision{Act: Wait, Status: in.Status, After: retry}
	}
	status := &v1alpha1.SnapshotQuiesce{
		Step: v1alpha1.QuiesceFreezing, InstanceUID: in.Guest.InstanceUID, NodeName: in.Guest.NodeName,
		CalledAt: in.micro(),
		Attempts: 1,
	}
	if in.Status != nil {
		status.Attempts = in.Status.Attempts + 1
	}
	return Decision{Act: Freeze, Status: status}
}

// FreezeReturned is the status after the call to freeze.
func (in Inputs) FreezeReturned(err error) *v1alpha1.SnapshotQuiesce {
	status := in.Status.DeepCopy()
	if err != nil {
		status.Step, status.Failure = v1alpha1.QuiesceThawing,
			shortened("the guest agent could not freeze the file systems: "+err.Error())
		return status
	}
	status.Step, status.FrozenAt = v1alpha1.QuiesceFrozen, in.micro()
	return status
}

// frozen cuts the disks, and thaws as soon as there is nothing more to wait for.
func (in Inputs) frozen() Decision {
	left := in.Called.Add(in.Timeout - margin).Sub(in.Now)
	switch {
	case in.Called.IsZero():
		return in.thaw("the manager that froze the file systems ended before all disks were cut")
	case in.Guest == nil || in.Guest.InstanceUID != in.Status.InstanceUID:
		return in.thaw("the guest ended before all disks were cut")
	case in.Guest.Migrating || in.Guest.NodeName != in.Status.NodeName:
		return in.thaw("the guest began to migrate before all disks were cut")
	case left <= 0:
		return in.thaw("not all disks were cut while the file systems were frozen")
	case in.Cuts.Refused != "":
		return in.thaw(in.Cuts.Refused)
	case in.Cuts.Failing != "":
		return in.thaw(in.Cuts.Failing)
	case in.Cuts.all():
		return in.thaw("")
	case in.Cuts.Made < in.Cuts.Wanted:
		return Decision{Act: Cut, Status: in.Status, After: left}
	default:
		return Decision{Act: Wait, Status: in.Status, After: left}
	}
}

func (in Inputs) thaw(failure string) Decision {
	status := in.Status.DeepCopy()
	status.Step = v1alpha1.QuiesceThawing
	if failure != "" {
		status.Failure = shortened(failure)
	}
	return Decision{Act: Thaw, Status: status}
}

// thawing calls until the guest agent answers. A guest that ended has nothing to thaw, and one whose timer is over has
// thawed itself.
func (in Inputs) thawing() Decision {
	if in.gone() || in.timerOver() {
		status := in.Status.DeepCopy()
		status.Step = v1alpha1.QuiesceThawed
		if status.Failure == "" {
			status.Failure = "the guest ended, or thawed the file systems itself, before the guest agent answered"
		}
		return Decision{Act: Wait, Status: status, After: time.Millisecond}
	}
	return Decision{Act: Thaw, Status: in.Status}
}

// ThawReturned is the status after the call to thaw, and when to call again; zero when that is not necessary.
func (in Inputs) ThawReturned(err error) (status *v1alpha1.SnapshotQuiesce, again time.Duration) {
	status = in.Status.DeepCopy()
	if err != nil {
		if status.Failure == "" {
			status.Failure = shortened("the guest agent could not thaw the file systems: " + err.Error())
		}
		return status, retry
	}
	status.Step, status.ThawedAt = v1alpha1.QuiesceThawed, in.micro()
	status.Proven = status.Failure == "" && status.FrozenAt != nil && in.Cuts.all() &&
		!in.Called.IsZero() && in.Now.Before(in.Called.Add(in.Timeout-margin))
	if !status.Proven && status.Failure == "" {
		status.Failure = "the guest agent answered too late: the guest may have thawed the file systems before all " +
			"disks were cut"
	}
	return status, 0
}

// thawed begins again where the proof failed and is required, or where the cuts were refused, and thaws a guest whose
// freeze came late.
func (in Inputs) thawed() Decision {
	discarded := in.Status.FrozenAt != nil && in.Cuts.Made == 0
	again := in.Required || in.Cuts.Refused != "" || discarded
	switch {
	case in.Status.Proven:
		return Decision{Act: Wait, Status: in.Status}
	case !in.gone() && in.Guest.Frozen && !in.timerOver():
		return Decision{Act: Thaw, Status: in.Status}
	case !again && in.Cuts.Made < in.Cuts.Wanted:
		return Decision{Act: Cut, Status: in.Status}
	case !again:
		return Decision{Act: Wait, Status: in.Status}
	case in.Cuts.Made > 0:
		return Decision{Act: Discard, Status: in.Status, After: retry}
	case in.Status.Attempts >= attempts:
		return Decision{Act: GiveUp, Status: in.Status}
	default:
		return in.freezeLater()
	}
}

// freezeLater begins again, not sooner than a while after the last call.
func (in Inputs) freezeLater() Decision {
	if left := in.Status.CalledAt.Add(retry).Sub(in.Now); left > 0 {
		return Decision{Act: Wait, Status: in.Status, After: left}
	}
	return in.freeze()
}

// Open reports whether the guest may be frozen because of this snapshot, so that it must be thawed before the snapshot
// is deleted.
func (in Inputs) Open() bool {
	return in.Status != nil && in.Status.Step != v1alpha1.QuiesceThawed && !in.gone() && !in.timerOver()
}

// gone reports whether the guest that was frozen has ended.
func (in Inputs) gone() bool { return in.Guest == nil || in.Guest.InstanceUID != in.Status.InstanceUID }

// timerOver reports whether the guest has thawed itself, however late the freeze came.
func (in Inputs) timerOver() bool {
	return !in.Now.Before(in.Status.CalledAt.Add(lateness + in.Timeout))
}

func (in Inputs) micro() *metav1.MicroTime {
	now := metav1.NewMicroTime(in.Now.Truncate(time.Microsecond))
	return &now
}

// maxFailure is what the schema allows.
const maxFailure = 1024

func shortened(failure string) string {
	if runes := []rune(failure); len(runes) > maxFailure {
		return string(runes[:maxFailure-1]) + "…"
	}
	return failure
}
