package events

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// reported are the events of a namespace, which the API server selects by their fields. A nil list is an API server
// that does not answer.
type reported struct {
	client.Reader
	list  []corev1.Event
	asked int
}

func (r *reported) List(_ context.Context, into client.ObjectList, options ...client.ListOption) error {
	r.asked++
	if r.list == nil {
		return errors.New("connection refused")
	}
	asked := (&client.ListOptions{}).ApplyOptions(options)
	events := into.(*corev1.EventList)
	for _, event := range r.list {
		set := fields.Set{
			"involvedObject.kind": event.InvolvedObject.Kind, "involvedObject.name": event.InvolvedObject.Name,
			"type": event.Type, "reason": event.Reason,
		}
		if asked.Namespace == "shop" && asked.FieldSelector.Matches(set) {
			events.Items = append(events.Items, event)
		}
	}
	return nil
}

// warning is an event some time ago, about an object.
func warning(ago time.Duration, kind, name, reason, message string) corev1.Event {
	return corev1.Event{
		Type: corev1.EventTypeWarning, Reason: reason, Message: message,
		LastTimestamp:  metav1.NewTime(noon.Add(-ago)),
		InvolvedObject: corev1.ObjectReference{Kind: kind, Name: name},
	}
}

func ofInstance(ago time.Duration, reason, message string) corev1.Event {
	return warning(ago, "VirtualMachineInstance", "web", reason, message)
}

func ofPod(ago time.Duration, name, message string) corev1.Event {
	return warning(ago, "Pod", name, "Failed", message)
}

type change = func(*Inputs)

// inputs are those of the WukongVM web, whose VirtualMachine exists and does not run.
func inputs(changes ...change) Inputs {
	in := Inputs{VM: builder.VM("shop", "web"), Now: noon}
	in.Machine = &kubevirtv1.VirtualMachine{}
	for _, change := range changes {
		change(&in)
	}
	return in
}

// instance is in a phase, and was created some time ago.
func instance(phase kubevirtv1.VirtualMachineInstancePhase, age time.Duration) change {
	return func(in *Inputs) {
		in.Instance = keeptest.Object(&kubevirtv1.VirtualMachineInstance{
			ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(noon.Add(-age))},
			Status:     kubevirtv1.VirtualMachineInstanceStatus{Phase: phase},
		}, virt.KeepInstance)
	}
}

// paused: the guest was paused for a reason, some time ago.
func paused(reason string, ago time.Duration) change {
	return func(in *Inputs) {
		in.Instance.Status.Conditions = []kubevirtv1.VirtualMachineInstanceCondition{{
			Type: kubevirtv1.VirtualMachineInstancePaused, Status: corev1.ConditionTrue, Reason: reason,
			LastTransitionTime: metav1.NewTime(noon.Add(-ago)),
		}}
	}
}

func plugging(pods ...string) change { return func(in *Inputs) { in.PlugPods = pods } }
func deleted(in *Inputs)             { in.Instance.DeletionTimestamp = ptr.To(metav1.NewTime(noon)) }

func crashes(in *Inputs) {
	in.Machine.Status.PrintableStatus = kubevirtv1.VirtualMachineStatusCrashLoopBackOff
}

// row is a WukongVM with events, what they report, and how often the API server is asked for them.
type row struct {
	changes  []change
	events   []corev1.Event
	expected Report
	asked    int
}

func check(t *testing.T, rows map[string]row) {
	t.Helper()
	for name, row := range rows {
		live := &reported{list: append([]corev1.Event{}, row.events...)}
		report, err := Read(t.Context(), live, inputs(row.changes...))
		require.NoError(t, err, name)
		assert.Equal(t, row.expected, report, name)
		assert.Equal(t, row.asked, live.asked, "%s: requests", name)
	}
}

const launcher = "virt-launcher-web-x2x4z"

