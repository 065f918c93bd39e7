package harness

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// made are the kinds that Wukong makes, or has made for it.
func made() []client.ObjectList {
	return []client.ObjectList{
		&v1alpha1.WukongVMList{}, &v1alpha1.WukongDiskList{}, &v1alpha1.WukongExportList{}, &v1alpha1.WukongImageList{},
		&v1alpha1.WukongSnapshotList{},
		&v1alpha1.WukongMigrationList{},
		&kubevirtv1.VirtualMachineList{}, &kubevirtv1.VirtualMachineInstanceList{}, &cdiv1.DataVolumeList{},
		&corev1.PersistentVolumeClaimList{}, &corev1.PodList{}, &corev1.SecretList{},
		&networkv1.NetworkAttachmentDefinitionList{},
	}
}

// NothingLeft waits until a namespace holds nothing of ours but what is named, as "Kind/name".
func (c *Cluster) NothingLeft(t *testing.T, namespace string, patience time.Duration, kept ...string) {
	t.Helper()
	Until(t, CauseDeletion, patience, "what is left in namespace "+namespace+" is deleted",
		func(context.Context) string {
			return strings.Join(c.leftovers(t, namespace, kept), ", ")
		})
}

func (c *Cluster) leftovers(t *testing.T, namespace string, kept []string) []string {
	var left []string
	for _, list := range made() {
		if err := c.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
			return []string{err.Error()}
		}
		_ = meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object)
			kind, _ := c.GroupVersionKindFor(object)
			name := kind.Kind + "/" + object.GetName()
			_, isSecret := object.(*corev1.Secret)
			foreign := isSecret && object.GetLabels()[v1alpha1.LabelManagedBy] != v1alpha1.LabelManagedByValue
			if !foreign && !slices.Contains(kept, name) {
				left = append(left, name)
			}
			return nil
		})
	}
	return left
}
