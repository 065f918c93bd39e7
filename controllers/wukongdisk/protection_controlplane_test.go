//go:build controlplane

package wukongdisk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

func protected(disk *v1alpha1.WukongDisk) { disk.Spec.DeletionProtection = ptr.To(true) }

// waitProtected waits until the API server heeds the policy.
func (f fixture) waitProtected(disk *v1alpha1.WukongDisk) {
	f.Helper()
	require.Eventually(f, func() bool {
		return f.Client.Delete(f.Context(), disk.DeepCopy(), client.DryRunAll) != nil
	}, patience, interval)
}

// Contract 7: a protected disk is deleted neither by its name nor with its kind, and is when the protection is lifted.
func TestContract7ProtectedDiskIsNotDeleted(t *testing.T) {
	f, _ := start(t)
	disk, other := f.newDisk("precious", protected), f.newDisk("other")
	f.create(disk, other)
	f.waitProtected(disk)
	assert.ErrorContains(t, f.Client.Delete(t.Context(), disk.DeepCopy()),
		"WukongDisk precious is protected: set spec.deletionProtection to false, then delete it")
	assert.Error(t, f.Client.DeleteAllOf(t.Context(), &v1alpha1.WukongDisk{}, client.InNamespace(f.namespace)))
	assert.Nil(t, read(f, "precious", &v1alpha1.WukongDisk{}).DeletionTimestamp)
	require.NoError(t, client.IgnoreNotFound(f.Client.Delete(t.Context(), other)))
	f.waitGone(other)

	f.patch(disk, `{"spec":{"deletionProtection":false}}`)
	f.remove(disk)
	f.waitGone(disk)
}

// Contract 7: a protected disk outlives the machine that stamped it and the application that it belongs to, with the real garbage
// collector, and for good: lifting the protection later deletes nothing.
func TestContract7ProtectedDiskOutlivesItsOwners(t *testing.T) {
	f, _ := start(t)
	shop, vm := &v1alpha1.Wukong{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "shop"}}, f.newVM("web")
	f.create(shop, vm)
	disk, other := f.newDisk("precious", protected, belongingTo("shop")), f.newDisk("other", belongingTo("shop"))
	for _, one := range []*v1alpha1.WukongDisk{disk, other} {
		require.NoError(t, controllerutil.SetControllerReference(vm, one, f.Client.Scheme(), controllerutil.WithBlockOwnerDeletion(false)))
		f.create(one)
		f.fill(one)
		f.waitReady(one)
	}
	f.waitProtected(disk)
	require.Len(t, read(f, "precious", &v1alpha1.WukongDisk{}).OwnerReferences, 2)

	f.remove(vm)
	f.remove(shop)
	f.waitGone(other)
	require.Eventually(t, func() bool { return len(read(f, "precious", &v1alpha1.WukongDisk{}).OwnerReferences) == 0 }, patience, interval)
	f.patch(disk, `{"spec":{"deletionProtection":false}}`)
	testenv.WaitIdle(t, 0)
	assert.Nil(t, read(f, "precious", &v1alpha1.WukongDisk{}).DeletionTimestamp)
	assert.Nil(t, read(f, "precious", &corev1.PersistentVolumeClaim{}).DeletionTimestamp)

	// A Wukong made anew under the name takes it in again.
	again := &v1alpha1.Wukong{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "shop"}}
	f.create(again)
	f.waitLinked(disk, again)
}

// Contract 7: nobody takes the bytes from under a protected disk, not even the end of its namespace, which waits for it.
func TestContract7TheBytesOfAProtectedDiskAreProtected(t *testing.T) {
	f, _ := start(t)
	disk := f.newDisk("precious", protected)
	f.create(disk)
	f.fill(disk)
	f.waitReady(disk)
	claim, dataVolume := &corev1.PersistentVolumeClaim{}, &cdiv1.DataVolume{}
	claim.Namespace, claim.Name, dataVolume.Namespace, dataVolume.Name = f.namespace, "precious", f.namespace, "precious"
	for _, obj := range []client.Object{claim, dataVolume} {
		require.EventuallyWithT(t, func(collect *assert.CollectT) {
			assert.ErrorContains(collect, f.Client.Delete(t.Context(), obj, client.DryRunAll), "precious holds a protected WukongDisk: set spec.deletionProtection")
		}, patience, interval)
	}

	// A restore of KubeVirt's, or of a backup tool, copies the labels too.
	claim = read(f, "precious", claim)
	restored := f.newClaim("restored")
	restored.Labels = claim.Labels
	require.Contains(t, restored.Labels, v1alpha1.LabelDeletionProtection)
	f.makeClaim(restored)
	f.remove(restored)

	free := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "free"}}
	f.create(free)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.namespace}}
	f.remove(namespace)
	f.waitGone(free) // the namespace's controller has been everywhere then, and tries again
	testenv.WaitIdle(t, 0)
	assert.Nil(t, read(f, "precious", claim).DeletionTimestamp)
	assert.Nil(t, read(f, "precious", dataVolume).DeletionTimestamp)
	assert.Nil(t, read(f, "precious", disk).DeletionTimestamp)

	f.patch(disk, `{"spec":{"deletionProtection":false}}`)
	f.waitGone(disk)
	f.waitGone(claim)
}