// Events are read only while a guest makes no progress.
func TestAGuestThatStarts(t *testing.T) {
	const scheduling, half = kubevirtv1.Scheduling, 30 * time.Second
	const full = "0/3 nodes are available"
	event := []corev1.Event{ofPod(time.Second, launcher, full)}
	cause := "Pod " + launcher + ": " + full
	noMachine := func(in *Inputs) { in.Machine = nil }
	check(t, map[string]row{
		"no VirtualMachine":      {[]change{noMachine, instance(scheduling, time.Hour)}, event, Report{}, 0},
		"no instance":            {nil, event, Report{}, 0},
		"an instance that ends":  {[]change{instance(scheduling, time.Hour), deleted}, event, Report{}, 0},
		"an instance that ended": {[]change{instance(kubevirtv1.Failed, time.Hour)}, event, Report{}, 0},
		"it runs":                {[]change{instance(kubevirtv1.Running, time.Hour)}, event, Report{}, 0},
		"it has just been created": {[]change{instance(scheduling, 10*time.Second)}, event,
			Report{RetryAfter: 20 * time.Second}, 0},
		"it takes some time": {[]change{instance(scheduling, half)}, event, Report{Cause: cause, RetryAfter: half}, 1},
		"it is late": {[]change{instance(scheduling, 2*half)}, event, Report{Cause: cause, RetryAfter: half,
			Late: true}, 1},
		"it is late, nobody knows": {[]change{instance(scheduling, 2*half)}, nil, Report{RetryAfter: half, Late: true}, 1},
		"KubeVirt has not begun": {[]change{instance(kubevirtv1.VmPhaseUnset, half)}, event, Report{Cause: cause,
			RetryAfter: half}, 1},
		"its pod is pending": {[]change{instance(kubevirtv1.Pending, half)}, event, Report{Cause: cause,
			RetryAfter: half}, 1},
		"its pod runs": {[]change{instance(kubevirtv1.Scheduled, half)}, event, Report{RetryAfter: half}, 0},
		"of an earlier instance": {
			[]change{instance(scheduling, half)}, []corev1.Event{ofPod(half+time.Second, launcher, full)},
			Report{RetryAfter: half}, 1,
		},
		"of a moment ago": {
			[]change{instance(scheduling, time.Hour)}, []corev1.Event{ofPod(6*time.Minute, launcher, full)},
			Report{Cause: cause, RetryAfter: half, Late: true}, 1,
		},
		"of long ago": {
			[]change{instance(scheduling, time.Hour)}, []corev1.Event{ofPod(6*time.Minute+time.Second, launcher, full)},
			Report{RetryAfter: half, Late: true}, 1,
		},
		"of another WukongVM": {
			[]change{instance(scheduling, half)}, []corev1.Event{ofPod(time.Second, "virt-launcher-web-2-x2x4z", full)},
			Report{RetryAfter: half}, 1,
		},
	})
}

// KubeVirt deletes the instance between two attempts. The event that it made stays.
func TestAGuestThatCrashes(t *testing.T) {
	stopped := ofInstance(time.Second, "Stopped", "The VirtualMachineInstance crashed.")
	failed := ofInstance(time.Minute, "SyncFailed", "unsupported configuration")
	other := warning(time.Second, "VirtualMachineInstance", "db", "SyncFailed", "of another WukongVM")
	started := ofInstance(time.Second, "Started", "started")
	started.Type = corev1.EventTypeNormal
	known := Report{Cause: "unsupported configuration"}
	check(t, map[string]row{
		"between two attempts": {[]change{crashes}, []corev1.Event{failed}, known, 1},
		"that it ended":        {[]change{crashes}, []corev1.Event{failed, stopped, started}, known, 1},
		"only that it ended":   {[]change{crashes}, []corev1.Event{stopped}, Report{}, 1},
		"of another WukongVM":  {[]change{crashes}, []corev1.Event{failed, other}, known, 1},
		"no event":             {[]change{crashes}, nil, Report{}, 1},
		"the latest of several": {[]change{crashes}, []corev1.Event{ofInstance(time.Hour, "SyncFailed", "old"), failed},
			known, 1},
		"in an attempt": {[]change{crashes, instance(kubevirtv1.Scheduling, time.Second)}, []corev1.Event{failed},
			known, 1},
		"it does not crash": {nil, []corev1.Event{failed}, Report{}, 0},
	})
}

