//go:build controlplane

package wukongbackup_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
	"github.com/novasphere/wukong/controllers/internal/testkit/steprows"
	"github.com/novasphere/wukong/controllers/wukongbackup"
	"github.com/novasphere/wukong/mover"
)

func TestEachStepIsRefusedAndFails(t *testing.T) {
	all := alone(t)
	all.Create(builder.Wukong(all.Namespace, "shop"))
	all.snapshotOfVM("monday", "root")
	begin := func(f *testkit.Fixture, name string) *v1alpha1.WukongBackup {
		backup := builder.Backup(f.Namespace, name, "monday", target(""))
		backup.Spec.WukongRef = &v1alpha1.LocalObjectReference{Name: "shop"}
		f.Create(backup)
		return backup
	}
	copied := func(f *testkit.Fixture, backup *v1alpha1.WukongBackup) { backups{f}.copied(backup, "root") }
	succeeds := func(f *testkit.Fixture, backup *v1alpha1.WukongBackup) { backups{f}.succeeds(backup) }
	hasJob := func(f *testkit.Fixture, backup *v1alpha1.WukongBackup) bool {
		return f.Exists(model.BackupJobName(backup), &batchv1.Job{})
	}
	finish := func(f *testkit.Fixture, backup *v1alpha1.WukongBackup) {
		backups{f}.end(backup, corev1.PodSucceeded, mover.Report{Percent: 100})
		testkit.WaitTrue(f, backup, v1alpha1.ReasonCompleted)
	}
	exported := func(f *testkit.Fixture, backup *v1alpha1.WukongBackup) { backups{f}.exportOf(backup, "root") }
	steprows.Run(t, all.Fixture, steprows.Table[*v1alpha1.WukongBackup]{
		Steps: wukongbackup.Steps,
		Wake: func(f *testkit.Fixture, backup *v1alpha1.WukongBackup) {
			f.Patch(backup, `{"spec":{"ttlSecondsAfterFinished":1000}}`)
		},
		Rows: map[string]steprows.Row[*v1alpha1.WukongBackup]{
			"metadata": {
				Resource: "wukongbackups", Begin: begin, Heals: succeeds,
				GoesOn: exported, // the backup does not need its Wukong
			},
			"exports": {
				Resource: "wukongexports", Begin: begin, Heals: succeeds,
				GoesOn: func(f *testkit.Fixture, backup *v1alpha1.WukongBackup) { assert.False(f, hasJob(f, backup)) },
			},
			"files": {
				Resource: "configmaps", Begin: begin, Settles: exported, Act: copied,
				GoesOn: func(f *testkit.Fixture, backup *v1alpha1.WukongBackup) {
					assert.False(f, hasJob(f, backup), "its pod would wait for ever")
				},
				Heals: finish,
			},
			"job": {
				Resource: "jobs", Begin: begin, Settles: exported, Act: copied,
				GoesOn: func(f *testkit.Fixture, backup *v1alpha1.WukongBackup) {
					assert.True(f, f.Exists(model.BackupJobName(backup), &corev1.ConfigMap{}))
				},
				Heals: finish,
			},
		},
	})
}
