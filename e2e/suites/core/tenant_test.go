//go:build e2e

package core

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// TestATenantReachesNoNetworkOfTheNodes (fault A.1) plays somebody with Kubernetes' role edit in one namespace, who
// wants a network of the nodes, by a WukongNetwork and by the template of a WukongVM. Each way is refused with the
// reason; what the platform team permits is not. It changes the policy of the whole cluster, so that it is not
// parallel.
func TestATenantReachesNoNetworkOfTheNodes(t *testing.T) {
	harness.Essential(t)
	namespace := cluster.Namespace(t)
	tenant := editorOf(t, namespace)
	permit(t, []v1alpha1.PermittedHostNetwork{{
		Name: "office", Namespaces: []v1alpha1.NamespaceNameOrAll{v1alpha1.NamespaceNameOrAll(namespace)},
		Bridges: []v1alpha1.InterfaceName{"br-office"},
		VLANs:   []v1alpha1.VLANRange{{First: 100, Last: ptr.To[int32](199)}},
	}})
	office := func(vlan int32) v1alpha1.WukongNetworkSpec {
		return v1alpha1.WukongNetworkSpec{
			Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br-office", VLAN: &vlan},
		}
	}
	harness.Until(t, harness.CauseOther, patience, "the API server heeds the policy", func(ctx context.Context) string {
		if err := tenant.Create(ctx, networkOf(namespace, office(200)), client.DryRunAll); !apierrors.IsForbidden(err) {
			return "it permits VLAN 200"
		}
		return ""
	})
	require.NoError(t, tenant.Create(t.Context(), networkOf(namespace, office(150)), client.DryRunAll))
	require.NoError(t, tenant.Create(t.Context(), machineOn(namespace, office(150)), client.DryRunAll))

	for name, way := range waysToANode() {
		t.Run(name, func(t *testing.T) {
			for _, object := range []client.Object{networkOf(namespace, way.spec), machineOn(namespace, way.spec)} {
				err := tenant.Create(t.Context(), object)
				assert.True(t, apierrors.IsForbidden(err) || apierrors.IsInvalid(err), "%T: %v", object, err)
				assert.ErrorContains(t, err, way.refused, "%T", object)
			}
		})
	}
	for _, object := range []client.Object{
		foreign("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", namespace),
		foreign("nmstate.io/v1", "NodeNetworkConfigurationPolicy", ""),
		&v1alpha1.WukongHostNetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "another"}},
	} {
		assert.True(t, apierrors.IsForbidden(tenant.Create(t.Context(), object)), "%T", object)
	}
}

// wayToANode is a network that a tenant asks for, and why it is refused.
type wayToANode struct {
	spec    v1alpha1.WukongNetworkSpec
	refused string
}

