//go:build e2e

package core

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

func TestDeletionInTheMiddleOfAnImport(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	vm := builder.VM(namespace, "web", builder.Imported("root", testbed.SlowImageURL(100000, testbed.DebianImage)))
	cluster.Make(t, vm)
	disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web-root"}}
	cluster.Wait(t, disk, importAndBoot, "importing", func() bool {
		return disk.Status.Phase == v1alpha1.DiskImporting
	})
	require.NoError(t, cluster.Delete(t.Context(), vm))
	cluster.NothingLeft(t, namespace, patience)
}

func TestDeletionOfARunningMachineKeepsWhatIsNotOurs(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	own := builder.Claim(namespace, "own", "64Mi")
	adopted := builder.Disk(namespace, "adopted", builder.Adopting("own"))
	vm := builder.VM(namespace, "web", harness.TinyDisk("root"), builder.Stamped("kept", builder.Size("64Mi"),
		builder.Retained), builder.Disks(builder.DiskReference("own", "adopted")))
	cluster.Make(t, own, adopted, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)

	require.NoError(t, cluster.Delete(t.Context(), vm))
	cluster.NothingLeft(t, namespace, patience, "PersistentVolumeClaim/web-kept", "PersistentVolumeClaim/own",
		"WukongDisk/adopted")
	require.NoError(t, cluster.Delete(t.Context(), adopted))
	cluster.NothingLeft(t, namespace, patience, "PersistentVolumeClaim/web-kept", "PersistentVolumeClaim/own")
	for _, name := range []string{"web-kept", "own"} {
		kept := &corev1.PersistentVolumeClaim{}
		require.NoError(t, cluster.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, kept), name)
		assert.Equal(t, corev1.ClaimBound, kept.Status.Phase, name)
		assert.Nil(t, kept.DeletionTimestamp, name)
		assert.Empty(t, kept.OwnerReferences, name)
	}
}
