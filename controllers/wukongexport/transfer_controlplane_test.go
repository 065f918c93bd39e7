//go:build controlplane

package wukongexport_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
	"github.com/novasphere/wukong/mover"
)

const sum = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// From creation to the record of what was done, and no write after that.
func TestExportToS3(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	export := f.newExport("backup", "data")
	f.Create(export)
	job := f.waitJob(export)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "backup-mover")
	assert.Equal(t, v1alpha1.OperationInProgress, export.Status.Phase)

	assert.True(t, metav1.IsControlledBy(job, export))
	pod := job.Spec.Template.Spec
	assert.False(t, *pod.AutomountServiceAccountToken, "the pod has no rights")
	assert.True(t, *pod.SecurityContext.RunAsNonRoot)
	assert.Equal(t, image, pod.Containers[0].Image)
	assert.Equal(t, []string{"mover", "--target=s3", "--source=/source", "--format=qcow2", "--compression=none",
		"--file-name=backup.qcow2",
		"--location=https://s3.example/backups/disk.qcow2", "--region=us-east-1"}, pod.Containers[0].Args)
	assert.Equal(t, "data", pod.Volumes[0].PersistentVolumeClaim.ClaimName)
	assert.True(t, pod.Volumes[0].PersistentVolumeClaim.ReadOnly)
	assert.Equal(t, "credentials", pod.Volumes[1].Secret.SecretName)

	f.endPod(f.podOf(job, "1"), corev1.PodSucceeded,
		mover.Report{Percent: 100, SizeBytes: 4096, Checksum: sum, Location: "https://s3.example/backups/disk.qcow2"})
	f.endJob(job, batchv1.JobComplete)
	testkit.Wait(f, export, metav1.ConditionTrue, v1alpha1.ReasonCompleted, "")
	assert.True(t, meta.IsStatusConditionTrue(export.Status.Conditions, v1alpha1.ConditionCompleted))
	assert.Equal(t, v1alpha1.OperationSucceeded, export.Status.Phase)
	assert.Equal(t, int64(4096), export.Status.SizeBytes)
	assert.Equal(t, sum, export.Status.Checksum)
	assert.Equal(t, "https://s3.example/backups/disk.qcow2", export.Status.Location)
	assert.NotNil(t, export.Status.CompletionTime)

	// The Job has done its work. What it said is kept.
	f.WaitGone(job)
	f.WaitIdle()
	f.manager.Writes.Reset()
	f.manager.Stop()
	again := f.StartManager()
	f.WaitPasses(1)
	assert.Zero(t, again.Writes.Total(), "a manager that starts anew writes nothing: %s", again.Writes)
	assert.Equal(t, sum, testkit.Read(f, export.Name, export).Status.Checksum)
	assert.False(t, f.Exists("backup-mover", &batchv1.Job{}), "an export is made once")
}

func TestJobOfARegistryExportFromABlockVolume(t *testing.T) {
	f := start(t)
	f.readyDisk("root", corev1.PersistentVolumeBlock)
	f.machine("web", v1alpha1.PowerStopped, v1alpha1.PhaseStopped, "root")
	export := f.newExport("golden", "", toRegistry, func(spec *v1alpha1.WukongExportSpec) {
		spec.Source = v1alpha1.ExportSource{VM: &v1alpha1.ExportVMSource{Name: "web"}}
		spec.Compression = v1alpha1.ExportGzip
	})
	f.Create(export)
	pod := f.waitJob(export).Spec.Template.Spec
	assert.Equal(t,
		[]string{"mover", "--target=registry", "--source=/dev/source", "--format=qcow2", "--compression=gzip",
			"--file-name=golden.qcow2", "--location=registry.example/disks/web:1"}, pod.Containers[0].Args)
	assert.Equal(t, []corev1.VolumeDevice{{Name: "source", DevicePath: "/dev/source"}}, pod.Containers[0].VolumeDevices)
	assert.Equal(t, "login", pod.Volumes[1].Secret.SecretName)
	assert.Equal(t, corev1.KeyToPath{Key: ".dockerconfigjson", Path: "config.json"}, pod.Volumes[1].Secret.Items[2])
	assert.Equal(t, "ca", pod.Volumes[2].ConfigMap.Name)
}

