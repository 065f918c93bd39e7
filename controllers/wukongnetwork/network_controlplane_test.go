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
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// B7 and B9: the attachment of a bridge is complete, managed, restored after a change, and deleted with the network.
func TestB9BridgeOwnsItsAttachment(t *testing.T) {
	f, manager := start(t)
	network := f.newNetwork("lan", func(spec *v1alpha1.WukongNetworkSpec) {
		spec.Bridge.VLAN = ptr.To(int32(100))
		spec.MTU = ptr.To(int32(9000))
		spec.Subnets = []v1alpha1.Subnet{{CIDR: "192.168.10.0/24", Gateway: "192.168.10.1"}}
	})
	f.Create(network)
	ready := f.waitReady(network)
	assert.Equal(t, v1alpha1.NetworkReady, ready.Status.Phase)
	assert.Equal(t, f.Namespace+"/lan", ready.Status.Attachment)

	attachment := f.readAttachment("lan")
	assert.True(t, metav1.IsControlledBy(attachment, network))
	assert.Equal(t, `{"cniVersion":"1.0.0","name":"lan","type":"bridge","bridge":"br0","mtu":9000,"vlan":100,`+
		`"preserveDefaultVlan":false,"disableContainerInterface":true}`, attachment.Spec.Config)

	f.WaitIdle()
	assert.Equal(t, map[testenv.Write]int{
		{Verb: "patch", Resource: "network-attachment-definitions"}: 1,
		{Verb: "patch", Resource: "wukongnetworks/status"}:          1,
	}, manager.Writes.Counts(), "Contract3: what a network costs")

	// The rest of the test needs the second manager, so it must outlive the subtest.
	t.Run("Contract3: no writes at rest, after a restart", func(t *testing.T) {
		manager.Stop()
		second := f.StartManager()
		f.WaitPasses(1)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})
	t.Run("a change of the spec reaches it", func(t *testing.T) {
		f := f.in(t)
		f.Patch(network, `{"spec":{"bridge":{"name":"br1"}}}`)
		f.Until(func() bool {
			return assert.ObjectsAreEqual(
				`{"cniVersion":"1.0.0","name":"lan","type":"bridge","bridge":"br1","mtu":9000,"vlan":100,`+
					`"preserveDefaultVlan":false,"disableContainerInterface":true}`,
				f.readAttachment("lan").Spec.Config)
		})
	})
	t.Run("a change by someone else is brought back", func(t *testing.T) {
		f := f.in(t)
		wanted := f.readAttachment("lan").Spec.Config
		f.Patch(f.readAttachment("lan"), `{"spec":{"config":"{}"}}`)
		f.Until(func() bool { return f.readAttachment("lan").Spec.Config == wanted })
	})
	t.Run("it is made again when someone deletes it", func(t *testing.T) {
		f := f.in(t)
		old := f.readAttachment("lan")
		f.Remove(old)
		f.Until(func() bool {
			attachment := f.attachment("lan")
			return f.Has(attachment) && attachment.UID != old.UID
		})
		f.waitReady(network)
	})
	t.Run("Contract6: it goes with the network", func(t *testing.T) {
		f := f.in(t)
		f.Remove(network)
		f.WaitGone(network)
		f.WaitGone(f.attachment("lan"))
	})
}

// B9: an unmanaged attachment is read and never changed. A missing one is reported, and the network recovers when it
// exists.
func TestB9ExistingAttachment(t *testing.T) {
	f, manager := start(t)
	elsewhere := f.Elsewhere().Namespace
	network := f.newNetwork("trunk", builder.ExistingAttachment(elsewhere, "shared"))
	near := f.newNetwork("near", builder.ExistingAttachment("", "local"))
	f.Create(network, near)
	missing := testkit.Wait(f, network, metav1.ConditionFalse, v1alpha1.ReasonAttachmentMissing,
		"NetworkAttachmentDefinition "+elsewhere+"/shared does not exist")
	assert.Equal(t, v1alpha1.NetworkError, missing.Status.Phase)
	assert.Empty(t, missing.Status.Attachment)
	testkit.Wait(f, near, metav1.ConditionFalse, v1alpha1.ReasonAttachmentMissing, f.Namespace+"/local")

	shared := f.attachment("shared")
	shared.Namespace = elsewhere
	f.Create(shared, f.attachment("local"))
	assert.Equal(t, elsewhere+"/shared", f.waitReady(network).Status.Attachment)
	assert.Equal(t, f.Namespace+"/local", f.waitReady(near).Status.Attachment)

	f.WaitIdle()
	assert.Zero(t, manager.Writes.Counts()[testenv.Write{Verb: "patch", Resource: "network-attachment-definitions"}])

	f.Remove(network)
	f.WaitGone(network)
	assert.True(t, f.Has(shared), "it outlives the network")

	f.Remove(f.attachment("local"))
	testkit.Wait(f, near, metav1.ConditionFalse, v1alpha1.ReasonAttachmentMissing, f.Namespace+"/local")
}

