//go:build controlplane

package wukongexport_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
	"github.com/novasphere/wukong/controllers/internal/testkit/steprows"
	"github.com/novasphere/wukong/controllers/wukongexport"
	"github.com/novasphere/wukong/mover"
)

// completes plays the Job of an export until the export has succeeded.
func completes(f *testkit.Fixture, export *v1alpha1.WukongExport) {
	f.Helper()
	e := exports{Fixture: f}
	job := e.waitJob(export)
	e.endPod(e.podOf(job, "1"), corev1.PodSucceeded, mover.Report{Percent: 100, SizeBytes: 1, Checksum: sum})
	e.endJob(job, batchv1.JobComplete)
	testkit.WaitTrue(f, export, v1alpha1.ReasonCompleted)
}

// serves plays the pod of a download until its link is served.
func serves(f *testkit.Fixture, export *v1alpha1.WukongExport) {
	f.Helper()
	e := exports{Fixture: f}
	child := export.Name + "-download"
	f.Until(func() bool { return f.Exists(child, &corev1.Secret{}) && f.Exists(child, &corev1.Service{}) })
	pod := e.podOf(e.waitJob(export), "1")
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	f.SetStatus(pod)
	testkit.WaitTrue(f, export, v1alpha1.ReasonServing)
}

// hasJob waits for the Job of an export.
func hasJob(f *testkit.Fixture, export *v1alpha1.WukongExport) {
	f.Helper()
	exports{Fixture: f}.waitJob(export)
}

func TestEachStepIsRefusedAndFails(t *testing.T) {
	f := exports{Fixture: testkit.Parallel(t).Running("wukongexport").MovingBy(image).Called(testenv.Operator)}
	f.Create(builder.Wukong(f.Namespace, "shop"))
	f.readyDisk("data", corev1.PersistentVolumeBlock)
	f.machine("web", v1alpha1.PowerStopped, v1alpha1.PhaseStopped, "data")
	snapshot := builder.VolumeSnapshot(f.Namespace, "monday", "data")
	f.Create(snapshot)
	f.setSnapshot(snapshot, map[string]any{"readyToUse": true, "restoreSize": "2Gi"})
	begin := func(options ...builder.ExportOption) func(*testkit.Fixture, string) *v1alpha1.WukongExport {
		return func(f *testkit.Fixture, name string) *v1alpha1.WukongExport {
			export := builder.PartOf("shop", exports{Fixture: f}.newExport(name, "data", options...))
			f.Create(export)
			return export
		}
	}
	steprows.Run(t, f.Fixture, steprows.Table[*v1alpha1.WukongExport]{
		Steps: wukongexport.Steps,
		Wake: func(f *testkit.Fixture, export *v1alpha1.WukongExport) {
			f.Patch(export, `{"spec":{"ttlSecondsAfterFinished":100000}}`)
		},
		Rows: map[string]steprows.Row[*v1alpha1.WukongExport]{
			"metadata": {Resource: "wukongexports", Begin: begin(), GoesOn: hasJob, Heals: completes},
			"job": {
				Resource: "jobs", Begin: begin(builder.ToDownload(600)), Heals: serves,
				GoesOn: func(f *testkit.Fixture, export *v1alpha1.WukongExport) {
					f.Until(func() bool { return len(testkit.Read(f, export.Name, export).OwnerReferences) == 1 })
					assert.False(f, f.Exists(export.Name+"-download", &corev1.Secret{}), "no token is made for a Job that is refused")
				},
			},
			"download": {
				Resource: "secrets", Begin: begin(builder.ToDownload(600)), Heals: serves,
				GoesOn: func(f *testkit.Fixture, export *v1alpha1.WukongExport) {
					hasJob(f, export)
					assert.False(f, f.Exists(export.Name+"-download", &corev1.Service{}), "nothing is served without a token")
				},
			},
			"snapshot": {
				Resource: "persistentvolumeclaims", Begin: begin(builder.OfVolumeSnapshot("monday")), GoesOn: hasJob,
				Heals: func(f *testkit.Fixture, export *v1alpha1.WukongExport) {
					claim := &corev1.PersistentVolumeClaim{}
					f.Until(func() bool { return f.Exists(export.Name+"-restored", claim) })
					assert.True(f, metav1.IsControlledBy(claim, exports{Fixture: f}.waitJob(export)))
					completes(f, export)
				},
			},
		},
	})
}