// The words of the mover reach the condition, each attempt, and the end names the last cause.
func TestErrorsOfTheTransferInPlainWords(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	export := f.newExport("backup", "data")
	f.Create(export)
	job := f.waitJob(export)
	pod := f.podOf(job, "1")
	f.failJobOnce(job, 1)
	f.endPod(pod, corev1.PodFailed,
		mover.Report{Reason: v1alpha1.ReasonBucketMissing, Message: "bucket backups does not exist"})
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonBucketMissing,
		"bucket backups does not exist; it is retried (1 of 6 attempts failed)")
	assert.Equal(t, int32(1), export.Status.Failures)
	assert.Equal(t, v1alpha1.OperationInProgress, export.Status.Phase)

	// A reason that is not the mover's to give is not taken over.
	f.endPod(pod, corev1.PodFailed, mover.Report{Reason: "Completed", Message: "odd", Checksum: "md5:1"})
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonTransferFailed, "odd")
	assert.Empty(t, export.Status.Checksum)

	f.failJobOnce(job, 6)
	f.endJob(job, batchv1.JobFailed)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonFailed,
		"given up after 6 attempts: TransferFailed: odd")
	assert.Equal(t, v1alpha1.OperationFailed, export.Status.Phase)
	assert.False(t, meta.IsStatusConditionTrue(export.Status.Conditions, v1alpha1.ConditionCompleted))
	f.WaitGone(job) // its pods would pin the claim
}

// That the Job gets no pod is told by an event only, at each try in other words. One that is old says nothing of today.
func TestAJobThatMayHaveNoPod(t *testing.T) {
	// Longer than a Job is given, on a slow machine too.
	clock := clocktesting.NewFakePassiveClock(time.Now().Add(3 * time.Minute))
	f := startAt(t, clock)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	export := f.newExport("backup", "data")
	f.Create(export)
	job := f.waitJob(export)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "")
	tell := func(at time.Time, prefix, pod, quota string) {
		f.Create(&corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{Namespace: f.Namespace, GenerateName: "backup."},
			InvolvedObject: corev1.ObjectReference{Kind: "Job", Namespace: f.Namespace, Name: job.Name, UID: job.UID},
			Type:           corev1.EventTypeWarning, Reason: "FailedCreate", Count: 1,
			FirstTimestamp: metav1.NewTime(at), LastTimestamp: metav1.NewTime(at),
			Message: prefix + `Error creating: pods "backup-mover-` + pod + `" is forbidden: exceeded quota: ` + quota,
		})
	}
	// A change of the Job is a reason to look.
	look := func(failures int32) { f.failJobOnce(job, failures) }
	tell(time.Now().Add(2*time.Second), "", "x7k2p", "few")
	look(0)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonApplyRefused,
		"Job backup-mover may create no pod: forbidden: exceeded quota: few; it is retried")
	assert.Equal(t, v1alpha1.OperationPending, export.Status.Phase)

	f.WaitIdle()
	f.manager.Writes.Reset()
	tell(time.Now().Add(3*time.Second), "(combined from similar events): ", "q9w8e", "few")
	look(1)
	f.Until(func() bool { return testkit.Read(f, export.Name, export).Status.Failures == 1 })
	f.WaitIdle()
	assert.Equal(t, 1, f.manager.Writes.Total(), "the same refusal is no news: %s", f.manager.Writes)

	clock.SetTime(time.Now().Add(time.Hour))
	look(2)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "moves the bytes")

	// After a pod that failed, the next one may be refused.
	first := f.podOf(job, "1")
	f.endPod(first, corev1.PodFailed, mover.Report{Reason: v1alpha1.ReasonBucketMissing, Message: "no bucket"})
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonBucketMissing, "no bucket")
	tell(clock.Now().Add(-time.Minute), "", "a1b2c", "none")
	look(3)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonApplyRefused, "exceeded quota: none")

	// The newest pod is so by its creation, which has seconds.
	f.Until(func() bool { return time.Now().Unix() > first.CreationTimestamp.Unix() })
	f.setRunning(f.podOf(job, "2"))
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "moves the bytes")
}