// An unmanaged attachment with the network's name is left alone. When it is deleted, the network continues.
func TestNameConflictHeals(t *testing.T) {
	f, _ := start(t)
	unmanaged := f.attachment("lan")
	unmanaged.Spec.Config = `{"type":"macvlan"}`
	f.Create(unmanaged)
	network := f.newNetwork("lan")
	f.Create(network)
	conflict := testkit.Wait(f, network, metav1.ConditionFalse, v1alpha1.ReasonNameConflict,
		"NetworkAttachmentDefinition lan already exists and has no owner")
	assert.Equal(t, v1alpha1.NetworkError, conflict.Status.Phase)
	assert.Empty(t, conflict.Status.Attachment, "no machine may attach to it")
	assert.Equal(t, unmanaged.ResourceVersion, f.readAttachment("lan").ResourceVersion)

	f.Remove(unmanaged)
	f.waitReady(network)
	assert.True(t, metav1.IsControlledBy(f.readAttachment("lan"), network))
}

func TestPodNetworkNeedsNothing(t *testing.T) {
	f, manager := start(t)
	network := f.newNetwork("pods", builder.PodNetwork)
	f.Create(network)
	ready := f.waitReady(network)
	assert.Empty(t, ready.Status.Attachment)
	f.WaitIdle()
	assert.Equal(t, map[testenv.Write]int{{Verb: "patch", Resource: "wukongnetworks/status"}: 1},
		manager.Writes.Counts())
}

// Overlapping subnets are reported, nothing is written for them, and correcting them is enough.
func TestInvalidSpecHeals(t *testing.T) {
	f, _ := start(t)
	network := f.newNetwork("lan", func(spec *v1alpha1.WukongNetworkSpec) {
		spec.Subnets = []v1alpha1.Subnet{{CIDR: "10.0.0.0/8"}, {CIDR: "10.1.0.0/16"}}
	})
	f.Create(network)
	testkit.Wait(f, network, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, "10.0.0.0/8 and 10.1.0.0/16 overlap")
	assert.False(t, f.Has(f.attachment("lan")))

	f.Patch(network, `{"spec":{"subnets":[{"cidr":"10.0.0.0/8"}]}}`)
	f.waitReady(network)
}

// Contract 5: Multus may be installed after Wukong, or be removed later. Contract 6: deletion ends without it.
func TestContract5MultusAbsentHeals(t *testing.T) {
	apart := testkit.Apart(t, testenv.Options{Without: []testenv.Definitions{testenv.Multus}})
	f := networks{apart.Running("wukongnetwork")}
	f.StartManager()
	bridge, existing, other, pods := f.newNetwork("lan"),
		f.newNetwork("trunk", builder.ExistingAttachment("", "shared")),
		f.newNetwork("other"), f.newNetwork("pods", builder.PodNetwork)
	f.Create(bridge, existing, other, pods)
	f.waitReady(pods)
	for _, network := range []*v1alpha1.WukongNetwork{bridge, existing, other} {
		testkit.Wait(f, network, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing, "Multus is not installed")
	}
	f.Remove(other)
	f.WaitGone(other)

	f.Install(testenv.Multus)
	f.waitReady(bridge)
	testkit.Wait(f, existing, metav1.ConditionFalse, v1alpha1.ReasonAttachmentMissing, "")
	f.Create(f.attachment("shared"))
	f.waitReady(existing)

	f.Uninstall(testenv.Multus)
	testkit.Wait(f, bridge, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing, "")
	f.Remove(bridge)
	f.WaitGone(bridge)

	f.WaitGone(&apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: dependency.NetworkAttachments.Resource}})
	f.Install(testenv.Multus)
	testkit.Wait(f, existing, metav1.ConditionFalse, v1alpha1.ReasonAttachmentMissing, "")
}

// The link is created when the Wukong appears, and the garbage collector deletes network and attachment with the
// Wukong.
func TestUmbrellaLink(t *testing.T) {
	f, manager := start(t)
	network := builder.PartOf("shop", f.newNetwork("lan"))
	f.Create(network)
	f.waitReady(network)
	shop := &v1alpha1.Wukong{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "shop"}}
	f.Create(shop)
	f.Eventually(func(now *testkit.Attempt) {
		current := &v1alpha1.WukongNetwork{}
		require.NoError(now, f.Client.Get(t.Context(), client.ObjectKeyFromObject(network), current))
		require.Len(now, current.OwnerReferences, 1)
		assert.Equal(now, shop.UID, current.OwnerReferences[0].UID)
		assert.True(now, meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionUmbrellaLinked))
	})
	f.WaitIdle()
	assert.Equal(t, 1, manager.Writes.Counts()[testenv.Write{Verb: "patch", Resource: "wukongnetworks"}])

	f.Remove(shop)
	f.WaitGone(network)
	f.WaitGone(f.attachment("lan"))
}
