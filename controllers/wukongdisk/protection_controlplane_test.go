//go:build controlplane

package wukongdisk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// waitProtected waits until the API server heeds the policy.
func (f disks) waitProtected(disk *v1alpha1.WukongDisk) {
	f.Helper()
	f.Until(func() bool {
		return f.Client.Delete(f.Context(), disk.DeepCopy(), client.DryRunAll) != nil
	})
}

// Contract 7: a protected disk is deleted neither by its name nor with its kind, and is when the protection is lifted.
func TestContract7ProtectedDiskIsNotDeleted(t *testing.T) {
	f, _ := start(t)
	disk, other := f.newDisk("precious", builder.Protected), f.newDisk("other")
	f.Create(disk, other)
	f.waitProtected(disk)
	assert.ErrorContains(t, f.Client.Delete(t.Context(), disk.DeepCopy()),
		"WukongDisk precious is protected: set spec.deletionProtection to false, then delete it")
	assert.Error(t, f.Client.DeleteAllOf(t.Context(), &v1alpha1.WukongDisk{}, client.InNamespace(f.Namespace)))
	assert.Nil(t, testkit.Read(f, "precious", &v1alpha1.WukongDisk{}).DeletionTimestamp)
	require.NoError(t, client.IgnoreNotFound(f.Client.Delete(t.Context(), other)))
	f.WaitGone(other)

	f.Patch(disk, `{"spec":{"deletionProtection":false}}`)
	f.Remove(disk)
	f.WaitGone(disk)
}

// Contract 7: a protected disk outlives the machine that stamped it and the application that it belongs to, with the
// real garbage collector, and for good: lifting the protection later deletes nothing.
func TestContract7ProtectedDiskOutlivesItsOwners(t *testing.T) {
	f, _ := start(t)
	shop, vm := builder.Wukong(f.Namespace, "shop"), f.newVM("web")
	f.Create(shop, vm)
	disk, other := builder.PartOf("shop", f.newDisk("precious", builder.Protected)),
		builder.PartOf("shop", f.newDisk("other"))
	for _, one := range []*v1alpha1.WukongDisk{disk, other} {
		require.NoError(t, controllerutil.SetControllerReference(vm, one, f.Client.Scheme(),
			controllerutil.WithBlockOwnerDeletion(false)))
		f.Create(one)
		f.fill(one)
		f.waitReady(one)
	}
	f.waitProtected(disk)
	require.Len(t, testkit.Read(f, "precious", &v1alpha1.WukongDisk{}).OwnerReferences, 2)

	f.Remove(vm)
	f.Remove(shop)
	f.WaitGone(other)
	f.Until(func() bool { return len(testkit.Read(f, "precious", &v1alpha1.WukongDisk{}).OwnerReferences) == 0 })
	f.Patch(disk, `{"spec":{"deletionProtection":false}}`)
	f.WaitIdle()
	assert.Nil(t, testkit.Read(f, "precious", &v1alpha1.WukongDisk{}).DeletionTimestamp)
	assert.Nil(t, testkit.Read(f, "precious", &corev1.PersistentVolumeClaim{}).DeletionTimestamp)

	// A Wukong made anew under the name takes it in again.
	again := builder.Wukong(f.Namespace, "shop")
	f.Create(again)
	f.waitLinked(disk, again)
}

// Contract 7: a protected disk outlives the WukongClone that made it and would be deleted with it.
func TestContract7ProtectedDiskOutlivesItsClone(t *testing.T) {
	f, _ := start(t)
	clone := builder.CloneOfDisk(f.Namespace, "copy", "archive", "precious")
	f.Create(clone)
	disk := f.newDisk("precious", builder.Protected)
	disk.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongClone", Name: clone.Name, UID: clone.UID,
	}}
	f.Create(disk)
	f.fill(disk)
	f.waitProtected(disk)
	f.WaitIdle()
	require.Len(t, testkit.Read(f, "precious", &v1alpha1.WukongDisk{}).OwnerReferences, 1)
	f.Remove(clone)
	f.Until(func() bool { return len(testkit.Read(f, "precious", &v1alpha1.WukongDisk{}).OwnerReferences) == 0 })
	f.Patch(disk, `{"spec":{"deletionProtection":false}}`)
	f.WaitIdle()
	assert.Nil(t, testkit.Read(f, "precious", &v1alpha1.WukongDisk{}).DeletionTimestamp)
}

// Contract 7: nobody takes the bytes from under a protected disk, not even the end of its namespace, which waits for
// it.
func TestContract7TheBytesOfAProtectedDiskAreProtected(t *testing.T) {
	f, _ := start(t)
	disk := f.newDisk("precious", builder.Protected)
	f.Create(disk)
	f.fill(disk)
	f.waitReady(disk)
	claim, dataVolume := &corev1.PersistentVolumeClaim{}, &cdiv1.DataVolume{}
	claim.Namespace, claim.Name, dataVolume.Namespace, dataVolume.Name = f.Namespace, "precious",
		f.Namespace, "precious"
	for _, obj := range []client.Object{claim, dataVolume} {
		f.Eventually(func(now *testkit.Attempt) {
			assert.ErrorContains(now, f.Client.Delete(t.Context(), obj, client.DryRunAll),
				"precious holds a protected WukongDisk: set spec.deletionProtection")
		})
	}

	// A restore of KubeVirt's, or of a backup tool, copies the labels too.
	claim = testkit.Read(f, "precious", claim)
	restored := f.NewClaim("restored")
	restored.Labels = claim.Labels
	require.Contains(t, restored.Labels, v1alpha1.LabelDeletionProtection)
	f.CreateClaim(restored)
	f.Remove(restored)

	free := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "free"}}
	f.Create(free)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.Namespace}}
	f.Remove(namespace)
	f.WaitGone(free) // the namespace's controller has been everywhere then, and tries again
	f.WaitIdle()
	assert.Nil(t, testkit.Read(f, "precious", claim).DeletionTimestamp)
	assert.Nil(t, testkit.Read(f, "precious", dataVolume).DeletionTimestamp)
	assert.Nil(t, testkit.Read(f, "precious", disk).DeletionTimestamp)

	f.Patch(disk, `{"spec":{"deletionProtection":false}}`)
	f.WaitGone(disk)
	f.WaitGone(claim)
}
