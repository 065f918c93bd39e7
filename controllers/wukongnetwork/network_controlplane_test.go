//go:build controlplane

package wukongnetwork_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// B7 and B9: the attachment of a bridge is complete, ours, brought back when changed, and gone with the network.
func TestB9BridgeOwnsItsAttachment(t *testing.T) {
	f, manager := start(t)
	network := f.newBridge("lan", func(network *v1alpha1.WukongNetwork) {
		network.Spec.Bridge.VLAN = ptr.To(int32(100))
		network.Spec.MTU = ptr.To(int32(9000))
		network.Spec.Subnets = []v1alpha1.Subnet{{CIDR: "192.168.10.0/24", Gateway: "192.168.10.1"}}
	})
	f.create(network)
	ready := f.waitReady(network)
	assert.Equal(t, v1alpha1.NetworkReady, ready.Status.Phase)
	assert.Equal(t, f.namespace+"/lan", ready.Status.Attachment)

	attachment := f.readAttachment("lan")
	assert.True(t, metav1.IsControlledBy(attachment, network))
	assert.Equal(t, `{"cniVersion":"1.0.0","name":"lan","type":"bridge","bridge":"br0","mtu":9000,"vlan":100,`+
		`"preserveDefaultVlan":false,"disableContainerInterface":true}`, attachment.Spec.Config)

	testenv.WaitIdle(t, 0)
	assert.Equal(t, map[testenv.Write]int{
		{Verb: "patch", Resource: "network-attachment-definitions"}: 1,
		{Verb: "patch", Resource: "wukongnetworks/status"}:          1,
	}, manager.Writes.Counts(), "Contract3: what a network costs")

	// The second manager is the whole test's: what follows needs it.
	t.Run("Contract3: no writes at rest, after a restart", func(t *testing.T) {
		manager.Stop()
		second := f.startManager()
		testenv.WaitIdle(t, 1)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})
	t.Run("a change of the spec reaches it", func(t *testing.T) {
		f := f.in(t)
		f.patch(network, `{"spec":{"bridge":{"name":"br1"}}}`)
		require.Eventually(t, func() bool {
			return assert.ObjectsAreEqual(`{"cniVersion":"1.0.0","name":"lan","type":"bridge","bridge":"br1","mtu":9000,"vlan":100,`+
				`"preserveDefaultVlan":false,"disableContainerInterface":true}`, f.readAttachment("lan").Spec.Config)
		}, patience, interval)
	})
	t.Run("a change by someone else is brought back", func(t *testing.T) {
		f := f.in(t)
		wanted := f.readAttachment("lan").Spec.Config
		f.patch(f.readAttachment("lan"), `{"spec":{"config":"{}"}}`)
		require.Eventually(t, func() bool { return f.readAttachment("lan").Spec.Config == wanted }, patience, interval)
	})
	t.Run("it is made again when someone deletes it", func(t *testing.T) {
		f := f.in(t)
		old := f.readAttachment("lan")
		f.remove(old)
		require.Eventually(t, func() bool {
			attachment := f.attachment("lan")
			return f.exists(attachment) && attachment.UID != old.UID
		}, patience, interval)
		f.waitReady(network)
	})
	t.Run("Contract6: it goes with the network", func(t *testing.T) {
		f := f.in(t)
		f.remove(network)
		f.waitGone(network)
		f.waitGone(f.attachment("lan"))
	})
}

// B9: an attachment that someone else made is looked at and never touched; a missing one is told, and heals.
func TestB9ExistingAttachment(t *testing.T) {
	f, manager := start(t)
	elsewhere := environment.Namespace(t)
	network := f.newExisting("trunk", elsewhere, "shared")
	near := f.newExisting("near", "", "local")
	f.create(network, near)
	missing := f.wait(network, metav1.ConditionFalse, v1alpha1.ReasonAttachmentMissing, "NetworkAttachmentDefinition "+elsewhere+"/shared does not exist")
	assert.Equal(t, v1alpha1.NetworkError, missing.Status.Phase)
	assert.Empty(t, missing.Status.Attachment)
	f.wait(near, metav1.ConditionFalse, v1alpha1.ReasonAttachmentMissing, f.namespace+"/local")

	shared := f.attachment("shared")
	shared.Namespace = elsewhere
	f.create(shared, f.attachment("local"))
	assert.Equal(t, elsewhere+"/shared", f.waitReady(network).Status.Attachment)
	assert.Equal(t, f.namespace+"/local", f.waitReady(near).Status.Attachment)

	testenv.WaitIdle(t, 0)
	assert.Zero(t, manager.Writes.Counts()[testenv.Write{Verb: "patch", Resource: "network-attachment-definitions"}])

	f.remove(network)
	f.waitGone(network)
	assert.True(t, f.exists(shared), "it outlives the network")

	f.remove(f.attachment("local"))
	f.wait(near, metav1.ConditionFalse, v1alpha1.ReasonAttachmentMissing, f.namespace+"/local")
}

