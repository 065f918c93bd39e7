//go:build controlplane

package wukongexport_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/mover"
)

const (
	patience = time.Minute
	interval = 20 * time.Millisecond
	image    = "registry.example/wukong:1"
)

// fixture is a namespace of one test in a control plane, in which the export controller runs alone.
type fixture struct {
	*testing.T
	*testenv.Environment
	namespace string
	manager   *testenv.Manager
}

func start(t *testing.T) fixture { return startAt(t, nil) }

func startAt(t *testing.T, clock clock.PassiveClock) fixture {
	t.Helper()
	f := fixture{T: t, Environment: environment, namespace: environment.Namespace(t)}
	f.manager = f.StartManager(t, testenv.ManagerOptions{Namespace: f.namespace, Controllers: []string{"wukongexport"}, Clock: clock, MoverImage: image})
	// A queue that is not empty when its manager stops counts as busy for ever.
	t.Cleanup(func() {
		if !t.Failed() {
			testenv.WaitIdle(t, 0)
		}
	})
	return f
}

func (f fixture) create(objects ...client.Object) {
	f.Helper()
	for _, obj := range objects {
		require.NoError(f, f.Client.Create(f.Context(), obj), "%T %s", obj, obj.GetName())
	}
}

func read[T client.Object](f fixture, name string, obj T) T {
	f.Helper()
	require.NoError(f, f.Client.Get(f.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, obj))
	return obj
}

func (f fixture) exists(name string, obj client.Object) bool {
	err := f.Client.Get(f.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, obj)
	require.NoError(f, client.IgnoreNotFound(err))
	return !apierrors.IsNotFound(err)
}

func (f fixture) waitGone(name string, obj client.Object) {
	f.Helper()
	obj.SetNamespace(f.namespace)
	obj.SetName(name)
	f.WaitGone(f.T, obj, patience, interval)
}

// readyDisk is a WukongDisk with its claim, as the disk's controller leaves them.
func (f fixture) readyDisk(name string, mode corev1.PersistentVolumeMode) *v1alpha1.WukongDisk {
	f.Helper()
	f.create(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}, VolumeMode: &mode,
			StorageClassName: ptr.To(testenv.DefaultStorageClass),
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	})
	disk := &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec:       v1alpha1.WukongDiskSpec{Size: ptr.To(resource.MustParse("1Gi"))},
	}
	f.create(disk)
	disk.Status = v1alpha1.WukongDiskStatus{ClaimName: name, Phase: v1alpha1.DiskReady, ObservedGeneration: disk.Generation}
	for _, condition := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionComplete} {
		meta.SetStatusCondition(&disk.Status.Conditions, metav1.Condition{
			Type: condition, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady, ObservedGeneration: disk.Generation,
		})
	}
	require.NoError(f, f.Client.Status().Update(f.Context(), disk))
	return disk
}

// deleteDisk deletes a disk and its claim, as its controllers do once nothing uses the claim.
func (f fixture) deleteDisk(disk *v1alpha1.WukongDisk) {
	f.Helper()
	require.NoError(f, f.Client.Delete(f.Context(), disk))
	claim := read(f, disk.Status.ClaimName, &corev1.PersistentVolumeClaim{})
	claim.Finalizers = nil
	require.NoError(f, f.Client.Update(f.Context(), claim))
	require.NoError(f, client.IgnoreNotFound(f.Client.Delete(f.Context(), claim)))
}

// machine is a WukongVM that uses disks, in a phase.
func (f fixture) machine(name string, power v1alpha1.PowerState, phase v1alpha1.Phase, disks ...string) *v1alpha1.WukongVM {
	f.Helper()
	vm := &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec:       v1alpha1.WukongVMSpec{PowerState: power, Memory: v1alpha1.Memory{Guest: resource.MustParse("1Gi")}},
	}
	for _, disk := range disks {
		vm.Spec.Disks = append(vm.Spec.Disks, v1alpha1.VMDisk{Name: disk, DiskRef: &v1alpha1.LocalObjectReference{Name: disk}})
	}
	f.create(vm)
	f.setPhase(vm, phase)
	return vm
}

// power is what a person asks of a machine, and what its controller says of it then.
func (f fixture) power(vm *v1alpha1.WukongVM, wanted v1alpha1.PowerState, phase v1alpha1.Phase) {
	f.Helper()
	vm.Spec.PowerState = wanted
	require.NoError(f, f.Client.Update(f.Context(), vm))
	f.setPhase(vm, phase)
}

func (f fixture) setPhase(vm *v1alpha1.WukongVM, phase v1alpha1.Phase) {
	f.Helper()
	read(f, vm.Name, vm)
	vm.Status.Phase, vm.Status.ObservedGeneration = phase, vm.Generation
	require.NoError(f, f.Client.Status().Update(f.Context(), vm))
}

