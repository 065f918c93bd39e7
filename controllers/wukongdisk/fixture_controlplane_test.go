//go:build controlplane

package wukongdisk_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

const (
	patience = time.Minute
	interval = 20 * time.Millisecond
)

// fixture is a namespace of one test in a control plane.
type fixture struct {
	*testing.T
	*testenv.Environment
	namespace string
}

// start runs the disk controller alone, in a new namespace.
func start(t *testing.T) (fixture, *testenv.Manager) {
	t.Helper()
	f := fixture{t, environment, environment.Namespace(t)}
	return f, f.startManager()
}

// in is the fixture within a subtest.
func (f fixture) in(t *testing.T) fixture {
	f.T = t
	return f
}

func (f fixture) startManager() *testenv.Manager {
	f.Helper()
	return f.StartManager(f, testenv.ManagerOptions{Namespace: f.namespace, Controllers: []string{"wukongdisk"}})
}

func (f fixture) create(objects ...client.Object) {
	f.Helper()
	for _, obj := range objects {
		require.NoError(f, f.Client.Create(f.Context(), obj))
	}
}

func (f fixture) remove(obj client.Object, options ...client.DeleteOption) {
	f.Helper()
	require.NoError(f, f.Client.Delete(f.Context(), obj, options...))
}

// read reads an object that must exist.
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

func (f fixture) waitGone(obj client.Object) {
	f.Helper()
	obj.SetNamespace(f.namespace)
	f.WaitGone(f.T, obj, patience, interval)
}

// newDisk is a blank disk of 1Gi, and what the options say.
func (f fixture) newDisk(name string, options ...func(*v1alpha1.WukongDisk)) *v1alpha1.WukongDisk {
	disk := &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec:       v1alpha1.WukongDiskSpec{Size: ptr.To(resource.MustParse("1Gi"))},
	}
	for _, option := range options {
		option(disk)
	}
	return disk
}

func retained(disk *v1alpha1.WukongDisk) { disk.Spec.ReclaimPolicy = v1alpha1.ReclaimRetain }

func ofClass(name string) func(*v1alpha1.WukongDisk) {
	return func(disk *v1alpha1.WukongDisk) { disk.Spec.StorageClassName = &name }
}

func from(source v1alpha1.WukongDiskSource) func(*v1alpha1.WukongDisk) {
	return func(disk *v1alpha1.WukongDisk) { disk.Spec.Source = &source }
}

func adopting(claim string) func(*v1alpha1.WukongDisk) {
	return func(disk *v1alpha1.WukongDisk) {
		disk.Spec.Size = nil
		disk.Spec.Source = &v1alpha1.WukongDiskSource{PersistentVolumeClaim: &v1alpha1.ClaimSource{Name: claim}}
	}
}

func belongingTo(wukong string) func(*v1alpha1.WukongDisk) {
	return func(disk *v1alpha1.WukongDisk) { disk.Spec.WukongRef = &v1alpha1.LocalObjectReference{Name: wukong} }
}

// newVM is a machine that uses disks.
func (f fixture) newVM(name string, disks ...string) *v1alpha1.WukongVM {
	vm := &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec:       v1alpha1.WukongVMSpec{Memory: v1alpha1.Memory{Guest: resource.MustParse("1Gi")}},
	}
	for _, disk := range disks {
		vm.Spec.Disks = append(vm.Spec.Disks, v1alpha1.VMDisk{Name: disk, DiskRef: &v1alpha1.LocalObjectReference{Name: disk}})
	}
	return vm
}

