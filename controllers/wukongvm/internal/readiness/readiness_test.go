package readiness

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/events"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

func machineWith(status kubevirtv1.VirtualMachinePrintableStatus) *kubevirtv1.VirtualMachine {
	return &kubevirtv1.VirtualMachine{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       kubevirtv1.VirtualMachineSpec{RunStrategy: ptr.To(kubevirtv1.RunStrategyAlways)},
		Status:     kubevirtv1.VirtualMachineStatus{PrintableStatus: status},
	}
}

// condition is shorter than KubeVirt's name.
type condition = kubevirtv1.VirtualMachineInstanceCondition

func instanceIn(
	phase kubevirtv1.VirtualMachineInstancePhase, conditions ...condition,
) *kubevirtv1.VirtualMachineInstance {
	return keeptest.Object(&kubevirtv1.VirtualMachineInstance{
		Status: kubevirtv1.VirtualMachineInstanceStatus{Phase: phase, Conditions: conditions},
	}, virt.KeepInstance)
}

var instanceIsReady = condition{Type: kubevirtv1.VirtualMachineInstanceReady, Status: corev1.ConditionTrue}

func unscheduled(message string) condition {
	return condition{
		Type:   kubevirtv1.VirtualMachineInstanceConditionType(corev1.PodScheduled),
		Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message,
	}
}

