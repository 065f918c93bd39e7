//go:build controlplane

package wukongclone_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
	"github.com/novasphere/wukong/controllers/internal/testkit/steprows"
	"github.com/novasphere/wukong/controllers/wukongclone"
)

func TestEachStepIsRefusedAndFails(t *testing.T) {
	all := alone(t)
	all.Create(builder.Wukong(all.Namespace, "shop"))
	in := func(f *testkit.Fixture) clones { return clones{f, all.now} }
	begins := func(options ...builder.CloneOption) func(*testkit.Fixture, string) *v1alpha1.WukongClone {
		return func(f *testkit.Fixture, name string) *v1alpha1.WukongClone {
			source := name + "-source" // one snapshot of a WukongVM is taken at a time
			in(f).completeDisk(builder.Disk(f.Namespace, source+"-root"))
			f.Create(builder.VM(f.Namespace, source, builder.Stamped("root")))
			clone := builder.CloneOfVM(f.Namespace, name, source, name, options...)
			clone.Spec.WukongRef = &v1alpha1.LocalObjectReference{Name: "shop"}
			f.Create(clone)
			return clone
		}
	}
	isMade := func(f *testkit.Fixture, clone *v1alpha1.WukongClone) bool {
		return f.Exists(clone.Name, &v1alpha1.WukongVM{})
	}
	hasSnapshot := func(f *testkit.Fixture, clone *v1alpha1.WukongClone) bool {
		return f.Exists(model.CloneSnapshotName(clone), &v1alpha1.WukongSnapshot{})
	}
	finishes := func(f *testkit.Fixture, clone *v1alpha1.WukongClone) { in(f).finish(clone) }
	steprows.Run(t, all.Fixture, steprows.Table[*v1alpha1.WukongClone]{
		Steps: wukongclone.Steps,
		Later: func(by time.Duration) { all.now.SetTime(all.now.Now().Add(by)) },
		Wake: func(f *testkit.Fixture, clone *v1alpha1.WukongClone) {
			testkit.Edit(f, clone, func(clone *v1alpha1.WukongClone) {
				left := int64(1000)
				if clone.Spec.TTLSecondsAfterFinished != nil {
					left = *clone.Spec.TTLSecondsAfterFinished + 1
				}
				clone.Spec.TTLSecondsAfterFinished = &left
			})
		},
		Rows: map[string]steprows.Row[*v1alpha1.WukongClone]{
			"metadata": {
				Resource: "wukongclones", Begin: begins(), Heals: finishes,
				GoesOn: func(f *testkit.Fixture, clone *v1alpha1.WukongClone) {
					assert.False(f, hasSnapshot(f, clone), "nothing would delete it")
				},
			},
			"snapshot": {
				Resource: "wukongsnapshots", Begin: begins(), Heals: finishes,
				GoesOn: func(f *testkit.Fixture, clone *v1alpha1.WukongClone) {
					f.Until(func() bool { return len(testkit.Read(f, clone.Name, clone).OwnerReferences) == 1 })
					assert.False(f, isMade(f, clone))
				},
			},
			"target": {
				Resource: "wukongvms", Begin: begins(builder.CloneDisks(
					v1alpha1.CloneDisk{Name: "root", Action: v1alpha1.CloneActionBlank})), Heals: finishes,
				GoesOn: func(f *testkit.Fixture, clone *v1alpha1.WukongClone) {
					f.Until(func() bool { return len(testkit.Read(f, clone.Name, clone).OwnerReferences) == 1 })
					assert.False(f, isMade(f, clone))
				},
			},
			"removal": {
				Resource: "wukongvms", Begin: begins(builder.CloneGivenUpAfter(3600), builder.CloneDisks(
					v1alpha1.CloneDisk{Name: "root", Action: v1alpha1.CloneActionBlank})),
				Settles: func(f *testkit.Fixture, clone *v1alpha1.WukongClone) {
					f.Until(func() bool { return isMade(f, clone) })
				},
				Act: func(f *testkit.Fixture, clone *v1alpha1.WukongClone) {
					all.now.SetTime(all.now.Now().Add(2 * time.Hour))
					f.Patch(clone, `{"spec":{"ttlSecondsAfterFinished":2000}}`)
				},
				Reason: v1alpha1.ReasonFailed,
				GoesOn: func(f *testkit.Fixture, clone *v1alpha1.WukongClone) { assert.True(f, isMade(f, clone)) },
				Heals:  func(*testkit.Fixture, *v1alpha1.WukongClone) {},
			},
		},
	})
}