// An attachment under the network's name that is not ours is left alone, and when it goes the network goes on.
func TestNameConflictHeals(t *testing.T) {
	f, _ := start(t)
	foreign := f.attachment("lan")
	foreign.Spec.Config = `{"type":"macvlan"}`
	f.create(foreign)
	network := f.newBridge("lan")
	f.create(network)
	conflict := f.wait(network, metav1.ConditionFalse, v1alpha1.ReasonNameConflict, "NetworkAttachmentDefinition lan exists already and has no owner")
	assert.Equal(t, v1alpha1.NetworkError, conflict.Status.Phase)
	assert.Empty(t, conflict.Status.Attachment, "no machine may attach to it")
	assert.Equal(t, foreign.ResourceVersion, f.readAttachment("lan").ResourceVersion)

	f.remove(foreign)
	f.waitReady(network)
	assert.True(t, metav1.IsControlledBy(f.readAttachment("lan"), network))
}

func TestPodNetworkNeedsNothing(t *testing.T) {
	f, manager := start(t)
	network := f.newPod("pods")
	f.create(network)
	ready := f.waitReady(network)
	assert.Empty(t, ready.Status.Attachment)
	testenv.WaitIdle(t, 0)
	assert.Equal(t, map[testenv.Write]int{{Verb: "patch", Resource: "wukongnetworks/status"}: 1}, manager.Writes.Counts())
}

// Subnets that overlap are told, nothing is written for them, and correcting them is enough.
func TestInvalidSpecHeals(t *testing.T) {
	f, _ := start(t)
	network := f.newBridge("lan", func(network *v1alpha1.WukongNetwork) {
		network.Spec.Subnets = []v1alpha1.Subnet{{CIDR: "10.0.0.0/8"}, {CIDR: "10.1.0.0/16"}}
	})
	f.create(network)
	f.wait(network, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, "10.0.0.0/8 and 10.1.0.0/16 overlap")
	assert.False(t, f.exists(f.attachment("lan")))

	f.patch(network, `{"spec":{"subnets":[{"cidr":"10.0.0.0/8"}]}}`)
	f.waitReady(network)
}

// Contract 5: Multus may be installed after Wukong, or go away under it. Contract 6: deletion ends without it.
func TestContract5MultusAbsentHeals(t *testing.T) {
	bare := testenv.StartFor(t, testenv.Options{Without: []testenv.Definitions{testenv.Multus}})
	f := fixture{t, bare, bare.Namespace(t)}
	f.startManager()
	bridge, existing, other, pods := f.newBridge("lan"), f.newExisting("trunk", "", "shared"), f.newBridge("other"), f.newPod("pods")
	f.create(bridge, existing, other, pods)
	f.waitReady(pods)
	for _, network := range []*v1alpha1.WukongNetwork{bridge, existing, other} {
		f.wait(network, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing, "Multus is not installed")
	}
	f.remove(other)
	f.waitGone(other)

	f.Install(t, testenv.Multus)
	f.waitReady(bridge)
	f.wait(existing, metav1.ConditionFalse, v1alpha1.ReasonAttachmentMissing, "")
	f.create(f.attachment("shared"))
	f.waitReady(existing)

	f.Uninstall(t, testenv.Multus)
	f.wait(bridge, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing, "")
	f.remove(bridge)
	f.waitGone(bridge)

	f.waitGone(&apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: dependency.NetworkAttachments.Resource}})
	f.Install(t, testenv.Multus)
	f.wait(existing, metav1.ConditionFalse, v1alpha1.ReasonAttachmentMissing, "")
}

// The link is made when the Wukong appears, and the garbage collector takes network and attachment with the Wukong.
func TestUmbrellaLink(t *testing.T) {
	f, manager := start(t)
	network := f.newBridge("lan", belongingTo("shop"))
	f.create(network)
	f.waitReady(network)
	shop := &v1alpha1.Wukong{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "shop"}}
	f.create(shop)
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		current := &v1alpha1.WukongNetwork{}
		require.NoError(collect, f.Client.Get(t.Context(), client.ObjectKeyFromObject(network), current))
		require.Len(collect, current.OwnerReferences, 1)
		assert.Equal(collect, shop.UID, current.OwnerReferences[0].UID)
		assert.True(collect, meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionUmbrellaLinked))
	}, patience, interval)
	testenv.WaitIdle(t, 0)
	assert.Equal(t, 1, manager.Writes.Counts()[testenv.Write{Verb: "patch", Resource: "wukongnetworks"}])

	f.remove(shop)
	f.waitGone(network)
	f.waitGone(f.attachment("lan"))
}
