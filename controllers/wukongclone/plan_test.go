//go:build !controlplane

package wukongclone

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/carry"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

func TestMain(m *testing.M) { keeptest.Main(m) }

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newClone(options ...builder.CloneOption) *v1alpha1.WukongClone {
	clone := builder.CloneOfVM("lab", "copy", "web", "web-2", options...)
	clone.UID, clone.CreationTimestamp = "0123456789", metav1.NewTime(now.Add(-time.Minute))
	clone.Spec.DeadlineSeconds = ptr.To[int64](3600)
	return clone
}

// stopped is a WukongVM without a guest.
func stopped(namespace string) *v1alpha1.WukongVM {
	vm := builder.VM(namespace, "web", builder.Stopped, builder.Stamped("root"))
	vm.UID, vm.Status.Phase = "1", v1alpha1.PhaseStopped
	return vm
}

func newWorld() *World {
	return &World{now: now, references: &references{}, origin: origin{vm: stopped("lab")}}
}

// A user of another namespace must not learn whether an object exists.
func TestMissingAndForbiddenSourcesReadTheSame(t *testing.T) {
	for name, clone := range map[string]*v1alpha1.WukongClone{
		"WukongVM":   newClone(builder.CloneFrom("shop")),
		"WukongDisk": builder.CloneOfDisk("lab", "copy", "web", "web-2", builder.CloneFrom("shop")),
		"WukongSnapshot": builder.CloneOfSnapshot("lab", "copy", "web", "web-2", builder.CloneFrom("shop"),
			func(spec *v1alpha1.WukongCloneSpec) { spec.DeadlineSeconds = ptr.To[int64](3600) }),
	} {
		clone.CreationTimestamp, clone.Spec.DeadlineSeconds = metav1.NewTime(now), ptr.To[int64](3600)
		absent := &World{now: now}
		forbidden := &World{now: now, origin: origin{
			vm: stopped("shop"), disk: builder.Disk("shop", "web"),
			snapshot: builder.SnapshotOfVM("shop", "web", "web"),
		}}
		forbidden.origin.snapshot.Status.TakenAt = ptr.To(metav1.NewTime(now))
		one, other := decide(clone, absent), decide(clone, forbidden)
		assert.Equal(t, one.state, other.state, name)
		assert.Equal(t, one.record, other.record, name)
		assert.Equal(t, v1alpha1.ReasonCloneNotGranted, one.state.Reason)
		assert.Contains(t, one.state.Message, name+" shop/web may not be cloned into namespace lab")
	}
}

// Whoever has the result of an earlier clone does not learn by it that a snapshot of another namespace exists.
func TestAPointInTimeIsForThoseWhoMayClone(t *testing.T) {
	for name, test := range map[string]struct {
		namespace string
		grants    []string
		madeBy    string
		reported  bool
	}{
		"made by this clone, granted":       {"shop", []string{"lab"}, "copy/0123456789", true},
		"made by this clone, for all":       {"shop", []string{"*"}, "copy/0123456789", true},
		"made by this clone, own namespace": {"lab", nil, "copy/0123456789", true},
		"made by this clone, not granted":   {"shop", []string{"other"}, "copy/0123456789", false},
		"made by an earlier clone, granted": {"shop", []string{"lab"}, "copy/earlier", false},
		"made by an earlier clone":          {"shop", nil, "copy/earlier", false},
	} {
		t.Run(name, func(t *testing.T) {
			clone := builder.CloneOfSnapshot("lab", "copy", "monday", "web-2", builder.CloneFrom(test.namespace),
				builder.CloneGivenUpAfter(3600))
			clone.UID, clone.CreationTimestamp = "0123456789", metav1.NewTime(now)
			world := &World{now: now, vm: builder.VM("lab", "web-2")}
			world.vm.Annotations = map[string]string{v1alpha1.AnnotationClonedBy: test.madeBy}
			world.origin.snapshot = builder.SnapshotOfVM(test.namespace, "monday", "web")
			world.origin.snapshot.Spec.CloneableFrom = test.grants
			world.origin.snapshot.Status.TakenAt = ptr.To(metav1.NewTime(now))
			assert.Equal(t, test.reported, decide(clone, world).record.PointInTime != nil)
		})
	}
}