// A pod that has the claim keeps it: what becomes of the disk's object then is no obstacle any more. A Job that finds
// no claim is given up.
func TestADiskThatIsDeletedWhileItIsRead(t *testing.T) {
	f := start(t)
	disk, export, job, pod := f.beingRead("data")
	f.deleteDisk(disk)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "moves the bytes")
	f.endPod(pod, corev1.PodSucceeded, mover.Report{Percent: 100, SizeBytes: 4096, Checksum: sum})
	f.endJob(job, batchv1.JobComplete)
	testkit.Wait(f, export, metav1.ConditionTrue, v1alpha1.ReasonCompleted, "")
	assert.Equal(t, sum, export.Status.Checksum)

	other := f.readyDisk("other", corev1.PersistentVolumeFilesystem)
	late := f.newExport("late", "other")
	f.Create(late)
	job = f.waitJob(late)
	f.deleteDisk(other)
	f.WaitGone(job)
	testkit.Wait(f, late, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "WukongDisk other does not exist")
}

// What is read is the claim: a machine that comes to it by another disk tears the copy as well.
func TestAClaimThatAnotherDiskTakesOver(t *testing.T) {
	f := start(t)
	disk, export, job, _ := f.beingRead("data")
	f.Remove(disk) // with reclaimPolicy Retain
	adopter := builder.Disk(f.Namespace, "adopter", builder.Adopting("data"))
	f.Create(adopter)
	adopter.Status.ClaimName = "data"
	f.SetStatus(adopter)
	f.WaitIdle()
	assert.True(t, f.Exists(job.Name, job))
	f.machine("web", v1alpha1.PowerRunning, v1alpha1.PhaseRunning, "adopter")
	f.WaitGone(job)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "WukongDisk data does not exist")
}

// A new export does not take the Job of an earlier one for its own, which the garbage collector has not found yet.
func TestAnEarlierExportOfTheSameName(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	earlier := f.newExport("earlier", "data") // it is there still, so that the Job is not collected
	f.Create(earlier)
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Namespace: f.Namespace, Name: "backup-mover",
		Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue},
	}}
	job.Spec.Template.Spec = corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "a", Image: "b"}},
	}
	require.NoError(t, controllerutil.SetControllerReference(earlier, job, f.Client.Scheme()))
	f.Create(job)
	f.endJob(job, batchv1.JobComplete)
	export := f.newExport("backup", "data")
	f.Create(export)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonPending,
		"Job backup-mover of an earlier WukongExport of this name is being deleted")
	f.Remove(job, client.PropagationPolicy(metav1.DeletePropagationBackground))
	// The end of the Job would be the news, had its owner the export's name, as it has outside of this test.
	f.machine("news", v1alpha1.PowerStopped, v1alpha1.PhaseStopped)
	f.Until(func() bool {
		current := &batchv1.Job{}
		return f.Exists(job.Name, current) && metav1.IsControlledBy(current, export)
	})
}

// A copy of a disk that is written meanwhile would be torn: the export waits, stops when a machine starts, and goes on
// by itself.
func TestADiskInUseIsNotRead(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	vm := f.machine("web", v1alpha1.PowerRunning, v1alpha1.PhaseRunning, "data")
	export := f.newExport("backup", "data")
	f.Create(export)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonSourceInUse,
		"in use by WukongVM web, which is not stopped: stop it (powerState: Stopped)")
	assert.Equal(t, v1alpha1.OperationPending, export.Status.Phase)
	f.WaitIdle()
	require.False(t, f.Exists("backup-mover", &batchv1.Job{}))

	f.power(vm, v1alpha1.PowerStopped, v1alpha1.PhaseStopped)
	job := f.waitJob(export)
	first := job.UID

	vm.Spec.PowerState = v1alpha1.PowerRunning
	require.NoError(t, f.Client.Update(t.Context(), vm))
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonSourceInUse, "web")
	f.Until(func() bool { return !f.Exists("backup-mover", job) || !job.DeletionTimestamp.IsZero() })

	f.power(vm, v1alpha1.PowerStopped, v1alpha1.PhaseStopped)
	f.Until(func() bool { return f.Exists("backup-mover", job) && job.UID != first })
}

