package nics

import (
	"testing"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// A WukongNetwork of a template is deleted when neither the spec nor the VirtualMachine or its guest has it.
func TestIsSurplus(t *testing.T) {
	in := onLAN()
	lan := in.VM.Spec.Networks[len(in.VM.Spec.Networks)-1]
	network := in.Networks[lan.NetworkRef.Name].DeepCopy()
	assert.False(t, Make(*in).IsSurplus(network), "the spec lists it")
	run(in)
	in.VM.Spec.Networks = in.VM.Spec.Networks[:len(in.VM.Spec.Networks)-1]
	assert.False(t, Make(*in).IsSurplus(network), "the guest has it")
	in.Machine, in.Instance = nil, nil
	assert.True(t, Make(*in).IsSurplus(network))
	network.DeletionTimestamp = ptr.To(metav1.Now())
	assert.False(t, Make(*in).IsSurplus(network), "it is being deleted already")
}

func TestOwnAttachments(t *testing.T) {
	in := onLAN()
	in.VM.UID = "one"
	nic := &in.VM.Spec.Networks[len(in.VM.Spec.Networks)-1]
	nic.Bandwidth = &v1alpha1.Bandwidth{Ingress: ptr.To(resource.MustParse("10M"))}
	plan := Make(*in)
	own := plan.OwnAttachments()
	require.Len(t, own, 1)
	assert.Equal(t, "one", own[0].Labels[v1alpha1.LabelVM])

	existing := func(name string) *networkv1.NetworkAttachmentDefinition {
		owner := metav1.OwnerReference{UID: "one", Controller: ptr.To(true)}
		return &networkv1.NetworkAttachmentDefinition{ObjectMeta: metav1.ObjectMeta{
			Namespace: in.VM.Namespace, Name: name, OwnerReferences: []metav1.OwnerReference{owner},
		}}
	}
	assert.False(t, plan.IsSurplusAttachment(existing(own[0].Name)))
	assert.True(t, plan.IsSurplusAttachment(existing("other")))
	unmanaged := existing("other")
	unmanaged.OwnerReferences = nil
	assert.False(t, plan.IsSurplusAttachment(unmanaged))
}

func TestPodPlugin(t *testing.T) {
	vm := &v1alpha1.WukongVM{}
	assert.Empty(t, PodPlugin(vm))
	vm.Spec.Networks = []v1alpha1.VMNetwork{
		{Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"}},
		{Name: "pod", Pod: &v1alpha1.PodNetwork{Binding: v1alpha1.PodBindingPasst}},
	}
	assert.Equal(t, "passt", PodPlugin(vm))
}

func TestFromTemplate(t *testing.T) {
	vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "one"}}
	nic := &v1alpha1.VMNetwork{Name: "lan", Template: &v1alpha1.NetworkTemplate{Spec: v1alpha1.WukongNetworkSpec{
		Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br0"},
	}}}
	nic.Template.Labels = map[string]string{"floor": "2"}
	network := FromTemplate(vm, nic)
	assert.Equal(t, metav1.ObjectMeta{
		Namespace: "shop", Name: model.NetworkName(vm, nic),
		Labels: map[string]string{"floor": "2", v1alpha1.LabelVM: "one"},
	}, network.ObjectMeta)
	assert.Equal(t, nic.Template.Spec, network.Spec)
	network.Spec.Bridge.Name = "br1"
	assert.Equal(t, "br0", nic.Template.Spec.Bridge.Name, "the template stays as it is")
}
