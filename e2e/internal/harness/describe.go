package harness

import (
	"context"
	"testing"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// describe prints what a person would look at first: our objects, what they stand on, and the events.
func (c *Cluster) describe(ctx context.Context, t *testing.T, namespace string) {
	for _, list := range []client.ObjectList{
		&v1alpha1.WukongList{}, &v1alpha1.WukongVMList{}, &v1alpha1.WukongDiskList{}, &v1alpha1.WukongNetworkList{},
		&kubevirtv1.VirtualMachineList{}, &kubevirtv1.VirtualMachineInstanceList{}, &cdiv1.DataVolumeList{},
		&networkv1.NetworkAttachmentDefinitionList{}, &corev1.PersistentVolumeClaimList{}, &corev1.PodList{},
	} {
		if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
			t.Logf("list %T: %s", list, err)
			continue
		}
		_ = meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object)
			object.SetManagedFields(nil)
			text, _ := yaml.Marshal(object)
			t.Logf("--- %T %s\n%s", object, object.GetName(), text)
			return nil
		})
	}
	events := &corev1.EventList{}
	if err := c.List(ctx, events, client.InNamespace(namespace)); err != nil {
		t.Logf("list events: %s", err)
	}
	for i := range events.Items {
		event := &events.Items[i]
		t.Logf("event %s %s %s: %s", event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Reason, event.Message)
	}
}