// A Job that ended while no manager looked may have read what a guest wrote meanwhile: it does not count, and another
// reads the disk when it can.
func TestAJobThatEndedUnseenWhileAMachineRan(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	vm := f.machine("web", v1alpha1.PowerStopped, v1alpha1.PhaseStopped, "data")
	export := f.newExport("backup", "data")
	f.Create(export)
	job := f.waitJob(export)
	first := job.UID
	f.WaitIdle()
	f.manager.Stop()

	f.power(vm, v1alpha1.PowerRunning, v1alpha1.PhaseRunning)
	f.endPod(f.podOf(job, "1"), corev1.PodSucceeded, mover.Report{Percent: 100, SizeBytes: 4096, Checksum: sum})
	f.endJob(job, batchv1.JobComplete)
	f.StartManager()
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonSourceInUse, "web")
	assert.Nil(t, export.Status.CompletionTime)
	assert.Empty(t, export.Status.Checksum)

	f.power(vm, v1alpha1.PowerStopped, v1alpha1.PhaseStopped)
	f.Until(func() bool { return f.Exists("backup-mover", job) && job.UID != first })
}

// The guest of a machine that was deleted writes until it has shut down, which is when nobody holds the disk any more.
func TestADiskIsInUseUntilTheGuestOfADeletedMachineHasLetGo(t *testing.T) {
	f := start(t)
	disk := f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	disk.Status.AttachedTo = "web"
	f.SetStatus(disk)
	export := f.newExport("backup", "data")
	f.Create(export)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonSourceInUse,
		"web (its guest has not released the disk yet)")
	f.WaitIdle()
	assert.False(t, f.Exists("backup-mover", &batchv1.Job{}))

	disk.Status.AttachedTo = ""
	f.SetStatus(disk)
	f.waitJob(export)
}

// What is missing is named, and nothing but its appearance is needed.
func TestSourcesThatComeLater(t *testing.T) {
	f := start(t)
	ofDisk := f.newExport("of-disk", "data")
	ofVM := f.newExport("of-vm", "", builder.OfMachine("web", "data"))
	f.Create(ofDisk, ofVM)
	testkit.Wait(f, ofDisk, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "WukongDisk data does not exist")
	testkit.Wait(f, ofVM, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "WukongVM web does not exist")
	f.machine("web", v1alpha1.PowerStopped, v1alpha1.PhaseStopped, "data")
	testkit.Wait(f, ofVM, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing,
		"the WukongDisk of WukongVM web does not exist yet")
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	f.waitJob(ofDisk)
	f.waitJob(ofVM)
}

// A backup of a machine in which a disk is missing without a word would be worse than none. And what is read once stays
// watched, whatever becomes of the machine's spec.
func TestAMachineWithSeveralDisks(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	f.readyDisk("more", corev1.PersistentVolumeFilesystem)
	ofVM := func(name, disk string) *v1alpha1.WukongExport {
		return f.newExport(name, "", builder.OfMachine("web", disk))
	}
	vm := f.machine("web", v1alpha1.PowerStopped, v1alpha1.PhaseStopped, "data")
	export := ofVM("backup", "")
	f.Create(export)
	job := f.waitJob(export)

	vm.Spec.Disks = append(vm.Spec.Disks,
		v1alpha1.VMDisk{Name: "more", DiskRef: &v1alpha1.LocalObjectReference{Name: "more"}})
	f.power(vm, v1alpha1.PowerRunning, v1alpha1.PhaseRunning)
	f.WaitGone(job) // it would have read what the guest writes
	f.power(vm, v1alpha1.PowerStopped, v1alpha1.PhaseStopped)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec,
		"WukongVM web has the disks data, more, and an export contains one: create an export for each, with its name "+
			"in source.vm.disk")
	one, none := ofVM("one", "more"), ofVM("none", "other")
	f.Create(one, none)
	assert.Equal(t, "more", f.waitJob(one).Spec.Template.Spec.Volumes[0].PersistentVolumeClaim.ClaimName)
	testkit.Wait(f, none, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing,
		"WukongVM web has no disk other in spec.disks: export one that it has: data, more")
}

