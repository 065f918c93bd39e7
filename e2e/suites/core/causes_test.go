//go:build e2e

package core

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func readyOf(object v1alpha1.Object) *metav1.Condition {
	return meta.FindStatusCondition(object.GetConditions(), v1alpha1.ConditionReady)
}

func mentions(message string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(message, part) {
			return false
		}
	}
	return true
}

// profile tells CDI what a StorageClass of the test can do; for classes of its own the dev cluster has done so.
func profile(t *testing.T, class string) {
	t.Helper()
	current := &cdiv1.StorageProfile{ObjectMeta: metav1.ObjectMeta{Name: class}}
	mode := corev1.PersistentVolumeFilesystem
	require.Eventually(t, func() bool {
		if err := cluster.Get(t.Context(), client.ObjectKeyFromObject(current), current); err != nil {
			return false
		}
		before := current.DeepCopy()
		current.Spec.ClaimPropertySets = []cdiv1.ClaimPropertySet{{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}, VolumeMode: &mode,
		}}
		return cluster.Patch(t.Context(), current, client.MergeFrom(before)) == nil
	}, patience, patience/100)
}
