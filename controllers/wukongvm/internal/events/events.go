// Package events reads what KubeVirt and kubelet report only in events: why a guest does not start, why a disk is not
// plugged in, and which disk paused a guest. It reads events only while the guest or a disk makes no progress, and from
// the API server.
package events

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/warnings"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

const (
	// reasonStopped is an event which reports that an instance ended, but not why (KubeVirt pkg/virt-handler,
	// v1.Stopped).
	reasonStopped = "Stopped"
	// reasonIOError is the event that names the disk that paused a guest by an error.
	reasonIOError = "IOerror"
	// ioErrorSlack is by how much that event may be older than the condition Paused: times have whole seconds, and
	// virt-handler writes the condition some time later.
	ioErrorSlack = time.Minute
	// repeatPeriod is how far apart kubelet's events about the same cause may be: client-go drops most of a series of
	// equal events (tools/record, EventSourceObjectSpamFilter).
	repeatPeriod = 6 * time.Minute
)

// Inputs are what decides which events are read.
type Inputs struct {
	VM *v1alpha1.WukongVM
	virt.View
	// PlugPods are the names of the pods by which KubeVirt plugs in disks that the guest does not have yet.
	PlugPods []string
	Now      time.Time
}

// Report is what events report about a WukongVM.
type Report struct {
	// Cause is why the guest does not start, or which disk paused it; empty when no event reports it.
	Cause string
	// PlugFailures are why the pods that plug in disks do not start, by the name of the pod.
	PlugFailures map[string]string
	// Late: the instance is older than a start usually takes.
	Late bool
	// RetryAfter is when to read events again; zero for never.
	RetryAfter time.Duration
}

// Read reads the events that concern the current state of a WukongVM. When a guest fails to start again and again,
// KubeVirt reports the cause in the instance's conditions and in an event. The instance is deleted between two
// attempts, the event is not.
func Read(ctx context.Context, live client.Reader, in Inputs) (Report, error) {
	if in.Machine == nil {
		return Report{}, nil
	}
	if in.Machine.Status.PrintableStatus == kubevirtv1.VirtualMachineStatusCrashLoopBackOff {
		latest, err := warnings.Latest(ctx, live, in.VM.Namespace, failureSelector(in.VM.Name))
		if err != nil || latest == nil {
			return Report{}, err
		}
		return Report{Cause: latest.Message}, nil
	}
	guest := in.Guest()
	if guest == nil {
		return Report{}, nil
	}
	report := Report{}
	if virt.PauseReason(guest) == virt.PausedIOError {
		if err := report.readBrokenDisk(ctx, live, in); err != nil {
			return Report{}, err
		}
	}
	if err := report.readPods(ctx, live, in, guest); err != nil {
		return Report{}, err
	}
	return report, nil
}

// readPods reads why the launcher pod of an instance does not start, or the pods that plug in its disks.
func (r *Report) readPods(
	ctx context.Context, live client.Reader, in Inputs, guest *kubevirtv1.VirtualMachineInstance,
) (err error) {
	if guest.IsRunning() && len(in.PlugPods) == 0 {
		return nil
	}
	waited := in.Now.Sub(guest.CreationTimestamp.Time)
	if waited < warnings.Patience {
		r.RetryAfter = warnings.Patience - waited
		return nil
	}
	r.RetryAfter, r.Late = warnings.Patience, waited >= 2*warnings.Patience
	since := in.Now.Add(-repeatPeriod)
	if since.Before(guest.CreationTimestamp.Time) {
		since = guest.CreationTimestamp.Time
	}
	switch guest.Status.Phase {
	case kubevirtv1.Scheduled: // the launcher pod runs
		return nil
	case kubevirtv1.VmPhaseUnset, kubevirtv1.Pending, kubevirtv1.Scheduling:
		launcher := warnings.Object{Kind: "Pod", Name: "virt-launcher-" + in.VM.Name + "-", Generated: true}
		r.Cause, err = warnings.About(ctx, live, in.VM.Namespace, since, launcher)
		return err
	}
	r.PlugFailures = map[string]string{}
	for _, pod := range in.PlugPods {
		object := warnings.Object{Kind: "Pod", Name: pod}
		if r.PlugFailures[pod], err = warnings.About(ctx, live, in.VM.Namespace, since, object); err != nil {
			return err
		}
	}
	return nil
}

// readBrokenDisk reads which disk paused the guest. Only an event of the launcher names it
// (KubeVirt pkg/virt-launcher/notify-client/client.go). The event may come after the condition, or not at all. An older
// event is about an earlier error, and perhaps about another disk.
func (r *Report) readBrokenDisk(ctx context.Context, live client.Reader, in Inputs) error {
	selector := fields.Set{
		"involvedObject.kind": "VirtualMachineInstance", "involvedObject.name": in.VM.Name, "reason": reasonIOError,
	}.AsSelector()
	latest, err := warnings.Latest(ctx, live, in.VM.Namespace, selector)
	if err != nil {
		return err
	}
	if latest == nil || warnings.Seen(latest).Time.Before(pausedSince(in.Instance)) {
		r.RetryAfter = warnings.Patience
		return nil
	}
	r.Cause = latest.Message
	return nil
}

// pausedSince is the earliest time of an event about the error that paused a guest.
func pausedSince(instance *kubevirtv1.VirtualMachineInstance) time.Time {
	created := instance.CreationTimestamp.Time
	paused := virt.Condition(instance, kubevirtv1.VirtualMachineInstancePaused)
	if paused == nil {
		return created
	}
	if since := paused.LastTransitionTime.Add(-ioErrorSlack); since.After(created) {
		return since
	}
	return created
}

// failureSelector selects the events that may report why an instance failed.
func failureSelector(instance string) fields.Selector {
	return fields.AndSelectors(
		fields.SelectorFromSet(fields.Set{
			"involvedObject.kind": "VirtualMachineInstance", "involvedObject.name": instance, "type": corev1.EventTypeWarning,
		}),
		fields.OneTermNotEqualSelector("reason", reasonStopped),
	)
}
