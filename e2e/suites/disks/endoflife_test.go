//go:build e2e

package disks

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// A protected disk outlives its application, cannot be deleted, and does not go of itself when the protection is
// lifted.
func TestAProtectedDiskOutlivesItsApplication(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	shop := &v1alpha1.LocalObjectReference{Name: "shop"}
	application := builder.Wukong(namespace, shop.Name)
	vm := tinyVM(namespace, "web")
	vm.Spec.WukongRef = shop
	vm.Spec.Disks = append(vm.Spec.Disks, builder.DiskTemplate("stamped", builder.Size("64Mi"), builder.Protected),
		builder.DiskReference("own", "own"))
	own, free := builder.Disk(namespace, "own", builder.Size("64Mi")),
		builder.Disk(namespace, "free", builder.Size("64Mi"))
	own.Spec.WukongRef, own.Spec.DeletionProtection = shop, ptr.To(true)
	free.Spec.WukongRef = shop
	cluster.Make(t, application, own, free, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	waitDisk(t, free)
	require.ErrorContains(t, cluster.Delete(t.Context(), own), "deletionProtection")

	require.NoError(t, cluster.Delete(t.Context(), application))
	protected := []string{"own", "web-stamped"}
	var kept []string
	for _, name := range protected {
		kept = append(kept, "WukongDisk/"+name, "DataVolume/"+name, "PersistentVolumeClaim/"+name)
	}
	cluster.NothingLeft(t, namespace, patience, kept...)
	for _, name := range protected {
		disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		cluster.Wait(t, disk, patience, "nobody's", func() bool { return len(disk.OwnerReferences) == 0 })
		waitDisk(t, disk)
		assert.Nil(t, disk.DeletionTimestamp)
		change(t, disk, func(disk *v1alpha1.WukongDisk) { disk.Spec.DeletionProtection = nil })
		cluster.Wait(t, disk, patience, "looked at", func() bool {
			return disk.Status.ObservedGeneration == disk.Generation
		})
		require.Nil(t, disk.DeletionTimestamp, "the deletion of the application is long past")
		require.NoError(t, cluster.Delete(t.Context(), disk))
	}
	cluster.NothingLeft(t, namespace, patience)
}

// The reclaim policy counts that stands at the end, whichever stood when the machine was made.
func TestAReclaimPolicyThatChangedWhileTheMachineRan(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	vm := tinyVM(namespace, "web")
	vm.Spec.Disks = append(vm.Spec.Disks, builder.DiskTemplate("data", builder.Size("64Mi"), builder.Retained))
	cluster.Make(t, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	root := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web-root"}}
	data := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web-data"}}
	change(t, root, func(disk *v1alpha1.WukongDisk) { disk.Spec.ReclaimPolicy = v1alpha1.ReclaimRetain })
	// Its template says Retain: what is in a template is changed there.
	change(t, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.Disks[1].Template.Spec.ReclaimPolicy = v1alpha1.ReclaimDelete })
	cluster.Wait(t, data, patience, "to be deleted with its claim", func() bool {
		return data.Spec.ReclaimPolicy == v1alpha1.ReclaimDelete
	})
	require.NoError(t, cluster.Delete(t.Context(), vm))
	cluster.NothingLeft(t, namespace, patience, "PersistentVolumeClaim/web-root")
	claim := &corev1.PersistentVolumeClaim{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "web-root"}, claim))
	assert.Equal(t, corev1.ClaimBound, claim.Status.Phase)
	assert.Nil(t, claim.DeletionTimestamp)
	assert.Empty(t, claim.OwnerReferences)
}