// A row has what was observed of a WukongVM, and what Ready and the phase must report. An empty reason is Ready=True.
func TestReadyTellsTheDeepestCause(t *testing.T) {
	running := func(o *Inputs) {
		o.Machine = machineWith(kubevirtv1.VirtualMachineStatusRunning)
		o.Instance = instanceIn(kubevirtv1.Running, instanceIsReady)
	}
	failing := func(o *Inputs, before kubevirtv1.VirtualMachineRunStrategy) {
		o.Machine = machineWith(kubevirtv1.VirtualMachineStatusStopped)
		o.Machine.Spec.RunStrategy = ptr.To(kubevirtv1.RunStrategyRerunOnFailure)
		o.Machine.Status.RunStrategy = before
	}
	for name, row := range map[string]struct {
		stopped bool
		observe func(*Inputs)
		reason  string
		message string
		phase   v1alpha1.Phase
	}{
		"running": {observe: running, phase: v1alpha1.PhaseRunning},
		"KubeVirt missing": {observe: func(o *Inputs) {
			o.KubeVirtServed = false
		}, reason: v1alpha1.ReasonDependencyMissing, message: "KubeVirt is not installed", phase: v1alpha1.PhaseError},
		"not written yet": {observe: func(*Inputs) {}, reason: v1alpha1.ReasonPending, phase: v1alpha1.PhasePending},
		"a disk takes its time": {observe: func(o *Inputs) {
			o.Parts = &cause.Cause{
				Reason: v1alpha1.ReasonWaitingForDisk, Message: "WukongDisk web-root: importing", Waiting: true,
			}
		}, reason: v1alpha1.ReasonWaitingForDisk, phase: v1alpha1.PhasePending},
		"a disk fails": {observe: func(o *Inputs) {
			o.Machine = machineWith(kubevirtv1.VirtualMachineStatusProvisioning)
			o.Parts = &cause.Cause{Reason: v1alpha1.ReasonWaitingForDisk, Message: "WukongDisk web-root: 404"}
		}, reason: v1alpha1.ReasonWaitingForDisk, message: "404", phase: v1alpha1.PhaseError},
		"a conflict goes before the disks": {observe: func(o *Inputs) {
			o.Refused = &apply.NameConflictError{Kind: "WukongDisk", Name: "web-root"}
			o.Parts = &cause.Cause{Reason: v1alpha1.ReasonWaitingForDisk, Message: "missing"}
		}, reason: v1alpha1.ReasonNameConflict, message: "WukongDisk web-root already exists",
			phase: v1alpha1.PhaseError},
		"refused by admission": {observe: func(o *Inputs) {
			running(o)
			o.Refused = &apply.RefusedError{Kind: "VirtualMachine", Name: "web", Err: errors.New("too many cores")}
		}, reason: v1alpha1.ReasonApplyRefused, message: "too many cores", phase: v1alpha1.PhaseRunning},
		"a running guest does not need its Secret": {observe: func(o *Inputs) {
			running(o)
			o.Parts = &cause.Cause{Reason: v1alpha1.ReasonSecretMissing, Blocking: true}
		}, phase: v1alpha1.PhaseRunning},
		"unschedulable": {observe: func(o *Inputs) {
			o.Machine = machineWith(kubevirtv1.VirtualMachineStatusUnschedulable)
			o.Instance = instanceIn(kubevirtv1.Scheduling, unscheduled("0/1 nodes: Insufficient memory"))
		}, reason: v1alpha1.ReasonUnschedulable, message: "Insufficient memory", phase: v1alpha1.PhaseError},
		// KubeVirt's words for a claim that it waits for are those of the scheduler.
		"KubeVirt waits for a claim": {observe: func(o *Inputs) {
			o.Machine = machineWith(kubevirtv1.VirtualMachineStatusPvcNotFound)
			o.Instance = instanceIn(kubevirtv1.Pending, unscheduled("PVC web-root does not exist"))
		}, reason: v1alpha1.ReasonStarting, phase: v1alpha1.PhaseStarting},
		"KubeVirt waits for the claim of a disk that takes its time": {observe: func(o *Inputs) {
			o.Machine = machineWith(kubevirtv1.VirtualMachineStatusUnschedulable)
			o.Instance = instanceIn(kubevirtv1.Pending, unscheduled("PVC web-root does not exist"))
			o.Parts = &cause.Cause{Reason: v1alpha1.ReasonWaitingForDisk, Message: "importing", Waiting: true}
		}, reason: v1alpha1.ReasonWaitingForDisk, message: "importing", phase: v1alpha1.PhaseStarting},
		"no node for a claim's first consumer": {observe: func(o *Inputs) {
			o.Machine = machineWith(kubevirtv1.VirtualMachineStatusUnschedulable)
			o.Instance = instanceIn(kubevirtv1.Pending, unscheduled("0/1 nodes: Insufficient memory"),
				condition{Type: kubevirtv1.VirtualMachineInstanceProvisioning, Status: corev1.ConditionTrue})
		}, reason: v1alpha1.ReasonUnschedulable, message: "Insufficient memory", phase: v1alpha1.PhaseError},
		"the pod is refused after KubeVirt waited for a claim": {observe: func(o *Inputs) {
			o.Machine = machineWith(kubevirtv1.VirtualMachineStatusUnschedulable)
			o.Instance = instanceIn(kubevirtv1.Pending, unscheduled("PVC web-root does not exist"), condition{
				Type: kubevirtv1.VirtualMachineInstanceSynchronized, Status: corev1.ConditionFalse,
				Reason: "FailedCreate", Message: "no PriorityClass with name gold",
			})
			o.Events.Late = true
		}, reason: v1alpha1.ReasonStartFailing, phase: v1alpha1.PhaseError,
			message: "VirtualMachine web: Starting: no PriorityClass with name gold"},
		"fails again and again": {observe: func(o *Inputs) {
			o.Machine, o.Events.Cause = machineWith(kubevirtv1.VirtualMachineStatusCrashLoopBackOff), "no such bridge"
		}, reason: v1alpha1.ReasonMachineFailed, message: "CrashLoopBackOff: no such bridge",
			phase: v1alpha1.PhaseError},
		"starting": {observe: func(o *Inputs) {
			o.Machine, o.Instance = machineWith(kubevirtv1.VirtualMachineStatusStarting),
				instanceIn(kubevirtv1.Scheduled)
		}, reason: v1alpha1.ReasonStarting, phase: v1alpha1.PhaseStarting},
		"B4: stopped as asked": {stopped: true, observe: func(o *Inputs) {
			o.Machine = machineWith(kubevirtv1.VirtualMachineStatusStopped)
		}, phase: v1alpha1.PhaseStopped},
		"stopping": {stopped: true, observe: func(o *Inputs) {
			o.Machine, o.Instance = machineWith(kubevirtv1.VirtualMachineStatusStopping), instanceIn(kubevirtv1.Running)
		}, reason: v1alpha1.ReasonStopping, phase: v1alpha1.PhaseStopping},
		"stopped, and could not start": {stopped: true, observe: func(o *Inputs) {
			o.Machine = machineWith(kubevirtv1.VirtualMachineStatusStopped)
			o.Parts = &cause.Cause{Reason: v1alpha1.ReasonWaitingForDisk, Message: "lost"}
		}, reason: v1alpha1.ReasonWaitingForDisk, phase: v1alpha1.PhaseStopped},
		"stopped, and a disk waits for its first use": {stopped: true, observe: func(o *Inputs) {
			o.Machine = machineWith(kubevirtv1.VirtualMachineStatusStopped)
			o.Parts = &cause.Cause{Reason: v1alpha1.ReasonWaitingForDisk, Waiting: true}
		}, phase: v1alpha1.PhaseStopped},
		"paused from outside": {observe: func(o *Inputs) {
			o.Machine, o.Instance = machineWith(kubevirtv1.VirtualMachineStatusPaused), instanceIn(kubevirtv1.Running)
		}, reason: v1alpha1.ReasonPaused, phase: v1alpha1.PhasePaused},
		"D: paused by an error of a disk": {observe: func(o *Inputs) {
			o.Machine, o.Instance = machineWith(kubevirtv1.VirtualMachineStatusPaused), instanceIn(kubevirtv1.Running)
			o.Instance.Status.Conditions = append(o.Instance.Status.Conditions,
				kubevirtv1.VirtualMachineInstanceCondition{
					Type: kubevirtv1.VirtualMachineInstancePaused, Status: corev1.ConditionTrue,
					Reason: virt.PausedIOError, Message: "VMI was paused, low-level IO error detected",
				})
			o.Events.Cause = "VM Paused due to IO error at the volume: data"
		}, reason: v1alpha1.ReasonDiskIOError, phase: v1alpha1.PhaseError,
			message: "could not be read or written (VM Paused due to IO error at the volume: data)"},
		"D: paused by its migration": {observe: func(o *Inputs) {
			o.Machine, o.Instance = machineWith(kubevirtv1.VirtualMachineStatusPaused), instanceIn(kubevirtv1.Running)
			o.Instance.Status.Conditions = append(o.Instance.Status.Conditions,
				kubevirtv1.VirtualMachineInstanceCondition{
					Type: kubevirtv1.VirtualMachineInstancePaused, Status: corev1.ConditionTrue,
					Reason: "PausedByMigrationMonitor",
				})
		}, reason: v1alpha1.ReasonPaused, message: "to bring its migration to an end", phase: v1alpha1.PhasePaused},
		"migrating": {observe: func(o *Inputs) {
			running(o)
			o.Machine.Status.PrintableStatus = kubevirtv1.VirtualMachineStatusMigrating
		}, phase: v1alpha1.PhaseMigrating},
		"the guest shut itself down": {observe: func(o *Inputs) {
			o.Machine, o.Instance = machineWith(kubevirtv1.VirtualMachineStatusStopped),
				instanceIn(kubevirtv1.Succeeded)
			o.Machine.Spec.RunStrategy = ptr.To(kubevirtv1.RunStrategyOnce)
		}, reason: v1alpha1.ReasonGuestShutDown, phase: v1alpha1.PhaseStopped},
		"B.8: the guest shut itself down, and KubeVirt deleted its instance": {observe: func(o *Inputs) {
			failing(o, kubevirtv1.RunStrategyRerunOnFailure)
		}, reason: v1alpha1.ReasonGuestShutDown, phase: v1alpha1.PhaseStopped},
		"the guest failed, and is started again": {observe: func(o *Inputs) {
			failing(o, kubevirtv1.RunStrategyRerunOnFailure)
			start := kubevirtv1.VirtualMachineStateChangeRequest{Action: kubevirtv1.StartRequest}
			o.Machine.Status.StateChangeRequests = []kubevirtv1.VirtualMachineStateChangeRequest{start}
		}, reason: v1alpha1.ReasonStarting, phase: v1alpha1.PhaseStarting},
		"it was stopped, and starts again": {observe: func(o *Inputs) {
			failing(o, kubevirtv1.RunStrategyHalted)
		}, reason: v1alpha1.ReasonStarting, phase: v1alpha1.PhaseStarting},
		"D.3: a pod that the node cannot set up": {observe: func(o *Inputs) {
			o.Machine, o.Instance = machineWith(kubevirtv1.VirtualMachineStatusStarting),
				instanceIn(kubevirtv1.Scheduling)
			o.Events = events.Report{Cause: "Pod virt-launcher-web-abcde: no such plugin", Late: true}
		}, reason: v1alpha1.ReasonStartFailing, message: "no such plugin", phase: v1alpha1.PhaseError},
		"a warning that may be over soon": {observe: func(o *Inputs) {
			o.Machine, o.Instance = machineWith(kubevirtv1.VirtualMachineStatusStarting),
				instanceIn(kubevirtv1.Scheduling)
			o.Events = events.Report{Cause: "Pod virt-launcher-web-abcde: not yet mounted"}
		}, reason: v1alpha1.ReasonStarting, message: "not yet mounted", phase: v1alpha1.PhaseStarting},
		"D.4: a refusal is not progress": {observe: func(o *Inputs) {
			o.Machine = machineWith(kubevirtv1.VirtualMachineStatusStarting)
			o.Instance = instanceIn(kubevirtv1.Pending, kubevirtv1.VirtualMachineInstanceCondition{
				Type:   kubevirtv1.VirtualMachineInstanceSynchronized,
				Status: corev1.ConditionFalse, Message: "no PriorityClass with name gold was found",
			})
			o.Events.Late = true
		}, reason: v1alpha1.ReasonStartFailing, message: "no PriorityClass", phase: v1alpha1.PhaseError},
	} {
		t.Run(name, func(t *testing.T) {
			vm := &v1alpha1.WukongVM{Spec: v1alpha1.WukongVMSpec{PowerState: v1alpha1.PowerRunning}}
			if row.stopped {
				vm.Spec.PowerState = v1alpha1.PowerStopped
			}
			observed := &Inputs{VM: vm, KubeVirtServed: true}
			row.observe(observed)
			found := observed.Cause()
			if row.reason == "" {
				assert.Nil(t, found, "%+v", found)
			} else if assert.NotNil(t, found) {
				assert.Equal(t, row.reason, found.Reason)
				assert.Contains(t, found.Message, row.message)
			}
			assert.Equal(t, row.phase, observed.Phase())
		})
	}
}

