package wukongdisk

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestClaimChange(t *testing.T) {
	tests := map[string]struct {
		change func(*corev1.PersistentVolumeClaim)
		news   bool
	}{
		"nothing":      {func(*corev1.PersistentVolumeClaim) {}, false},
		"a label":      {func(c *corev1.PersistentVolumeClaim) { c.Labels = map[string]string{"a": "b"} }, false},
		"a finalizer":  {func(c *corev1.PersistentVolumeClaim) { c.Finalizers = []string{"example.com/a"} }, false},
		"it is bound":  {func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimBound }, true},
		"its volume":   {func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "pv-2" }, true},
		"it is larger": {func(c *corev1.PersistentVolumeClaim) { c.Status.Capacity["storage"] = resource.MustParse("2Gi") }, true},
		"its owner":    {func(c *corev1.PersistentVolumeClaim) { c.OwnerReferences = nil }, true},
		"it goes":      {func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = ptr.To(metav1.Now()) }, true},
		"it is grown by its file system next": {func(c *corev1.PersistentVolumeClaim) {
			c.Status.Conditions = []corev1.PersistentVolumeClaimCondition{{Type: corev1.PersistentVolumeClaimFileSystemResizePending, Status: corev1.ConditionTrue}}
		}, true},
		"another one": {func(c *corev1.PersistentVolumeClaim) { c.UID = "other" }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before, after := claimIn(corev1.ClaimPending), claimIn(corev1.ClaimPending)
			test.change(after)
			assert.Equal(t, test.news, claimChange().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}))
		})
	}
	assert.True(t, claimChange().Create(event.CreateEvent{Object: claimIn(corev1.ClaimPending)}))
	assert.True(t, claimChange().Delete(event.DeleteEvent{Object: claimIn(corev1.ClaimPending)}))
}

func TestClassChange(t *testing.T) {
	class := func(expands bool) *storagev1.StorageClass {
		return &storagev1.StorageClass{AllowVolumeExpansion: &expands}
	}
	update := func(before, after *storagev1.StorageClass) bool {
		return classChange().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
	}
	assert.True(t, update(class(false), class(true)), "a disk may have waited for it")
	assert.False(t, update(class(true), class(true)))
	assert.False(t, update(&storagev1.StorageClass{}, class(false)))
	byDefault := class(false)
	byDefault.Annotations = map[string]string{annotationDefaultClass: "true"}
	assert.True(t, update(class(false), byDefault), "a disk without a class may have waited for it")
	assert.True(t, classChange().Create(event.CreateEvent{Object: class(false)}))
	assert.False(t, classChange().Delete(event.DeleteEvent{Object: class(false)}))
}

func TestVMChange(t *testing.T) {
	tests := map[string]struct {
		change func(*v1alpha1.WukongVM)
		news   bool
	}{
		"nothing":            {func(*v1alpha1.WukongVM) {}, false},
		"its phase":          {func(vm *v1alpha1.WukongVM) { vm.Status.Phase = v1alpha1.PhaseRunning }, false},
		"its spec":           {func(vm *v1alpha1.WukongVM) { vm.Generation = 2 }, true},
		"a disk's device":    {func(vm *v1alpha1.WukongVM) { vm.Status.Disks[0].Target = "vdb" }, false},
		"a disk's size":      {func(vm *v1alpha1.WukongVM) { vm.Status.Disks[0].GuestSize = ptr.To(resource.MustParse("2Gi")) }, true},
		"a disk's claim":     {func(vm *v1alpha1.WukongVM) { vm.Status.Disks[0].ClaimName = "other" }, true},
		"a disk is let go":   {func(vm *v1alpha1.WukongVM) { vm.Status.Disks = nil }, true},
		"another, made anew": {func(vm *v1alpha1.WukongVM) { vm.UID = "other" }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before, after := machine("web", detaching), machine("web", detaching)
			test.change(&after)
			assert.Equal(t, test.news, vmChange().Update(event.UpdateEvent{ObjectOld: &before, ObjectNew: &after}))
		})
	}
}

func TestInstanceLetsGo(t *testing.T) {
	update := func(before, after *kubevirtv1.VirtualMachineInstance) bool {
		return instanceLetsGo().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
	}
	assert.False(t, update(instanceWith(kubevirtv1.Running, "root"), instanceWith(kubevirtv1.Running, "root")))
	assert.False(t, update(instanceWith(kubevirtv1.Running), instanceWith(kubevirtv1.Running, "root")))
	assert.True(t, update(instanceWith(kubevirtv1.Running, "root", "data"), instanceWith(kubevirtv1.Running, "root")))
	assert.True(t, update(instanceWith(kubevirtv1.Running, "root"), instanceWith(kubevirtv1.Succeeded, "root")))
	assert.True(t, instanceLetsGo().Delete(event.DeleteEvent{Object: instanceWith(kubevirtv1.Running)}))
	assert.False(t, instanceLetsGo().Create(event.CreateEvent{Object: instanceWith(kubevirtv1.Running)}))
}
