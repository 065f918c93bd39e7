//go:build e2e

package disks

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// What holds the disks of a machine is deleted under the running guest, and of a disk that nobody has. Each warns as
// long as its claim is there, says lastingly that its bytes are lost when it is gone, and is not filled again before a
// person asks for that (issue C.0).
func TestWhatHoldsADiskIsDeleted(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	about := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: name} }
	root, data, spare := &v1alpha1.WukongDisk{ObjectMeta: about("web-root")},
		builder.Disk(namespace, "data", builder.Size("64Mi")), builder.Disk(namespace, "spare", builder.Size("64Mi"))
	vm := tinyVM(namespace, "web", builder.DiskReference("data", "data"))
	cluster.Make(t, data, spare, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	waitDisk(t, spare)

	require.NoError(t, cluster.Delete(t.Context(), &corev1.PersistentVolumeClaim{ObjectMeta: about("spare")}))
	require.NoError(t, cluster.Delete(t.Context(), &corev1.PersistentVolumeClaim{ObjectMeta: about("web-root")}))
	require.NoError(t, cluster.Delete(t.Context(), &cdiv1.DataVolume{ObjectMeta: about("data")}))
	lost := cluster.WaitReady(t, spare, metav1.ConditionFalse, v1alpha1.ReasonBytesLost, patience)
	assert.Contains(t, lost.Message,
		"kubectl annotate wukongdisk spare --namespace="+namespace+" vm.novasphere.dev/filled-")
	for _, disk := range []*v1alpha1.WukongDisk{root, data} {
		warned := cluster.WaitReady(t, disk, metav1.ConditionFalse, v1alpha1.ReasonClaimDeleted, patience)
		assert.Contains(t, warned.Message, "are gone as soon as WukongVM web stops")
	}
	cluster.Wait(t, vm, patience, "its disks are not ready", func() bool {
		disks := meta.FindStatusCondition(vm.Status.Conditions, v1alpha1.ConditionDisksReady)
		return disks != nil && disks.Status == metav1.ConditionFalse &&
			strings.Contains(disks.Message, "the bytes of this disk are gone as soon as")
	})
	assert.Equal(t, "tiny", cluster.Shell(t, vm).Run(t, "echo tiny"), "the guest runs on")

	harness.Change(t, cluster, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerStopped })
	for _, disk := range []*v1alpha1.WukongDisk{root, data} {
		cluster.WaitReady(t, disk, metav1.ConditionFalse, v1alpha1.ReasonBytesLost, patience)
	}
	for _, name := range []string{"web-root", "data", "spare"} {
		err := cluster.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name},
			&corev1.PersistentVolumeClaim{})
		assert.True(t, apierrors.IsNotFound(err), "a claim %s that nobody asked for: %v", name, err)
	}

	for _, disk := range []*v1alpha1.WukongDisk{root, data, spare} {
		patch := client.RawPatch("application/merge-patch+json",
			[]byte(`{"metadata":{"annotations":{"`+v1alpha1.AnnotationFilled+`":null}}}`))
		require.NoError(t, cluster.Patch(t.Context(), disk, patch))
	}
	for _, disk := range []*v1alpha1.WukongDisk{root, data, spare} {
		waitDisk(t, disk)
	}
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped, patience)
}
