//go:build controlplane

package wukongnetwork_test

import (
	"context"
	"testing"
	"time"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

const (
	patience = time.Minute
	interval = 20 * time.Millisecond
)

// fixture is a namespace of one test in a control plane.
type fixture struct {
	*testing.T
	*testenv.Environment
	namespace string
}

// start runs the network controller alone, in a new namespace.
func start(t *testing.T) (fixture, *testenv.Manager) {
	t.Helper()
	f := fixture{t, environment, environment.Namespace(t)}
	return f, f.startManager()
}

// in is the fixture within a subtest.
func (f fixture) in(t *testing.T) fixture {
	f.T = t
	return f
}

func (f fixture) startManager() *testenv.Manager {
	f.Helper()
	return f.StartManager(f, testenv.ManagerOptions{Namespace: f.namespace, Controllers: []string{"wukongnetwork"}})
}

func (f fixture) create(objects ...client.Object) {
	f.Helper()
	for _, obj := range objects {
		require.NoError(f, f.Client.Create(f.Context(), obj))
	}
}

func (f fixture) remove(obj client.Object, options ...client.DeleteOption) {
	f.Helper()
	require.NoError(f, f.Client.Delete(f.Context(), obj, options...))
}

func (f fixture) patch(obj client.Object, body string) {
	f.Helper()
	require.NoError(f, f.Client.Patch(f.Context(), obj, client.RawPatch(types.MergePatchType, []byte(body))))
}

func (f fixture) exists(obj client.Object) bool {
	err := f.Client.Get(f.Context(), client.ObjectKeyFromObject(obj), obj)
	require.NoError(f, client.IgnoreNotFound(err))
	return !apierrors.IsNotFound(err)
}

func (f fixture) waitGone(obj client.Object) {
	f.Helper()
	f.WaitGone(f.T, obj, patience, interval)
}

func (f fixture) attachment(name string) *networkv1.NetworkAttachmentDefinition {
	return &networkv1.NetworkAttachmentDefinition{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
}

// readAttachment reads an attachment that must exist.
func (f fixture) readAttachment(name string) *networkv1.NetworkAttachmentDefinition {
	f.Helper()
	attachment := f.attachment(name)
	require.NoError(f, f.Client.Get(f.Context(), client.ObjectKeyFromObject(attachment), attachment))
	return attachment
}

func (f fixture) newBridge(name string, options ...func(*v1alpha1.WukongNetwork)) *v1alpha1.WukongNetwork {
	network := &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec:       v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br0"}},
	}
	for _, option := range options {
		option(network)
	}
	return network
}

// newExisting is a network that stands on an attachment of someone else.
func (f fixture) newExisting(name, namespace, attachment string) *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec: v1alpha1.WukongNetworkSpec{
			Type:                        v1alpha1.NetworkTypeAttachment,
			NetworkAttachmentDefinition: &v1alpha1.AttachmentReference{Name: attachment, Namespace: namespace},
		},
	}
}

func (f fixture) newPod(name string) *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec:       v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod},
	}
}

func belongingTo(wukong string) func(*v1alpha1.WukongNetwork) {
	return func(network *v1alpha1.WukongNetwork) {
		network.Spec.WukongRef = &v1alpha1.LocalObjectReference{Name: wukong}
	}
}

// wait waits until a network's Ready condition has the status and reason, is of the current spec, and the message contains words.
func (f fixture) wait(network *v1alpha1.WukongNetwork, status metav1.ConditionStatus, reason, words string) *v1alpha1.WukongNetwork {
	f.Helper()
	current := &v1alpha1.WukongNetwork{}
	require.EventuallyWithT(f, func(collect *assert.CollectT) {
		require.NoError(collect, f.Client.Get(f.Context(), client.ObjectKeyFromObject(network), current))
		ready := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionReady)
		require.NotNil(collect, ready)
		assert.Equal(collect, string(status)+" "+reason, string(ready.Status)+" "+ready.Reason, ready.Message)
		assert.Equal(collect, current.Generation, ready.ObservedGeneration)
		assert.Contains(collect, ready.Message, words)
	}, patience, interval)
	return current
}

func (f fixture) waitReady(network *v1alpha1.WukongNetwork) *v1alpha1.WukongNetwork {
	f.Helper()
	return f.wait(network, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

// cleanup is for what ends after the test's own context.
func cleanup() context.Context { return context.Background() }