// wait waits until a disk's Ready condition has the status and reason, is of the current spec, and the message contains words.
func (f fixture) wait(disk *v1alpha1.WukongDisk, status metav1.ConditionStatus, reason, words string) *v1alpha1.WukongDisk {
	f.Helper()
	current := &v1alpha1.WukongDisk{}
	require.EventuallyWithT(f, func(collect *assert.CollectT) {
		require.NoError(collect, f.Client.Get(f.Context(), client.ObjectKeyFromObject(disk), current))
		ready := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionReady)
		require.NotNil(collect, ready)
		assert.Equal(collect, string(status)+" "+reason, string(ready.Status)+" "+ready.Reason, ready.Message)
		assert.Equal(collect, current.Generation, ready.ObservedGeneration)
		assert.Contains(collect, ready.Message, words)
	}, patience, interval)
	return current
}

// waitEvents waits until the events of a disk are those, as "Type Reason".
func (f fixture) waitEvents(disk *v1alpha1.WukongDisk, wanted ...string) {
	f.Helper()
	require.EventuallyWithT(f, func(collect *assert.CollectT) {
		list := &eventsv1.EventList{}
		require.NoError(collect, f.Client.List(f.Context(), list, client.InNamespace(f.namespace)))
		var seen []string
		for i := range list.Items {
			if list.Items[i].Regarding.UID == disk.UID {
				seen = append(seen, list.Items[i].Type+" "+list.Items[i].Reason)
			}
		}
		assert.ElementsMatch(collect, wanted, seen)
	}, patience, interval)
}

func (f fixture) waitReady(disk *v1alpha1.WukongDisk) *v1alpha1.WukongDisk {
	f.Helper()
	return f.wait(disk, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

func (f fixture) waitDataVolume(disk *v1alpha1.WukongDisk) *cdiv1.DataVolume {
	f.Helper()
	dataVolume := &cdiv1.DataVolume{}
	require.Eventually(f, func() bool { return f.exists(disk.Name, dataVolume) }, patience, interval)
	return dataVolume
}

// The part of CDI and of the storage, played by hand where the order of events matters.

// claimOf makes the claim of a DataVolume, as CDI does.
func (f fixture) claimOf(dataVolume *cdiv1.DataVolume) *corev1.PersistentVolumeClaim {
	f.Helper()
	claim := f.newClaim(dataVolume.Name)
	if storage := dataVolume.Spec.Storage; storage != nil && storage.StorageClassName != nil {
		claim.Spec.StorageClassName = storage.StorageClassName
	}
	require.NoError(f, controllerutil.SetControllerReference(dataVolume, claim, f.Client.Scheme()))
	f.makeClaim(claim)
	return claim
}

func (f fixture) newClaim(name string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			StorageClassName: ptr.To(testenv.DefaultStorageClass),
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
}

// makeClaim takes the finalizer off that the API server puts on claims, because its controller does not run here.
func (f fixture) makeClaim(claim *corev1.PersistentVolumeClaim) {
	f.Helper()
	f.create(claim)
	f.patch(claim, `{"metadata":{"finalizers":null}}`)
}

func (f fixture) bind(claim *corev1.PersistentVolumeClaim) {
	f.Helper()
	claim.Status.Phase = corev1.ClaimBound
	claim.Status.Capacity = claim.Spec.Resources.Requests
	require.NoError(f, f.Client.Status().Update(f.Context(), claim))
}

func (f fixture) setDataVolume(name string, phase cdiv1.DataVolumePhase, conditions ...cdiv1.DataVolumeCondition) {
	f.Helper()
	dataVolume := read(f, name, &cdiv1.DataVolume{})
	dataVolume.Status.Phase = phase
	dataVolume.Status.Conditions = conditions
	require.NoError(f, f.Client.Status().Update(f.Context(), dataVolume))
}

// fill brings a disk's DataVolume to its end.
func (f fixture) fill(disk *v1alpha1.WukongDisk) {
	f.Helper()
	f.bind(f.claimOf(f.waitDataVolume(disk)))
	f.setDataVolume(disk.Name, cdiv1.Succeeded)
}

func (f fixture) patch(obj client.Object, body string) {
	f.Helper()
	require.NoError(f, f.Client.Patch(f.Context(), obj, client.RawPatch(types.MergePatchType, []byte(body))))
}