// The temporary snapshot is made last of all: nothing is frozen for a clone that cannot be made.
func TestNothingIsSnapshottedInVain(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*v1alpha1.WukongClone, *World)
		reason string
	}{
		"references": {func(_ *v1alpha1.WukongClone, world *World) {
			world.references = &references{missing: []string{"Secret keys"}}
		}, v1alpha1.ReasonReferenceMissing},
		"name": {func(_ *v1alpha1.WukongClone, world *World) {
			world.vm = builder.VM("lab", "web-2")
		}, v1alpha1.ReasonNameConflict},
		"a result that is deleted with an earlier clone": {func(clone *v1alpha1.WukongClone, world *World) {
			world.vm = builder.VM("lab", "web-2")
			world.vm.Annotations = map[string]string{v1alpha1.AnnotationClonedBy: "copy/earlier"}
			world.vm.OwnerReferences = []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongClone", Name: clone.Name, UID: "earlier",
			}}
		}, v1alpha1.ReasonPending},
		"name of a disk": {func(_ *v1alpha1.WukongClone, world *World) {
			world.references.disks = []*v1alpha1.WukongDisk{builder.Disk("lab", "web-2-root")}
		}, v1alpha1.ReasonNameConflict},
		"name of the snapshot": {func(clone *v1alpha1.WukongClone, world *World) {
			world.temporary = builder.SnapshotOfVM("lab", model.CloneSnapshotName(clone), "web")
		}, v1alpha1.ReasonNameConflict},
		"Keep, and a guest": {func(clone *v1alpha1.WukongClone, world *World) {
			clone.Spec.Identity, world.origin.vm.Status.NodeName = v1alpha1.IdentityKeep, "node1"
			world.origin.vm.Status.Phase = v1alpha1.PhaseRunning
		}, v1alpha1.ReasonSourceInUse},
		"Keep, and an address": {func(clone *v1alpha1.WukongClone, world *World) {
			clone.Spec.Identity = v1alpha1.IdentityKeep
			world.origin.vm.Spec.Networks = []v1alpha1.VMNetwork{{
				Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"},
				Addresses: []v1alpha1.InterfaceAddress{"10.0.0.5/24"},
			}}
			world.origin.addresses = []v1alpha1.WukongAddress{{Spec: v1alpha1.WukongAddressSpec{Address: "10.0.0.5"}}}
		}, v1alpha1.ReasonAddressWouldClash},
		"outside of the release": {func(_ *v1alpha1.WukongClone, world *World) {
			world.origin.outside = true
		}, v1alpha1.ReasonCloneNotGranted},
	} {
		t.Run(name, func(t *testing.T) {
			clone, world := newClone(), newWorld()
			test.change(clone, world)
			plan := decide(clone, world)
			assert.Nil(t, plan.snapshot)
			assert.Nil(t, plan.target)
			assert.Equal(t, test.reason, plan.state.Reason, plan.state.Message)
			assert.Equal(t, v1alpha1.OperationPending, plan.state.Phase)
			assert.Equal(t, look, plan.state.After)
		})
	}
	plan := decide(newClone(), newWorld())
	require.NotNil(t, plan.snapshot)
	assert.Equal(t, v1alpha1.CloneSnapshotting, plan.record.Step)
	world := newWorld()
	world.references = nil
	assert.Equal(t, &carry.References{NewDisks: []string{"web-2-root"}}, decide(newClone(), world).asksFor)
}

// At most one temporary snapshot of a WukongVM is taken for each namespace at a time.
func TestOneSnapshotAtATime(t *testing.T) {
	other := func(change func(*v1alpha1.WukongSnapshot)) v1alpha1.WukongSnapshot {
		snapshot := builder.SnapshotOfVM("lab", "other-1", "web")
		snapshot.Labels = map[string]string{v1alpha1.LabelClone: "other"}
		snapshot.Annotations = map[string]string{v1alpha1.AnnotationRequestedBy: "lab/other"}
		change(snapshot)
		return *snapshot
	}
	for name, test := range map[string]struct {
		snapshot v1alpha1.WukongSnapshot
		waits    bool
	}{
		"of another clone": {other(func(*v1alpha1.WukongSnapshot) {}), true},
		"finished": {other(func(snapshot *v1alpha1.WukongSnapshot) {
			snapshot.Status.CompletionTime = ptr.To(metav1.NewTime(now))
		}), false},
		"of a user": {other(func(snapshot *v1alpha1.WukongSnapshot) { snapshot.Labels = nil }), false},
		"of another namespace": {other(func(snapshot *v1alpha1.WukongSnapshot) {
			snapshot.Annotations[v1alpha1.AnnotationRequestedBy] = "labour/other"
		}), false},
	} {
		t.Run(name, func(t *testing.T) {
			world := newWorld()
			world.origin.snapshots = []v1alpha1.WukongSnapshot{test.snapshot}
			plan := decide(newClone(), world)
			assert.Equal(t, test.waits, plan.snapshot == nil)
			if test.waits {
				assert.Equal(t, v1alpha1.ReasonBusy, plan.state.Reason)
				assert.Equal(t, "WukongSnapshot other-1 of WukongVM web is being taken for WukongClone other: this clone "+
					"continues after it", plan.state.Message)
			} else {
				assert.Equal(t, "lab/copy", plan.snapshot.Annotations[v1alpha1.AnnotationRequestedBy])
			}
		})
	}
}