// newExport is an export of a disk to S3, and what the options say.
func (f fixture) newExport(name, disk string, options ...func(*v1alpha1.WukongExportSpec)) *v1alpha1.WukongExport {
	export := &v1alpha1.WukongExport{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec: v1alpha1.WukongExportSpec{
			Source: v1alpha1.ExportSource{DiskRef: &v1alpha1.LocalObjectReference{Name: disk}},
			Target: v1alpha1.ExportTarget{S3: &v1alpha1.S3Target{
				URL: "https://s3.example/backups/disk.qcow2", SecretRef: v1alpha1.LocalObjectReference{Name: "credentials"},
			}},
		},
	}
	for _, option := range options {
		option(&export.Spec)
	}
	return export
}

func toDownload(spec *v1alpha1.WukongExportSpec) {
	spec.Target = v1alpha1.ExportTarget{Download: &v1alpha1.DownloadTarget{ExpiresAfterSeconds: 600}}
}

func toRegistry(spec *v1alpha1.WukongExportSpec) {
	spec.Target = v1alpha1.ExportTarget{Registry: &v1alpha1.RegistryTarget{
		Image: "registry.example/disks/web:1", SecretRef: &v1alpha1.LocalObjectReference{Name: "login"},
		CertConfigMapRef: &v1alpha1.LocalObjectReference{Name: "ca"},
	}}
}

func forgottenAfter(seconds int64) func(*v1alpha1.WukongExportSpec) {
	return func(spec *v1alpha1.WukongExportSpec) { spec.TTLSecondsAfterFinished = &seconds }
}

// wait waits until Ready has the status and reason, and its message contains words.
func (f fixture) wait(export *v1alpha1.WukongExport, status metav1.ConditionStatus, reason, words string) *v1alpha1.WukongExport {
	f.Helper()
	require.EventuallyWithT(f, func(collect *assert.CollectT) {
		require.NoError(collect, f.Client.Get(f.Context(), client.ObjectKeyFromObject(export), export))
		ready := meta.FindStatusCondition(export.Status.Conditions, v1alpha1.ConditionReady)
		require.NotNil(collect, ready)
		assert.Equal(collect, string(status)+" "+reason, string(ready.Status)+" "+ready.Reason, ready.Message)
		assert.Contains(collect, ready.Message, words)
	}, patience, interval)
	return export
}

func (f fixture) waitJob(export *v1alpha1.WukongExport) *batchv1.Job {
	f.Helper()
	job := &batchv1.Job{}
	require.Eventually(f, func() bool { return f.exists(export.Name+"-mover", job) }, patience, interval)
	return job
}

// The part of the Job controller and of kubelet.

// podOf makes a pod of a Job. Its number makes its name.
func (f fixture) podOf(job *batchv1.Job, number string, options ...func(*corev1.Pod)) *corev1.Pod {
	f.Helper()
	pod := &corev1.Pod{ObjectMeta: *job.Spec.Template.ObjectMeta.DeepCopy(), Spec: *job.Spec.Template.Spec.DeepCopy()}
	pod.Namespace, pod.Name = f.namespace, job.Name+"-"+number
	require.NoError(f, controllerutil.SetControllerReference(job, pod, f.Client.Scheme()))
	for _, option := range options {
		option(pod)
	}
	f.create(pod)
	return pod
}

// beingRead is a disk whose claim the pod of an export has.
func (f fixture) beingRead(name string) (disk *v1alpha1.WukongDisk, export *v1alpha1.WukongExport, job *batchv1.Job, pod *corev1.Pod) {
	f.Helper()
	disk, export = f.readyDisk(name, corev1.PersistentVolumeFilesystem), f.newExport("backup", name)
	f.create(export)
	job = f.waitJob(export)
	pod = f.podOf(job, "1")
	f.setRunning(pod)
	return disk, export, job, pod
}

func (f fixture) setRunning(pod *corev1.Pod) {
	f.Helper()
	pod.Status.Phase = corev1.PodRunning
	require.NoError(f, f.Client.Status().Update(f.Context(), pod))
}

func (f fixture) endPod(pod *corev1.Pod, phase corev1.PodPhase, report mover.Report) {
	f.Helper()
	message, err := json.Marshal(report)
	require.NoError(f, err)
	pod.Status.Phase = phase
	pod.Status.Conditions = nil
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "mover", State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{Message: string(message), ExitCode: 1, FinishedAt: metav1.Now()},
	}}}
	require.NoError(f, f.Client.Status().Update(f.Context(), pod))
}

func (f fixture) failJobOnce(job *batchv1.Job, failures int32) {
	f.Helper()
	read(f, job.Name, job)
	job.Status.Failed = failures
	if job.Status.StartTime == nil { // it is immutable then
		job.Status.StartTime = ptr.To(metav1.Now())
	}
	require.NoError(f, f.Client.Status().Update(f.Context(), job))
}

func (f fixture) endJob(job *batchv1.Job, conditionType batchv1.JobConditionType) {
	f.Helper()
	read(f, job.Name, job)
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
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{Type: one, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	require.NoError(f, f.Client.Status().Update(f.Context(), job))
}