// Fault D.5: KubeVirt starts and ends attempts; what failed is reported, with one write, until something succeeds.
func TestWhatFailedIsToldUntilSomethingSucceeds(t *testing.T) {
	at := func(status kubevirtv1.VirtualMachinePrintableStatus, cause string) *Inputs {
		view := virt.View{Machine: machineWith(status)}
		return &Inputs{KubeVirtServed: true, View: view, Events: events.Report{Cause: cause}}
	}
	in := func(o *Inputs, phase kubevirtv1.VirtualMachineInstancePhase, conditions ...condition) *Inputs {
		o.Instance, o.Events.Late = instanceIn(phase, conditions...), true
		return o
	}
	refused := func(reason, message string) condition {
		return condition{
			Type: kubevirtv1.VirtualMachineInstanceSynchronized, Status: corev1.ConditionFalse, Reason: reason,
			Message: message,
		}
	}
	const (
		starting = kubevirtv1.VirtualMachineStatusStarting
		paused   = kubevirtv1.VirtualMachineStatusPaused
		noModel  = "no host-passthrough"
		full     = "exceeded quota"
		broken   = "IO error at the volume: data"
	)
	byDisk := condition{
		Type: kubevirtv1.VirtualMachineInstancePaused, Status: corev1.ConditionTrue, Reason: virt.PausedIOError,
	}
	trying := in(at(starting, ""), kubevirtv1.Scheduled)
	for name, row := range map[string]struct {
		reason string
		tries  []*Inputs // what KubeVirt shows of a cause that lasts, in turn
	}{
		"the domain is refused": {v1alpha1.ReasonMachineFailed, []*Inputs{
			at(kubevirtv1.VirtualMachineStatusCrashLoopBackOff, noModel), trying,
			in(at(starting, ""), kubevirtv1.Scheduled, refused("", noModel)),
		}},
		"an image that cannot be pulled": {v1alpha1.ReasonMachineFailed, []*Inputs{
			in(at(kubevirtv1.VirtualMachineStatusErrImagePull, ""), kubevirtv1.Scheduling),
			in(at(kubevirtv1.VirtualMachineStatusImagePullBackOff, ""), kubevirtv1.Scheduling),
			in(at(starting, ""), kubevirtv1.Scheduling),
		}},
		"the pod is refused": {v1alpha1.ReasonStartFailing, []*Inputs{
			in(at(starting, ""), kubevirtv1.Pending, refused("FailedCreate", full)),
			in(at(starting, ""), kubevirtv1.Pending),
		}},
		"the node cannot set up the pod, and the event expires": {v1alpha1.ReasonStartFailing, []*Inputs{
			in(at(starting, "failed to find plugin"), kubevirtv1.Scheduling),
			in(at(starting, ""), kubevirtv1.Scheduling),
		}},
		"a disk that fails, and the event expires": {v1alpha1.ReasonDiskIOError, []*Inputs{
			in(at(paused, broken), kubevirtv1.Running, byDisk), in(at(paused, ""), kubevirtv1.Running, byDisk),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Generation: 3}}
			vm.Spec.PowerState = v1alpha1.PowerRunning
			reported := func(o *Inputs) *cause.Cause {
				o.VM = vm
				found := o.Cause()
				vm.Status.Conditions = nil
				if found != nil {
					vm.Status.Conditions = []metav1.Condition{{
						Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, ObservedGeneration: vm.Generation,
						Reason: found.Reason, Message: found.Message,
					}}
				}
				return found
			}
			first := *reported(row.tries[0])
			assert.Equal(t, row.reason, first.Reason)
			for range 3 {
				for _, o := range row.tries {
					assert.Equal(t, first, *reported(o))
				}
			}
			assert.Nil(t,
				reported(in(at(kubevirtv1.VirtualMachineStatusRunning, ""), kubevirtv1.Running, instanceIsReady)))
			assert.Equal(t, v1alpha1.ReasonStarting, reported(trying).Reason, "it ran meanwhile")
			reported(row.tries[0])
			vm.Generation++
			assert.Equal(t, v1alpha1.ReasonStarting, reported(trying).Reason, "the spec is another")
		})
	}
}
