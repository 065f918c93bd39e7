package wukongnetwork

import (
	"errors"
	"testing"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

func bridgeNetwork() *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Name: "lan", Namespace: "shop", UID: "lan-uid"},
		Spec: v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge,
			Bridge: &v1alpha1.BridgeNetwork{Name: "br0"}},
	}
}

func existingNetwork() *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Name: "lan", Namespace: "shop", UID: "lan-uid"},
		Spec: v1alpha1.WukongNetworkSpec{
			Type:                        v1alpha1.NetworkTypeAttachment,
			NetworkAttachmentDefinition: &v1alpha1.AttachmentReference{Name: "trunk", Namespace: "infra"},
		},
	}
}

func podNetwork() *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Name: "pods", Namespace: "shop"},
		Spec:       v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod},
	}
}

func unmanagedAttachment() *networkv1.NetworkAttachmentDefinition {
	return &networkv1.NetworkAttachmentDefinition{ObjectMeta: metav1.ObjectMeta{Name: "trunk", Namespace: "infra"}}
}

func ownAttachment() *networkv1.NetworkAttachmentDefinition {
	return &networkv1.NetworkAttachmentDefinition{ObjectMeta: metav1.ObjectMeta{
		Name: "lan", Namespace: "shop",
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongNetwork", Name: "lan", UID: "lan-uid",
			Controller: ptr.To(true),
		}},
	}}
}

func deleting(attachment *networkv1.NetworkAttachmentDefinition) *networkv1.NetworkAttachmentDefinition {
	attachment.DeletionTimestamp = ptr.To(metav1.Now())
	return attachment
}

func TestEvaluate(t *testing.T) {
	overlapping := bridgeNetwork()
	overlapping.Spec.Subnets = []v1alpha1.Subnet{{CIDR: "10.0.0.0/8"}, {CIDR: "10.1.0.0/16"}}
	held := bridgeNetwork()
	held.DeletionTimestamp = ptr.To(metav1.Now())
	held.Finalizers = []string{"example.com/hold"}

	tests := map[string]struct {
		network  *v1alpha1.WukongNetwork
		observed observation
		applyErr error

		phase   v1alpha1.NetworkPhase
		reason  string // empty when the network is ready
		message string // a part of it
	}{
		"the pod network needs nothing": {network: podNetwork()},
		"a bridge with its attachment": {network: bridgeNetwork(),
			observed: observation{multusServed: true, attachment: ownAttachment()}},
		"an attachment that exists": {network: existingNetwork(),
			observed: observation{multusServed: true, attachment: unmanagedAttachment()}},
		"an attachment that does not exist, B9": {
			network: existingNetwork(), observed: observation{multusServed: true},
			phase: v1alpha1.NetworkError, reason: v1alpha1.ReasonAttachmentMissing,
			message: "NetworkAttachmentDefinition infra/trunk does not exist",
		},
		"Multus is absent, bridge": {
			network: bridgeNetwork(), phase: v1alpha1.NetworkError, reason: v1alpha1.ReasonDependencyMissing,
			message: "Multus is not installed",
		},
		"Multus is absent, existing attachment": {
			network: existingNetwork(), phase: v1alpha1.NetworkError, reason: v1alpha1.ReasonDependencyMissing,
			message: "Multus is not installed",
		},
		"the name is taken": {
			network: bridgeNetwork(), observed: observation{multusServed: true, attachment: unmanagedAttachment()},
			applyErr: &apply.NameConflictError{Kind: "NetworkAttachmentDefinition", Name: "lan"},
			phase:    v1alpha1.NetworkError, reason: v1alpha1.ReasonNameConflict,
			message: "NetworkAttachmentDefinition lan already exists",
		},
		"the API server refuses": {
			network: bridgeNetwork(), observed: observation{multusServed: true},
			applyErr: &apply.RefusedError{
				Kind: "NetworkAttachmentDefinition", Name: "lan", Err: errors.New("quota exceeded"),
			},
			phase: v1alpha1.NetworkError, reason: v1alpha1.ReasonApplyRefused,
			message: "NetworkAttachmentDefinition lan: quota exceeded",
		},
		"subnets overlap": {
			network: overlapping, observed: observation{multusServed: true, attachment: ownAttachment()},
			phase: v1alpha1.NetworkError, reason: v1alpha1.ReasonInvalidSpec,
			message: "10.0.0.0/8 and 10.1.0.0/16 overlap",
		},
		"a wrong spec is said before a missing Multus": {
			network: overlapping, phase: v1alpha1.NetworkError, reason: v1alpha1.ReasonInvalidSpec, message: "overlap",
		},
		"the attachment is being deleted": {
			network: bridgeNetwork(), observed: observation{multusServed: true, attachment: deleting(ownAttachment())},
			phase: v1alpha1.NetworkPending, reason: v1alpha1.ReasonPending,
			message: "NetworkAttachmentDefinition shop/lan is being deleted",
		},
		"the network is being deleted": {
			network: held, phase: v1alpha1.NetworkTerminating, reason: v1alpha1.ReasonTerminating,
			message: "example.com/hold",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found := evaluate(test.network, &test.observed, test.applyErr)
			if test.reason == "" {
				assert.Nil(t, found)
				return
			}
			require.NotNil(t, found)
			assert.Equal(t, test.phase, found.Phase)
			assert.Equal(t, test.reason, found.Reason)
			assert.Contains(t, found.Message, test.message)
		})
	}
}

func TestAttachmentInUse(t *testing.T) {
	squatter := ownAttachment()
	squatter.OwnerReferences = nil

	assert.Empty(t, attachmentInUse(podNetwork(), &observation{}))
	assert.Empty(t, attachmentInUse(bridgeNetwork(), &observation{}), "not before it exists")
	assert.Empty(t, attachmentInUse(bridgeNetwork(), &observation{attachment: squatter}),
		"a foreign attachment under the name is told to nobody")
	assert.Equal(t, "shop/lan", attachmentInUse(bridgeNetwork(), &observation{attachment: ownAttachment()}))
	assert.Equal(t, "infra/trunk", attachmentInUse(existingNetwork(), &observation{attachment: unmanagedAttachment()}))
}
