//go:build controlplane

package wukongsnapshotschedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
	"github.com/novasphere/wukong/controllers/internal/testkit/steprows"
	"github.com/novasphere/wukong/controllers/wukongsnapshotschedule"
)

// owned are the snapshots of a schedule, by whether they depend on it.
func (f schedules) owned(object *v1alpha1.WukongSnapshotSchedule) (owned, others []string) {
	f.Helper()
	for _, name := range f.snapshots() {
		if !strings.HasPrefix(name, object.Name+"-") {
			continue
		}
		if metav1.IsControlledBy(testkit.Read(f, name, &v1alpha1.WukongSnapshot{}), object) {
			owned = append(owned, name)
		} else {
			others = append(others, name)
		}
	}
	return owned, others
}

func (f schedules) count(object *v1alpha1.WukongSnapshotSchedule) int {
	f.Helper()
	owned, others := f.owned(object)
	return len(owned) + len(others)
}

// adoptedFor makes two successful snapshots that carry the label of a schedule.
func (f schedules) adoptedFor(name string) {
	f.Helper()
	for _, part := range []string{"-a", "-b"} {
		snapshot := builder.SnapshotOfVM(f.Namespace, name+part, "web")
		snapshot.Labels = map[string]string{v1alpha1.LabelSchedule: name}
		f.Create(snapshot)
		f.take(name + part)
	}
}

func TestEachStepIsRefusedAndFails(t *testing.T) {
	all := alone(t)
	all.Create(builder.Wukong(all.Namespace, "shop"), builder.VM(all.Namespace, "web", builder.Stamped("root")))
	in := func(f *testkit.Fixture) schedules { return schedules{f, all.now} }
	begins := func(options ...builder.ScheduleOption) func(*testkit.Fixture, string) *v1alpha1.WukongSnapshotSchedule {
		return func(f *testkit.Fixture, name string) *v1alpha1.WukongSnapshotSchedule {
			object := builder.Schedule(f.Namespace, name, "web", "@yearly", options...)
			object.Spec.WukongRef = &v1alpha1.LocalObjectReference{Name: "shop"}
			in(f).adoptedFor(name)
			f.Create(object)
			return object
		}
	}
	isReady := func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
		testkit.WaitTrue(f, object, v1alpha1.ReasonScheduled)
	}
	// A time that is past when the object exists: the first minute after its creation, by a clock that is moved on.
	soon := func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
		f.Patch(object, `{"spec":{"schedule":"* * * * *"}}`)
		all.now.SetTime(all.now.Now().Add(2 * time.Minute))
	}
	steprows.Run(t, all.Fixture, steprows.Table[*v1alpha1.WukongSnapshotSchedule]{
		Steps: wukongsnapshotschedule.Steps,
		Later: func(by time.Duration) { all.now.SetTime(all.now.Now().Add(by)) },
		Wake: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
			in(f).touch(object)
		},
		Rows: map[string]steprows.Row[*v1alpha1.WukongSnapshotSchedule]{
			"metadata": {
				Resource: "wukongsnapshotschedules", Begin: begins(builder.KeepingSnapshots(1)), Heals: isReady,
				GoesOn: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
					f.Until(func() bool { return in(f).count(object) == 1 }, "the older one is deleted")
				},
			},
			"snapshot": {
				Resource: "wukongsnapshots", Begin: begins(), Act: soon,
				Settles: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
					testkit.WaitTrue(f, object, v1alpha1.ReasonScheduled)
				},
				GoesOn: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
					assert.Equal(f, 2, in(f).count(object))
				},
				Heals: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
					f.Until(func() bool { return in(f).count(object) > 2 }, "the snapshot is due still")
				},
			},
			"ownership": {
				Resource: "wukongsnapshots", Begin: begins(builder.DeletingSnapshots),
				GoesOn: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
					f.Until(func() bool { return len(testkit.Read(f, object.Name, object).OwnerReferences) == 1 })
				},
				Heals: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
					f.Until(func() bool { owned, _ := in(f).owned(object); return len(owned) == 2 })
					isReady(f, object)
				},
			},
			"retention": {
				Resource: "wukongsnapshots", Begin: begins(builder.KeepingSnapshots(1)),
				GoesOn: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
					assert.Equal(f, 2, in(f).count(object))
				},
				Heals: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
					f.Until(func() bool { return in(f).count(object) == 1 })
					isReady(f, object)
				},
			},
			"backup": {
				Resource: "wukongbackups", Begin: begins(builder.BackedUpTo(bucket)),
				GoesOn: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
					assert.Equal(f, 2, in(f).count(object))
				},
				Names: "-b",
				Heals: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
					f.Until(func() bool { return f.Exists(object.Name+"-b", &v1alpha1.WukongBackup{}) })
					isReady(f, object)
				},
			},
			// Its deletion, because one trial begins at a time.
			"trial": {
				Resource: "wukongclones", Begin: begins(),
				Settles: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
					testkit.WaitTrue(f, object, v1alpha1.ReasonScheduled)
				},
				Act: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
					clone := builder.CloneOfSnapshot(f.Namespace, object.Name+"-trial", object.Name+"-a", object.Name+"-trial")
					clone.Labels = map[string]string{v1alpha1.LabelSchedule: object.Name}
					clone.OwnerReferences = []metav1.OwnerReference{
						*metav1.NewControllerRef(object, v1alpha1.GroupVersion.WithKind("WukongSnapshotSchedule")),
					}
					f.Create(clone)
				},
				GoesOn: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
					assert.True(f, f.Exists(object.Name+"-trial", &v1alpha1.WukongClone{}))
				},
				Heals: func(f *testkit.Fixture, object *v1alpha1.WukongSnapshotSchedule) {
					f.WaitGone(f.Named(object.Name+"-trial", &v1alpha1.WukongClone{}))
					isReady(f, object)
				},
			},
		},
	})
}