func TestASnapshotIsRestoredForTheTimeOfTheExport(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeBlock)
	f.machine("web", v1alpha1.PowerRunning, v1alpha1.PhaseRunning, "data")
	export := f.newExport("backup", "", builder.OfVolumeSnapshot("monday"))
	f.Create(export)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "VolumeSnapshot monday does not exist")
	snapshot := builder.VolumeSnapshot(f.Namespace, "monday", "data")
	f.Create(snapshot)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "VolumeSnapshot monday")
	f.setSnapshot(snapshot, map[string]any{"readyToUse": true, "restoreSize": "2Gi"})

	job := f.waitJob(export)
	claim := &corev1.PersistentVolumeClaim{}
	f.Until(func() bool { return f.Exists("backup-restored", claim) })
	assert.True(t, metav1.IsControlledBy(claim, job), "it goes with the Job")
	assert.Equal(t, "monday", claim.Spec.DataSource.Name)
	assert.Equal(t, ptr.To(corev1.PersistentVolumeBlock), claim.Spec.VolumeMode)
	assert.Equal(t, ptr.To(testenv.DefaultStorageClass), claim.Spec.StorageClassName)
	assert.Equal(t, "2Gi", claim.Spec.Resources.Requests.Storage().String())
	assert.Equal(t, "backup-restored", job.Spec.Template.Spec.Volumes[0].PersistentVolumeClaim.ClaimName)

	f.endPod(f.podOf(job, "1"), corev1.PodSucceeded, mover.Report{Percent: 100, SizeBytes: 1, Checksum: sum})
	f.endJob(job, batchv1.JobComplete)
	testkit.Wait(f, export, metav1.ConditionTrue, v1alpha1.ReasonCompleted, "")
	f.WaitGone(job)
	f.Until(func() bool { return !f.Exists(claim.Name, claim) || !claim.DeletionTimestamp.IsZero() },
		"the restored claim does not go")
}

// A name that is taken is reported, and the object is left alone.
func TestAForeignJobIsLeftAlone(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	foreign := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "backup-mover"}}
	foreign.Spec.Template.Spec = corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "a", Image: "b"}},
	}
	f.Create(foreign)
	export := f.newExport("backup", "data")
	f.Create(export)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonNameConflict, "Job backup-mover already exists")
	assert.Empty(t, testkit.Read(f, foreign.Name, foreign).OwnerReferences)
}

func TestAdmission(t *testing.T) {
	f := start(t)
	tests := map[string]struct {
		name    string
		change  func(*v1alpha1.WukongExportSpec)
		message string
	}{
		"two targets": {change: func(s *v1alpha1.WukongExportSpec) { s.Target.Download = &v1alpha1.DownloadTarget{} },
			message: "exactly one of"},
		"no source": {change: func(s *v1alpha1.WukongExportSpec) { s.Source = v1alpha1.ExportSource{} },
			message: "source"},
		"bucket only": {change: func(s *v1alpha1.WukongExportSpec) { s.Target.S3.URL = "https://s3.example/bucket" },
			message: "https://endpoint/bucket/key"},
		"a folder": {change: func(s *v1alpha1.WukongExportSpec) { s.Target.S3.URL = "https://s3.example/bucket/key/" },
			message: "a slash at the end"},
		"a digest": {change: func(s *v1alpha1.WukongExportSpec) {
			toRegistry(s)
			s.Target.Registry.Image = "registry.example/a@sha256:" + strings.Repeat("0", 64)
		}, message: "without a digest"},
		"a short link": {change: func(s *v1alpha1.WukongExportSpec) {
			builder.ToDownload(600)(s)
			s.Target.Download.ExpiresAfterSeconds = 5
		}, message: "60"},
		"a dot": {name: "a.b", change: func(*v1alpha1.WukongExportSpec) {},
			message: "a Job and a Service are named after it"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			export := f.newExport("export", "data", test.change)
			if test.name != "" {
				export.Name = test.name
			}
			assert.ErrorContains(t, f.Client.Create(t.Context(), export, client.DryRunAll), test.message)
		})
	}
	export := f.newExport("export", "data")
	f.Create(export)
	for name, change := range map[string]func(*v1alpha1.WukongExportSpec){
		"source": func(s *v1alpha1.WukongExportSpec) { s.Source.DiskRef.Name = "other" },
		"target": builder.ToDownload(600),
		"format": func(s *v1alpha1.WukongExportSpec) { s.Format = v1alpha1.ExportRaw },
	} {
		changed := testkit.Read(f, export.Name, &v1alpha1.WukongExport{})
		change(&changed.Spec)
		assert.ErrorContains(t, f.Client.Update(t.Context(), changed), "create another WukongExport", name)
	}
	changed := testkit.Read(f, export.Name, &v1alpha1.WukongExport{})
	builder.ForgottenAfter(5)(&changed.Spec)
	assert.NoError(t, f.Client.Update(t.Context(), changed, client.DryRunAll), "its end may be chosen at any time")
}