// Only an event names the disk whose error paused a guest.
func TestAGuestThatIsPausedByAnError(t *testing.T) {
	ioError := func(ago time.Duration, disk string) corev1.Event {
		return ofInstance(ago, "IOerror", "VM Paused due to IO error at the volume: "+disk)
	}
	const runs, soon = kubevirtv1.Running, 30 * time.Second
	given := []change{instance(runs, time.Hour), paused(virt.PausedIOError, 10*time.Minute)}
	named := Report{Cause: "VM Paused due to IO error at the volume: data"}
	check(t, map[string]row{
		"after the condition": {given, []corev1.Event{ioError(10*time.Minute-time.Second, "data")}, named, 1},
		"a little before":     {given, []corev1.Event{ioError(11*time.Minute, "data")}, named, 1},
		"an earlier error": {given, []corev1.Event{ioError(11*time.Minute+time.Second, "root")},
			Report{RetryAfter: soon}, 1},
		"the latest of two": {given, []corev1.Event{ioError(time.Minute, "data"), ioError(2*time.Minute, "root")}, named,
			1},
		"not reported yet": {given, nil, Report{RetryAfter: soon}, 1},
		"another event of it": {given, []corev1.Event{ofInstance(time.Second, "SyncFailed", "other")},
			Report{RetryAfter: soon}, 1},
		"paused by a user": {[]change{instance(runs, time.Hour), paused("PausedByUser", 0)}, []corev1.Event{ioError(0,
			"data")}, Report{}, 0},
		"and a disk is missing": {
			append(given[:2:2], plugging("hp-volume-1")), []corev1.Event{ioError(time.Second, "data"), ofPod(time.Second,
				"hp-volume-1", "no such volume")},
			Report{Cause: named.Cause, PlugFailures: map[string]string{"hp-volume-1": "Pod hp-volume-1: no such volume"},
				RetryAfter: soon, Late: true}, 2,
		},
	})
}

// A disk that is plugged in has a pod of its own.
func TestADiskThatIsPluggedIn(t *testing.T) {
	failed := ofPod(time.Second, "hp-volume-1", "no such volume")
	const soon = 30 * time.Second
	check(t, map[string]row{
		"one of two fails": {
			[]change{instance(kubevirtv1.Running, soon), plugging("hp-volume-1", "hp-volume-2")}, []corev1.Event{failed},
			Report{PlugFailures: map[string]string{"hp-volume-1": "Pod hp-volume-1: no such volume", "hp-volume-2": ""},
				RetryAfter: soon}, 2,
		},
		"the guest has just started": {
			[]change{instance(kubevirtv1.Running, time.Second), plugging("hp-volume-1")}, []corev1.Event{failed},
			Report{RetryAfter: 29 * time.Second}, 0,
		},
		"the launcher does not start": {
			[]change{instance(kubevirtv1.Scheduling, soon), plugging("hp-volume-1")}, []corev1.Event{failed},
			Report{RetryAfter: soon}, 1,
		},
	})
}

func TestEventsThatCannotBeRead(t *testing.T) {
	for name, changes := range map[string][]change{
		"it crashes":        {crashes},
		"it starts":         {instance(kubevirtv1.Scheduling, time.Minute)},
		"it is paused":      {instance(kubevirtv1.Running, time.Hour), paused(virt.PausedIOError, time.Minute)},
		"a disk is missing": {instance(kubevirtv1.Running, time.Hour), plugging("hp-volume-1")},
	} {
		report, err := Read(t.Context(), &reported{}, inputs(changes...))
		assert.ErrorContains(t, err, "connection refused", name)
		assert.Equal(t, Report{}, report, name)
	}
}