// A namespace ends in whatever state its disks, machines, images and exports are.
func TestANamespaceEndsWithAllThatIsUnderWay(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	application := builder.Wukong(namespace, "shop")
	vm := tinyVM(namespace, "web")
	vm.Spec.WukongRef = &v1alpha1.LocalObjectReference{Name: "shop"}
	vm.Spec.Disks = append(vm.Spec.Disks, builder.DiskReference("data", "data"))
	data, free := builder.Disk(namespace, "data", builder.Size("64Mi")),
		builder.Disk(namespace, "free", builder.Size("64Mi"))
	data.Spec.ReclaimPolicy = v1alpha1.ReclaimRetain
	slow := builder.Disk(namespace, "slow", builder.Size("1Gi"),
		builder.FromHTTP(testbed.SlowImageURL(100000, testbed.DebianImage)))
	broken := builder.Disk(namespace, "broken", builder.Size("64Mi"), builder.FromHTTP(testbed.NotFoundURL()))
	image := newImage(namespace, "image",
		v1alpha1.WukongImageSource{HTTP: &v1alpha1.HTTPSource{URL: testbed.HangingImageURL(testbed.TinyImage)}})
	export := builder.Export(namespace, "export", "free",
		toBucket("a", v1alpha1.ExportRaw, v1alpha1.ExportUncompressed))
	cluster.Make(t, application, exportCredentials(namespace, "wrong"), vm, data, free, slow, broken, image, export)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	cluster.Wait(t, slow, importAndBoot, "importing", func() bool {
		return slow.Status.Phase == v1alpha1.DiskImporting
	})
	cluster.WaitCause(t, broken, v1alpha1.ReasonImportFailed, "404", patience)

	all := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	require.NoError(t, cluster.Delete(t.Context(), all))
	cluster.WaitGone(t, all, patience)
}

// The end of its namespace waits for a protected disk, bytes and all.
func TestANamespaceWaitsForAProtectedDisk(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	disk := smallDisk(namespace, "precious", harness.FromTiny())
	disk.Spec.DeletionProtection = ptr.To(true)
	free := smallDisk(namespace, "free")
	cluster.Make(t, disk, free)
	waitDisk(t, disk)
	waitDisk(t, free)
	require.NoError(t, cluster.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
	cluster.WaitGone(t, free, patience)
	claim := &corev1.PersistentVolumeClaim{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(disk), claim))
	assert.Equal(t, corev1.ClaimBound, claim.Status.Phase)
	assert.Nil(t, claim.DeletionTimestamp)
	require.ErrorContains(t, cluster.Delete(t.Context(), claim), "precious holds a protected WukongDisk")

	change(t, disk, func(disk *v1alpha1.WukongDisk) { disk.Spec.DeletionProtection = ptr.To(false) })
	cluster.WaitGone(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, patience)
}

// CDI asks at each change of a DataVolume whether its source may be cloned. The source's namespace may be long gone: a
// clone that is complete can be retained, protected and let go all the same.
func TestACloneOutlivesTheNamespaceOfItsSource(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	there, here := cluster.Namespace(t), cluster.Namespace(t)
	golden, clone := smallDisk(there, "golden", harness.FromTiny()),
		smallDisk(here, "clone", builder.CloneOf(there, "golden"))
	golden.Spec.CloneableFrom = []string{here}
	cluster.Make(t, golden, clone)
	waitDisk(t, clone)
	source := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: there}}
	require.NoError(t, cluster.Delete(t.Context(), source))
	cluster.WaitGone(t, source, patience)

	change(t, clone, func(disk *v1alpha1.WukongDisk) {
		disk.Spec.ReclaimPolicy, disk.Spec.DeletionProtection = v1alpha1.ReclaimRetain, ptr.To(true)
	})
	waitDisk(t, clone)
	held := builder.DataVolume(here, "clone")
	harness.Until(t, harness.CauseOther, patience, "the DataVolume is nobody's, and protected",
		func(ctx context.Context) string {
			if err := cluster.Get(ctx, client.ObjectKeyFromObject(held), held); err != nil {
				return err.Error()
			}
			if len(held.GetOwnerReferences()) > 0 || held.GetLabels()[v1alpha1.LabelDeletionProtection] == "" {
				return fmt.Sprintf("owners %v, labels %v", held.GetOwnerReferences(), held.GetLabels())
			}
			return ""
		})
	change(t, clone, func(disk *v1alpha1.WukongDisk) { disk.Spec.DeletionProtection = nil })
	require.NoError(t, cluster.Delete(t.Context(), clone))
	cluster.NothingLeft(t, here, patience, "PersistentVolumeClaim/clone")
}