func waysToANode() map[string]wayToANode {
	bridge := func(name string, edit ...func(*v1alpha1.WukongNetworkSpec)) v1alpha1.WukongNetworkSpec {
		spec := v1alpha1.WukongNetworkSpec{
			Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: name},
		}
		for _, change := range edit {
			change(&spec)
		}
		return spec
	}
	vlan := func(tag int32) func(*v1alpha1.WukongNetworkSpec) {
		return func(spec *v1alpha1.WukongNetworkSpec) { spec.Bridge.VLAN = &tag }
	}
	managed := func(edit func(*v1alpha1.ManagedBridge)) func(*v1alpha1.WukongNetworkSpec) {
		return func(spec *v1alpha1.WukongNetworkSpec) {
			spec.Bridge.Managed = &v1alpha1.ManagedBridge{Ports: []v1alpha1.InterfaceName{testbed.NodeNIC}}
			edit(spec.Bridge.Managed)
		}
	}
	macvlan := func(master string, mode v1alpha1.MacvlanMode, resource string) v1alpha1.WukongNetworkSpec {
		return v1alpha1.WukongNetworkSpec{
			Type:    v1alpha1.NetworkTypeMacvlan,
			Macvlan: &v1alpha1.MacvlanNetwork{Master: master, Mode: mode, ResourceName: resource},
		}
	}
	virtual := func(edit func(*v1alpha1.SRIOVNetwork)) v1alpha1.WukongNetworkSpec {
		functions := &v1alpha1.SRIOVNetwork{ResourceName: "openshift.io/fast"}
		edit(functions)
		return v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeSRIOV, SRIOV: functions}
	}
	attachment := func(namespace, name string) v1alpha1.WukongNetworkSpec {
		return v1alpha1.WukongNetworkSpec{
			Type:                        v1alpha1.NetworkTypeAttachment,
			NetworkAttachmentDefinition: &v1alpha1.AttachmentReference{Namespace: namespace, Name: name},
		}
	}
	nothing := func(*v1alpha1.ManagedBridge) {}
	asAdministrator := func(spec v1alpha1.WukongNetworkSpec) v1alpha1.WukongNetworkSpec {
		spec.HostAccess = v1alpha1.HostAccessUnrestricted
		return spec
	}
	const (
		denied       = "may not use"
		unrestricted = "nor change a network that has it"
		word         = "set hostAccess: Unrestricted, or leave"
	)
	return map[string]wayToANode{
		"another bridge":                   {bridge("br-storage"), denied},
		"the permitted bridge as a trunk":  {bridge("br-office"), "bridge br-office without a VLAN"},
		"another VLAN of it":               {bridge("br-office", vlan(200)), "bridge br-office with VLAN 200"},
		"the VLAN before its range":        {bridge("br-office", vlan(99)), "bridge br-office with VLAN 99"},
		"a bridge on the node's interface": {bridge("br-mine", managed(nothing)), word},
		"its address moved to a bridge": {
			bridge("br-mine", managed(func(m *v1alpha1.ManagedBridge) { m.KeepHostAddress = ptr.To(true) })), word,
		},
		"the MTU of the node's interface": {
			bridge("br-mine", managed(func(m *v1alpha1.ManagedBridge) {
				m.UplinkVLAN, m.MTU = ptr.To[int32](100), ptr.To[int32](576)
			})), word,
		},
		"a bridge of the node taken over": {
			bridge("br-storage", managed(func(m *v1alpha1.ManagedBridge) { m.Adopt = ptr.To(true) })), word,
		},
		"the node's interface": {macvlan(testbed.NodeNIC, "", ""),
			"interface " + testbed.NodeNIC + " in mode Bridge"},
		"the node's interface alone": {macvlan(testbed.NodeNIC, v1alpha1.MacvlanPassthru, ""),
			"interface " + testbed.NodeNIC + " in mode Passthru"},
		"a VLAN interface of the node":       {macvlan(testbed.NodeNIC+".100", "", ""), denied},
		"a device of the node by its plugin": {macvlan("eth9", "", "lab.example/host"), "as lab.example/host"},
		"virtual functions": {virtual(func(*v1alpha1.SRIOVNetwork) {}),
			"SR-IOV resource openshift.io/fast without a VLAN"},
		"virtual functions that may do all": {
			virtual(func(s *v1alpha1.SRIOVNetwork) { s.Trust = ptr.To(true) }), word,
		},
		"virtual functions that may be others": {
			virtual(func(s *v1alpha1.SRIOVNetwork) { s.SpoofCheck = ptr.To(false) }), word,
		},
		"an Open vSwitch bridge": {v1alpha1.WukongNetworkSpec{
			Type: v1alpha1.NetworkTypeOVS, OVS: &v1alpha1.OVSNetwork{Bridge: "br-int"}},
			"Open vSwitch bridge br-int without a VLAN"},
		"an attachment of another namespace": {attachment("kube-system", "storage"),
			"NetworkAttachmentDefinition kube-system/storage"},
		"addresses of another segment": {
			bridge("br-office", vlan(150), func(s *v1alpha1.WukongNetworkSpec) { s.Segment = "bridge" }), word,
		},
		"all of it as an administrator": {asAdministrator(bridge("br-mine", managed(nothing))), unrestricted},
		"a bridge as an administrator":  {asAdministrator(bridge("br-storage")), unrestricted},
		"an interface as an administrator": {asAdministrator(macvlan(testbed.NodeNIC, v1alpha1.MacvlanPassthru, "")),
			unrestricted},
	}
}

func networkOf(namespace string, spec v1alpha1.WukongNetworkSpec) *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mine"}, Spec: *spec.DeepCopy(),
	}
}

func machineOn(namespace string, spec v1alpha1.WukongNetworkSpec) *v1alpha1.WukongVM {
	return builder.VM(namespace, "mine", builder.Networks(v1alpha1.VMNetwork{
		Name: "lan", Template: &v1alpha1.NetworkTemplate{Spec: *spec.DeepCopy()},
	}))
}

// editorOf is somebody with the role edit in one namespace, as the chart extends it.
func editorOf(t *testing.T, namespace string) client.Client {
	t.Helper()
	const name = "tenant"
	cluster.Make(t, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "edit"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
	})
	config := rest.CopyConfig(cluster.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: []string{"system:authenticated"}}
	editor, err := client.New(config, client.Options{Scheme: cluster.Scheme()})
	require.NoError(t, err)
	harness.Until(t, harness.CauseOther, patience, "the role is granted", func(ctx context.Context) string {
		if err := editor.Create(ctx, builder.VM(namespace, "probe"), client.DryRunAll); err != nil {
			return err.Error()
		}
		return ""
	})
	return editor
}

// permit replaces what the cluster permits, until the test ends.
func permit(t *testing.T, permitted []v1alpha1.PermittedHostNetwork) {
	t.Helper()
	policy := &v1alpha1.WukongHostNetworkPolicy{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKey{Name: v1alpha1.HostNetworkPolicyName}, policy))
	before := policy.DeepCopy()
	policy.Spec.Permitted = permitted
	require.NoError(t, cluster.Patch(t.Context(), policy, client.MergeFrom(before)))
	t.Cleanup(func() {
		now := policy.DeepCopy()
		now.Spec.Permitted = before.Spec.Permitted
		require.NoError(t, cluster.Patch(context.Background(), now, client.MergeFrom(policy)))
	})
}

func foreign(version, kind, namespace string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": version, "kind": kind}}
	object.SetNamespace(namespace)
	object.SetName("mine")
	return object
}
