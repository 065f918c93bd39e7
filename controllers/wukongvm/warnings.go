package wukongvm

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/warnings"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// reasonStopped is the event that only says that an instance ended, and not why (KubeVirt pkg/virt-handler, v1.Stopped).
const reasonStopped = "Stopped"

const (
	// reasonIOError is the event that names the disk of which an error paused a guest.
	reasonIOError = "IOerror"
	// ioErrorSlack is by how much that event may be older than the condition Paused: times have whole seconds, and virt-handler writes the condition after it has got round to it.
	ioErrorSlack = time.Minute
)

// telling is what events say of a machine. Events are read only while something does not go on, and from the API server.
type telling struct {
	// cause is why the machine does not start, or which disk stopped it; empty when nobody says so.
	cause string
	// plugs are why the pods that plug in disks do not start, by the name of the pod.
	plugs map[string]string
	// late: the instance is older than starts take.
	late bool
	// again is when to ask again; zero for never.
	again time.Duration
}

// observeTelling asks for what KubeVirt does not carry over to its own objects. Of a machine that fails to start again and again it tells the cause in the
// instance's conditions and in an event; the instance is gone between two tries, the event is not.
func (r *Reconciler) observeTelling(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if observed.Machine == nil {
		return nil
	}
	if observed.Machine.Status.PrintableStatus == kubevirtv1.VirtualMachineStatusCrashLoopBackOff {
		latest, err := warnings.Latest(ctx, r.uncached, vm.Namespace, tellWhy(vm.Name))
		if err != nil || latest == nil {
			return err
		}
		observed.told.cause = latest.Message
		return nil
	}
	guest := observed.Guest()
	if guest == nil {
		return nil
	}
	if pauseReason(guest) == pausedIOError {
		if err := r.observeBrokenDisk(ctx, vm, observed); err != nil {
			return err
		}
	}
	return r.observeWaiting(ctx, vm, guest, observed)
}

// observeWaiting asks why the launcher's pod of an instance does not start, or those by which disks are plugged in.
func (r *Reconciler) observeWaiting(ctx context.Context, vm *v1alpha1.WukongVM, guest *kubevirtv1.VirtualMachineInstance, observed *observation) (err error) {
	plugs := observed.diskInputs(vm).PlugPods()
	if guest.IsRunning() && len(plugs) == 0 {
		return nil
	}
	now := r.clock.Now()
	waited := now.Sub(guest.CreationTimestamp.Time)
	if waited < warnings.Patience {
		observed.told.again = warnings.Patience - waited
		return nil
	}
	observed.told.again, observed.told.late = warnings.Patience, waited >= 2*warnings.Patience
	since := now.Add(-toldAgain)
	if since.Before(guest.CreationTimestamp.Time) {
		since = guest.CreationTimestamp.Time
	}
	switch guest.Status.Phase {
	case kubevirtv1.Scheduled: // its pod runs
		return nil
	case kubevirtv1.VmPhaseUnset, kubevirtv1.Pending, kubevirtv1.Scheduling:
		observed.told.cause, err = warnings.About(ctx, r.uncached, vm.Namespace, since,
			warnings.Object{Kind: "Pod", Name: "virt-launcher-" + vm.Name + "-", Generated: true})
		return err
	}
	observed.told.plugs = map[string]string{}
	for _, pod := range plugs {
		if observed.told.plugs[pod], err = warnings.About(ctx, r.uncached, vm.Namespace, since, warnings.Object{Kind: "Pod", Name: pod}); err != nil {
			return err
		}
	}
	return nil
}

// observeBrokenDisk asks for the disk that stopped the guest: only an event of KubeVirt's launcher names it (pkg/virt-launcher/notify-client/client.go). It may come after the
// condition, or not at all; one of an earlier error is another's.
func (r *Reconciler) observeBrokenDisk(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	selector := fields.Set{"involvedObject.kind": "VirtualMachineInstance", "involvedObject.name": vm.Name, "reason": reasonIOError}.AsSelector()
	latest, err := warnings.Latest(ctx, r.uncached, vm.Namespace, selector)
	if err != nil {
		return err
	}
	if latest == nil || warnings.Seen(latest).Time.Before(pausedSince(observed.Instance)) {
		observed.told.again = warnings.Patience
		return nil
	}
	observed.told.cause = latest.Message
	return nil
}

// pausedSince is the earliest time of an event about the error that paused a guest.
func pausedSince(instance *kubevirtv1.VirtualMachineInstance) time.Time {
	since := instance.CreationTimestamp.Time
	if paused := virt.Condition(instance, kubevirtv1.VirtualMachineInstancePaused); paused != nil && paused.LastTransitionTime.Add(-ioErrorSlack).After(since) {
		return paused.LastTransitionTime.Add(-ioErrorSlack)
	}
	return since
}

// toldAgain is how seldom kubelet tells of what still stands in the way: it drops the most of equal events (client-go tools/record, EventSourceObjectSpamFilter).
const toldAgain = 6 * time.Minute

// tellWhy selects the events that may say why an instance failed.
func tellWhy(instance string) fields.Selector {
	return fields.AndSelectors(
		fields.SelectorFromSet(fields.Set{
			"involvedObject.kind": "VirtualMachineInstance", "involvedObject.name": instance, "type": corev1.EventTypeWarning,
		}),
		fields.OneTermNotEqualSelector("reason", reasonStopped),
	)
}
