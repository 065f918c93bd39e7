//go:build e2e

package core

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

func TestDeletionInTheMiddleOfAnImport(t *testing.T) {
	t.Parallel()
	namespace := cluster.Namespace(t)
	vm := wukongVM(namespace, "web", imported("root", "1Gi", testbed.SlowImageURL(100000, testbed.DebianImage)))
	create(t, vm)
	disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web-root"}}
	cluster.Wait(t, disk, importAndBoot, "importing", func() bool { return disk.Status.Phase == v1alpha1.DiskImporting })
	require.NoError(t, cluster.Delete(t.Context(), vm))
	cluster.NothingLeft(t, namespace, patience)
}

func TestDeletionOfARunningMachineKeepsWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	namespace := cluster.Namespace(t)
	own := claim(namespace, "own")
	adopted := &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "adopted"},
		Spec:       v1alpha1.WukongDiskSpec{Source: &v1alpha1.WukongDiskSource{PersistentVolumeClaim: &v1alpha1.ClaimSource{Name: "own"}}},
	}
	vm := wukongVM(namespace, "web", imported("root", "64Mi", testbed.ImageURL(testbed.TinyImage)), stamped("kept", "64Mi", retained), referred("own", "adopted"))
	create(t, own, adopted, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)

	require.NoError(t, cluster.Delete(t.Context(), vm))
	cluster.NothingLeft(t, namespace, patience, "PersistentVolumeClaim/web-kept", "PersistentVolumeClaim/own", "WukongDisk/adopted")
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

func claim(namespace, name string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("64Mi")}},
		},
	}
}
