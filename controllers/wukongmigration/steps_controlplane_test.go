//go:build controlplane

package wukongmigration_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
	"github.com/novasphere/wukong/controllers/internal/testkit/steprows"
	"github.com/novasphere/wukong/controllers/wukongmigration"
)

// attemptsOf counts the attempts of a migration.
func (m migrations) attemptsOf(migration *v1alpha1.WukongMigration) (count int) {
	m.Helper()
	for _, attempt := range m.attempts() {
		if metav1.IsControlledBy(&attempt, migration) {
			count++
		}
	}
	return count
}

func (m migrations) isMarked(migration *v1alpha1.WukongMigration) bool {
	m.Helper()
	return testkit.Read(m, migration.Name, &v1alpha1.WukongVM{}).Annotations[v1alpha1.AnnotationMigrationRequest] != ""
}

// ends plays KubeVirt until the migration of a WukongVM of its name has succeeded.
func (m migrations) ends(migration *v1alpha1.WukongMigration) {
	m.Helper()
	attempt := m.attempt(migration, 1)
	instance := testkit.Read(m, migration.Name, &kubevirtv1.VirtualMachineInstance{})
	m.report(attempt, kubevirtv1.MigrationRunning)
	m.hand(instance, attempt, true, false)
	m.report(attempt, kubevirtv1.MigrationSucceeded)
	testkit.WaitTrue(m, migration, v1alpha1.ReasonMigrated)
	assert.Equal(m, 1, m.attemptsOf(migration))
}

func TestEachStepIsRefusedAndFails(t *testing.T) {
	m := alone(t)
	m.Create(builder.Wukong(m.Namespace, "shop"))
	begin := func(f *testkit.Fixture, name string) *v1alpha1.WukongMigration {
		m := migrations{f, m.now}
		m.runVM(name)
		migration := builder.Migration(m.Namespace, name, name, m.now.Now())
		migration.Spec.WukongRef = &v1alpha1.LocalObjectReference{Name: "shop"}
		m.Create(migration)
		return migration
	}
	heals := func(f *testkit.Fixture, migration *v1alpha1.WukongMigration) { migrations{f, m.now}.ends(migration) }
	steprows.Run(t, m.Fixture, steprows.Table[*v1alpha1.WukongMigration]{
		Steps: wukongmigration.Steps,
		Later: func(by time.Duration) { m.now.SetTime(m.now.Now().Add(by)) },
		Wake:  func(f *testkit.Fixture, migration *v1alpha1.WukongMigration) { migrations{f, m.now}.touch(migration) },
		Rows: map[string]steprows.Row[*v1alpha1.WukongMigration]{
			"metadata": {
				Resource: "wukongmigrations", Begin: begin, Heals: heals,
				GoesOn: func(f *testkit.Fixture, migration *v1alpha1.WukongMigration) {
					f.Until(func() bool { return migrations{f, m.now}.attemptsOf(migration) == 1 }, "the guest moves")
				},
			},
			"request": {
				Resource: "wukongvms", Begin: begin, Heals: heals,
				GoesOn: func(f *testkit.Fixture, migration *v1alpha1.WukongMigration) {
					f.Until(func() bool { return len(testkit.Read(f, migration.Name, migration).OwnerReferences) == 1 })
					assert.Zero(f, migrations{f, m.now}.attemptsOf(migration), "nobody would know that it was handled")
				},
			},
			"attempt": {
				Resource: "virtualmachineinstancemigrations", Begin: begin, Heals: heals,
				GoesOn: func(f *testkit.Fixture, migration *v1alpha1.WukongMigration) {
					f.Until(func() bool { return migrations{f, m.now}.isMarked(migration) }, "the request is marked")
				},
			},
			"removal": {
				Resource: "virtualmachineinstancemigrations",
				Begin:    begin,
				Settles: func(f *testkit.Fixture, migration *v1alpha1.WukongMigration) {
					m := migrations{f, m.now}
					m.report(m.attempt(migration, 1), kubevirtv1.MigrationScheduling)
				},
				Act: func(f *testkit.Fixture, migration *v1alpha1.WukongMigration) {
					f.Patch(migration, `{"spec":{"cancel":true}}`)
				},
				GoesOn: func(f *testkit.Fixture, migration *v1alpha1.WukongMigration) {
					assert.Equal(f, 1, migrations{f, m.now}.attemptsOf(migration))
					assert.False(f, migration.Finished(), "the guest may move yet")
				},
				Heals: func(f *testkit.Fixture, migration *v1alpha1.WukongMigration) {
					f.Until(func() bool { return migrations{f, m.now}.attemptsOf(migration) == 0 })
					testkit.Wait(f, migration, metav1.ConditionFalse, v1alpha1.ReasonCancelled, "")
				},
			},
		},
	})
}
