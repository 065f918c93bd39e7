//go:build controlplane

package wukongexport_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
	"github.com/novasphere/wukong/mover"
)

const image = "registry.example/wukong:1"

// exports is the fixture in which the export controller runs alone, and the test plays those who run its Jobs.
type exports struct {
	*testkit.Fixture
	manager *testkit.Manager
}

func start(t *testing.T) exports {
	t.Helper()
	return startAt(t, clock.RealClock{})
}

// startAt calls the manager by the name of the operator's account, so that each of its Jobs is judged by the policy for
// them.
func startAt(t *testing.T, clock clock.PassiveClock) exports {
	t.Helper()
	f := exports{
		Fixture: testkit.Parallel(t).Running("wukongexport").MovingBy(image).ByClock(clock).Called(testenv.Operator),
	}
	f.manager = f.StartManager()
	return f
}

// readyDisk is a WukongDisk with its claim, as the disk's controller leaves them.
func (f exports) readyDisk(name string, mode corev1.PersistentVolumeMode) *v1alpha1.WukongDisk {
	f.Helper()
	f.Create(f.NewClaim(name, builder.ClaimOfMode(mode)))
	disk := builder.Disk(f.Namespace, name)
	f.Create(disk)
	disk.Status = v1alpha1.WukongDiskStatus{
		ClaimName: name, Phase: v1alpha1.DiskReady, ObservedGeneration: disk.Generation,
	}
	testkit.Say(f, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, "", v1alpha1.ConditionReady,
		v1alpha1.ConditionComplete)
	return disk
}

// deleteDisk deletes a disk and its claim, as its controllers do once nothing uses the claim.
func (f exports) deleteDisk(disk *v1alpha1.WukongDisk) {
	f.Helper()
	f.Remove(disk)
	claim := testkit.Read(f, disk.Status.ClaimName, &corev1.PersistentVolumeClaim{})
	claim.Finalizers = nil
	require.NoError(f, f.Client.Update(f.Context(), claim))
	require.NoError(f, client.IgnoreNotFound(f.Client.Delete(f.Context(), claim)))
}

// machine is a WukongVM that uses disks, in a phase.
func (f exports) machine(
	name string, power v1alpha1.PowerState, phase v1alpha1.Phase, disks ...string,
) *v1alpha1.WukongVM {
	f.Helper()
	vm := builder.VM(f.Namespace, name, builder.Power(power), builder.Attached(disks...))
	f.Create(vm)
	testkit.SayPhase(f, vm, phase)
	return vm
}

// power is what a person asks of a machine, and what its controller says of it then.
func (f exports) power(vm *v1alpha1.WukongVM, wanted v1alpha1.PowerState, phase v1alpha1.Phase) {
	f.Helper()
	vm.Spec.PowerState = wanted
	require.NoError(f, f.Client.Update(f.Context(), vm))
	testkit.SayPhase(f, vm, phase)
}

// newExport is an export of a disk to S3, and what the options say.
func (f exports) newExport(name, disk string, options ...builder.ExportOption) *v1alpha1.WukongExport {
	toS3 := builder.ToS3("https://s3.example/backups/disk.qcow2", "", "credentials")
	return builder.Export(f.Namespace, name, disk, append([]builder.ExportOption{toS3}, options...)...)
}

func toRegistry(spec *v1alpha1.WukongExportSpec) {
	builder.ToRegistry("registry.example/disks/web:1")(spec)
	spec.Target.Registry.SecretRef = &v1alpha1.LocalObjectReference{Name: "login"}
	spec.Target.Registry.CertConfigMapRef = &v1alpha1.LocalObjectReference{Name: "ca"}
}

func (f exports) waitJob(export *v1alpha1.WukongExport) *batchv1.Job {
	f.Helper()
	job := &batchv1.Job{}
	f.Until(func() bool { return f.Exists(export.Name+"-mover", job) })
	return job
}

// The part of the Job controller and of kubelet.

// podOf makes a pod of a Job. Its number makes its name.
func (f exports) podOf(job *batchv1.Job, number string, options ...func(*corev1.Pod)) *corev1.Pod {
	f.Helper()
	pod := &corev1.Pod{ObjectMeta: *job.Spec.Template.ObjectMeta.DeepCopy(), Spec: *job.Spec.Template.Spec.DeepCopy()}
	pod.Namespace, pod.Name = f.Namespace, job.Name+"-"+number
	require.NoError(f, controllerutil.SetControllerReference(job, pod, f.Client.Scheme()))
	for _, option := range options {
		option(pod)
	}
	f.Create(pod)
	return pod
}

// beingRead is a disk whose claim the pod of an export has.
func (f exports) beingRead(
	name string,
) (disk *v1alpha1.WukongDisk, export *v1alpha1.WukongExport, job *batchv1.Job, pod *corev1.Pod) {
	f.Helper()
	disk, export = f.readyDisk(name, corev1.PersistentVolumeFilesystem), f.newExport("backup", name)
	f.Create(export)
	job = f.waitJob(export)
	pod = f.podOf(job, "1")
	f.setRunning(pod)
	return disk, export, job, pod
}

func (f exports) setRunning(pod *corev1.Pod) {
	f.Helper()
	pod.Status.Phase = corev1.PodRunning
	f.SetStatus(pod)
}

func (f exports) endPod(pod *corev1.Pod, phase corev1.PodPhase, report mover.Report) {
	f.Helper()
	message, err := json.Marshal(report)
	require.NoError(f, err)
	pod.Status.Phase = phase
	pod.Status.Conditions = nil
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "mover", State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{Message: string(message), ExitCode: 1, FinishedAt: metav1.Now()},
	}}}
	f.SetStatus(pod)
}

func (f exports) failJobOnce(job *batchv1.Job, failures int32) {
	f.Helper()
	testkit.Read(f, job.Name, job)
	job.Status.Failed = failures
	if job.Status.StartTime == nil { // it is immutable then
		job.Status.StartTime = ptr.To(metav1.Now())
	}
	f.SetStatus(job)
}

func (f exports) endJob(job *batchv1.Job, conditionType batchv1.JobConditionType) {
	f.Helper()
	testkit.Read(f, job.Name, job)
	now := metav1.Now()
	if job.Status.StartTime == nil {
		job.Status.StartTime = &now
	}
	before := batchv1.JobSuccessCriteriaMet
	if conditionType == batchv1.JobFailed {
		before = batchv1.JobFailureTarget
	} else {
		job.Status.CompletionTime, job.Status.Succeeded = &now, 1
	}
	for _, one := range []batchv1.JobConditionType{before, conditionType} {
		job.Status.Conditions = append(job.Status.Conditions,
			batchv1.JobCondition{Type: one, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	f.SetStatus(job)
}