// A snapshot that waits for a consistency has the time of the clone.
func TestTheDeadlineOfTheSnapshot(t *testing.T) {
	for name, test := range map[string]struct {
		consistency v1alpha1.SnapshotConsistency
		clone, want int64
	}{
		"at once":              {"", 86400, 3600},
		"Any":                  {v1alpha1.ConsistencyAny, 86400, 3600},
		"a short clone":        {v1alpha1.ConsistencyApplication, 600, 600},
		"Application":          {v1alpha1.ConsistencyApplication, 7200, 7200},
		"Crash":                {v1alpha1.ConsistencyCrash, 7200, 7200},
		"the longest possible": {v1alpha1.ConsistencyCrash, 2592000, 86400},
	} {
		clone := newClone()
		clone.Spec.Consistency, clone.Spec.DeadlineSeconds = test.consistency, &test.clone
		assert.Equal(t, &test.want, decide(clone, newWorld()).snapshot.Spec.FailureDeadlineSeconds, name)
	}
}

// A deadline that is over ends the clone, with the cause that it waited for.
func TestTheDeadlineNamesTheCause(t *testing.T) {
	clone, world := newClone(), newWorld()
	clone.CreationTimestamp = metav1.NewTime(now.Add(-2 * time.Hour))
	world.references = &references{missing: []string{"WukongNetwork lan"}}
	plan := decide(clone, world)
	assert.Equal(t, v1alpha1.OperationFailed, plan.state.Phase)
	assert.Contains(t, plan.state.Message, "WukongNetwork lan, which namespace lab does not have")
	world.references = &references{}
	plan = decide(clone, world)
	assert.Equal(t, "given up after deadlineSeconds (3600); nothing was made. Create another WukongClone",
		plan.state.Message)
	assert.Nil(t, plan.snapshot)
	assert.Nil(t, plan.target)
}

// Only a WukongClone that made the result deletes it.
func TestAnEarlierResultIsNeverDeleted(t *testing.T) {
	clone, world := newClone(), newWorld()
	clone.CreationTimestamp = metav1.NewTime(now.Add(-2 * time.Hour))
	world.vm = builder.VM("lab", "web-2", builder.Stamped("root"))
	world.vm.Annotations = map[string]string{v1alpha1.AnnotationClonedBy: "copy/earlier"}
	plan := decide(clone, world)
	assert.Equal(t, v1alpha1.OperationFailed, plan.state.Phase)
	assert.Nil(t, plan.removes)
	assert.Contains(t, plan.state.Message, "WukongVM web-2 stays")
	world.vm.Annotations[v1alpha1.AnnotationClonedBy] = carry.Mark(clone)
	assert.Equal(t, world.vm, decide(clone, world).removes)
}

// A result without disks is complete, whether or not its guest runs.
func TestAResultThatWaitsForItsGuestIsNotDeleted(t *testing.T) {
	clone, world := newClone(builder.CloneRunning), newWorld()
	clone.CreationTimestamp = metav1.NewTime(now.Add(-2 * time.Hour))
	world.vm = builder.VM("lab", "web-2", builder.Attached("shared"))
	world.vm.Annotations = map[string]string{v1alpha1.AnnotationClonedBy: carry.Mark(clone)}
	plan := decide(clone, world)
	assert.Nil(t, plan.removes)
	assert.Equal(t, v1alpha1.OperationFailed, plan.state.Phase)
	assert.Contains(t, plan.state.Message, "WukongVM web-2 stays: use it as it is, or delete it")
}

