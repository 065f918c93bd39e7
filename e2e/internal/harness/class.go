package harness

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// Class makes a StorageClass that is like the dev cluster's default, with parameters of its own, and tells CDI what it
// can do. It goes when the test ends.
func (c *Cluster) Class(t *testing.T, name string, parameters map[string]string) {
	t.Helper()
	shared := &storagev1.StorageClass{}
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Name: testbed.SharedClass}, shared))
	class := &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: shared.Provisioner, Parameters: parameters,
		ReclaimPolicy: shared.ReclaimPolicy, VolumeBindingMode: shared.VolumeBindingMode,
		AllowVolumeExpansion: shared.AllowVolumeExpansion,
	}
	require.NoError(t, c.Create(t.Context(), class))
	t.Cleanup(func() { _ = c.Delete(context.Background(), class) })
	profile := &cdiv1.StorageProfile{ObjectMeta: metav1.ObjectMeta{Name: name}}
	mode := corev1.PersistentVolumeFilesystem
	Until(t, CauseOther, Patience, "CDI makes a StorageProfile of class "+name, func(ctx context.Context) string {
		if err := c.Get(ctx, client.ObjectKeyFromObject(profile), profile); err != nil {
			return err.Error()
		}
		before := profile.DeepCopy()
		profile.Spec.ClaimPropertySets = []cdiv1.ClaimPropertySet{{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}, VolumeMode: &mode,
		}}
		if err := c.Patch(ctx, profile, client.MergeFrom(before)); err != nil {
			return err.Error()
		}
		return ""
	})
}
