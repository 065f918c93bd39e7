//go:build e2e

package core

import (
	"context"
	"testing"
	"time"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// ours are the kinds that Wukong makes.
func ours() []client.ObjectList {
	return []client.ObjectList{
		&v1alpha1.WukongVMList{}, &v1alpha1.WukongDiskList{}, &kubevirtv1.VirtualMachineList{}, &kubevirtv1.VirtualMachineInstanceList{},
		&cdiv1.DataVolumeList{}, &corev1.PersistentVolumeClaimList{}, &corev1.SecretList{}, &networkv1.NetworkAttachmentDefinitionList{},
	}
}

// nothingLeft waits until a namespace holds nothing of ours but what is named, as "Kind/name".
func nothingLeft(t *testing.T, namespace string, kept ...string) {
	t.Helper()
	var left []string
	require.Eventually(t, func() bool {
		left = leftovers(t, namespace, kept)
		return len(left) == 0
	}, patience, time.Second, "left in the namespace: %v", &left)
}

func leftovers(t *testing.T, namespace string, kept []string) []string {
	var left []string
	for _, list := range ours() {
		if err := cluster.List(context.Background(), list, client.InNamespace(namespace)); err != nil {
			t.Logf("list %T: %s", list, err)
			return []string{err.Error()}
		}
		_ = meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object)
			kind, _ := cluster.GroupVersionKindFor(object)
			name := kind.Kind + "/" + object.GetName()
			_, isSecret := object.(*corev1.Secret)
			if mine := object.GetLabels()[v1alpha1.LabelManagedBy] == v1alpha1.LabelManagedByValue; isSecret && !mine {
				return nil
			}
			if contains(kept, name) {
				return nil
			}
			left = append(left, name)
			return nil
		})
	}
	return left
}

func TestDeletionInTheMiddleOfAnImport(t *testing.T) {
	t.Parallel()
	namespace := cluster.Namespace(t)
	vm := wukongVM(namespace, "web", imported("root", "1Gi", "http://images.wukong-devcluster.svc/slow/100000/debian-trixie.qcow2"))
	create(t, vm)
	disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web-root"}}
	cluster.Wait(t, disk, importAndBoot, "importing", func() bool { return disk.Status.Phase == v1alpha1.DiskImporting })
	require.NoError(t, cluster.Delete(t.Context(), vm))
	nothingLeft(t, namespace)
}

func TestDeletionOfARunningMachineKeepsWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	namespace := cluster.Namespace(t)
	own := claim(namespace, "own")
	adopted := &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "adopted"},
		Spec:       v1alpha1.WukongDiskSpec{Source: &v1alpha1.WukongDiskSource{PersistentVolumeClaim: &v1alpha1.ClaimSource{Name: "own"}}},
	}
	vm := wukongVM(namespace, "web", imported("root", "64Mi", tinyURL), stamped("kept", "64Mi", retained), referred("own", "adopted"))
	create(t, own, adopted, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)

	require.NoError(t, cluster.Delete(t.Context(), vm))
	nothingLeft(t, namespace, "PersistentVolumeClaim/web-kept", "PersistentVolumeClaim/own", "WukongDisk/adopted")
	require.NoError(t, cluster.Delete(t.Context(), adopted))
	nothingLeft(t, namespace, "PersistentVolumeClaim/web-kept", "PersistentVolumeClaim/own")
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