// A WukongClone that is applied again with another source does not take the earlier result for its own.
func TestAResultOfAnotherSource(t *testing.T) {
	mark := func(from string) map[string]string {
		marks := map[string]string{v1alpha1.AnnotationClonedBy: "copy/earlier"}
		if from != "" {
			marks[v1alpha1.AnnotationClonedFrom] = from
		}
		return marks
	}
	vm := func(from string) *World {
		world := newWorld()
		world.vm = builder.VM("lab", "web-2")
		world.vm.Annotations = mark(from)
		return world
	}
	assert.Equal(t, v1alpha1.ReasonCloned, decide(newClone(), vm("WukongVM/lab/web")).state.Reason)
	assert.Equal(t, v1alpha1.ReasonCloned, decide(newClone(), vm("")).state.Reason, "not known")
	state := decide(newClone(), vm("WukongVM/lab/mail")).state
	assert.Equal(t, v1alpha1.ReasonNameConflict, state.Reason)
	assert.Contains(t, state.Message, "WukongVM web-2 was cloned from another source (WukongVM/lab/mail)")

	world := newWorld()
	world.disk = builder.Disk("lab", "web-2")
	world.disk.Annotations = mark("WukongVM/lab/web")
	assert.NotNil(t, decide(newClone(), world).snapshot, "a WukongDisk is no clone of a WukongVM")
	clone := builder.CloneOfDisk("lab", "copy", "web", "web-2", builder.CloneGivenUpAfter(3600))
	clone.UID, clone.CreationTimestamp = "0123456789", metav1.NewTime(now)
	world = vm("")
	world.origin.disk = builder.Disk("lab", "web", builder.Size("1Gi"))
	assert.NotNil(t, decide(clone, world).target, "a WukongVM is no clone of a WukongDisk")
}

// A refused write changes neither what a finished clone reports, nor what is known of a result.
func TestARefusalAndTheRecord(t *testing.T) {
	refusal := &apply.RefusedError{Kind: "WukongClone", Name: "copy", Err: errors.New("a policy protects it")}
	clone, world := newClone(), newWorld()
	state := decide(clone, world).refused(clone, world, refusal)
	assert.Equal(t, v1alpha1.OperationPending, state.Phase)
	assert.Equal(t, v1alpha1.ReasonApplyRefused, state.Reason)

	world.vm = builder.VM("lab", "web-2", builder.Stamped("root"))
	world.vm.Annotations = map[string]string{v1alpha1.AnnotationClonedBy: carry.Mark(clone)}
	plan := decide(clone, world)
	state = plan.refused(clone, world, refusal)
	assert.Equal(t, v1alpha1.OperationInProgress, state.Phase)
	assert.Equal(t, v1alpha1.ReasonApplyRefused, state.Reason)
	assert.Equal(t, "web-2", plan.record.Target.Name)
	assert.Equal(t, v1alpha1.CloneCreating, plan.record.Step)
	assert.NotNil(t, plan.record.Identity)

	clone.Status.Phase, clone.Status.CompletionTime = v1alpha1.OperationSucceeded, ptr.To(metav1.NewTime(now))
	clone.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonCloned,
	}}
	state = decide(clone, world).refused(clone, world, refusal)
	assert.Equal(t, v1alpha1.OperationSucceeded, state.Phase)
	assert.Equal(t, v1alpha1.ReasonCloned, state.Reason)
	assert.True(t, state.Ready)
}

// A result that cannot be deleted is reported.
func TestAResultThatCannotBeDeletedStays(t *testing.T) {
	clone, world := newClone(), newWorld()
	clone.CreationTimestamp = metav1.NewTime(now.Add(-2 * time.Hour))
	world.vm = builder.VM("lab", "web-2", builder.Stamped("root"))
	world.vm.Annotations = map[string]string{v1alpha1.AnnotationClonedBy: carry.Mark(clone)}
	plan := decide(clone, world)
	require.NotNil(t, plan.removes)
	state := plan.refused(clone, world,
		&apply.RefusedError{Kind: "WukongVM", Name: "web-2", Err: errors.New("a policy protects it")})
	assert.Equal(t, v1alpha1.OperationFailed, state.Phase)
	assert.Equal(t, "given up after deadlineSeconds (3600): WukongDisk web-2-root is not created yet; WukongVM web-2 "+
		"stays, because it could not be deleted: a policy protects it. Resolve the cause, and create another WukongClone",
		state.Message)
	assert.Equal(t, "web-2", plan.record.Target.Name)
}
