//go:build controlplane

package wukongnetwork_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/hostaccess"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// hostRow is a network, and the refusal that a tenant gets; empty when it is permitted.
type hostRow struct {
	name    string
	spec    v1alpha1.WukongNetworkSpec
	refused string
}

func bridgeSpec(name string, vlan int32) v1alpha1.WukongNetworkSpec {
	spec := v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: name}}
	if vlan > 0 {
		spec.Bridge.VLAN = &vlan
	}
	return spec
}

func macvlanSpec(master string, mode v1alpha1.MacvlanMode, resource string) v1alpha1.WukongNetworkSpec {
	return v1alpha1.WukongNetworkSpec{
		Type:    v1alpha1.NetworkTypeMacvlan,
		Macvlan: &v1alpha1.MacvlanNetwork{Master: master, Mode: mode, ResourceName: resource},
	}
}

func ovsSpec(bridge string, vlan int32) v1alpha1.WukongNetworkSpec {
	spec := v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeOVS, OVS: &v1alpha1.OVSNetwork{Bridge: bridge}}
	if vlan > 0 {
		spec.OVS.VLAN = &vlan
	}
	return spec
}

func sriovSpec(resource string, vlan int32) v1alpha1.WukongNetworkSpec {
	spec := v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeSRIOV,
		SRIOV: &v1alpha1.SRIOVNetwork{ResourceName: resource}}
	if vlan > 0 {
		spec.SRIOV.VLAN = &vlan
	}
	return spec
}

func attachmentSpec(namespace, name string) v1alpha1.WukongNetworkSpec {
	return v1alpha1.WukongNetworkSpec{
		Type:                        v1alpha1.NetworkTypeAttachment,
		NetworkAttachmentDefinition: &v1alpha1.AttachmentReference{Namespace: namespace, Name: name},
	}
}

// permittedTo returns what the administrators of these tests permit a namespace, partly by its name and partly by its
// labels.
func permittedTo(namespace string) []v1alpha1.PermittedHostNetwork {
	byName := []v1alpha1.NamespaceNameOrAll{v1alpha1.NamespaceNameOrAll(namespace)}
	team := map[string]string{"team": namespace}
	return []v1alpha1.PermittedHostNetwork{
		{Name: "office", Namespaces: byName, Bridges: []v1alpha1.InterfaceName{"br-office"},
			VLANs: []v1alpha1.VLANRange{{First: 100, Last: ptr.To[int32](199)}, {First: 300}}},
		{Name: "plain", NamespaceLabels: team, Bridges: []v1alpha1.InterfaceName{"br-plain"}},
		{Name: "both", NamespaceLabels: team, Bridges: []v1alpha1.InterfaceName{"br-both"},
			OVSBridges:     []v1alpha1.InterfaceName{"ovs0"},
			SRIOVResources: []v1alpha1.ResourceName{"openshift.io/fast"}, VLANs: []v1alpha1.VLANRange{{First: 5}},
			Untagged: ptr.To(true)},
		{Name: "wires", Namespaces: byName, Macvlan: []v1alpha1.PermittedMacvlan{
			{Master: "eth2"}, {Master: "eth3", Modes: []v1alpha1.MacvlanMode{v1alpha1.MacvlanPassthru}},
			{Master: "eth4", ResourceName: "lab.example/eth4"},
		}},
		{Name: "shared", NamespaceLabels: map[string]string{"team": namespace, "tier": "gold"},
			Attachments: []v1alpha1.NamespacedName{"infra/gold"}},
		{Name: "infra", Namespaces: byName, Attachments: []v1alpha1.NamespacedName{"infra/lan"}},
		{Name: "others", Namespaces: []v1alpha1.NamespaceNameOrAll{"others"}, Everything: ptr.To(true)},
	}
}

// hostRows are the networks that a tenant may ask for.
func hostRows(namespace string) []hostRow {
	no := func(what string) string {
		return "namespace " + namespace + " may not use " + what +
			": WukongHostNetworkPolicy cluster does not permit it"
	}
	return []hostRow{
		{"a VLAN in a range", bridgeSpec("br-office", 150), ""},
		{"a range of one", bridgeSpec("br-office", 300), ""},
		{"a bridge without a VLAN", bridgeSpec("br-plain", 0), ""},
		{"untagged beside VLANs", bridgeSpec("br-both", 0), ""},
		{"an Open vSwitch bridge", ovsSpec("ovs0", 5), ""},
		{"virtual functions", sriovSpec("openshift.io/fast", 5), ""},
		{"an interface", macvlanSpec("eth2", "", ""), ""},
		{"a whole interface", macvlanSpec("eth3", v1alpha1.MacvlanPassthru, ""), ""},
		{"an interface by its plugin's name", macvlanSpec("eth4", "", "lab.example/eth4"), ""},
		{"an attachment of its own", attachmentSpec("", "lan"), ""},
		{"an attachment of its own, by its namespace", attachmentSpec(namespace, "lan"), ""},
		{"an attachment that is permitted", attachmentSpec("infra", "lan"), ""},
		{"the pod network", v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod}, ""},

		{"another bridge", bridgeSpec("br-storage", 0), no("bridge br-storage without a VLAN")},
		{"another VLAN", bridgeSpec("br-office", 200), no("bridge br-office with VLAN 200")},
		{"the VLAN below", bridgeSpec("br-office", 99), no("bridge br-office with VLAN 99")},
		{"the whole trunk", bridgeSpec("br-office", 0), no("bridge br-office without a VLAN")},
		{"a VLAN where none is permitted", bridgeSpec("br-plain", 100), no("bridge br-plain with VLAN 100")},
		{"a VLAN of another entry", bridgeSpec("br-both", 150), no("bridge br-both with VLAN 150")},
		{"a bridge as an Open vSwitch bridge", ovsSpec("br-office", 150),
			no("Open vSwitch bridge br-office with VLAN 150")},
		{"another Open vSwitch bridge", ovsSpec("ovs1", 0), no("Open vSwitch bridge ovs1 without a VLAN")},
		{"other virtual functions", sriovSpec("openshift.io/storage", 5),
			no("SR-IOV resource openshift.io/storage with VLAN 5")},
		{"the node's main interface", macvlanSpec("eth0", "", ""), no("interface eth0 in mode Bridge")},
		{"a shared interface as a whole", macvlanSpec("eth2", v1alpha1.MacvlanPassthru, ""),
			no("interface eth2 in mode Passthru")},
		{"a whole interface shared", macvlanSpec("eth3", "", ""), no("interface eth3 in mode Bridge")},
		{"another device under a permitted name", macvlanSpec("eth2", "", "lab.example/eth0"),
			no("interface eth2 in mode Bridge as lab.example/eth0")},
		{"an attachment of another namespace", attachmentSpec("infra", "storage"),
			no("NetworkAttachmentDefinition infra/storage")},
		{"a label too few", attachmentSpec("infra", "gold"), no("NetworkAttachmentDefinition infra/gold")},
	}
}

// A1: a tenant with the role edit uses what is permitted to the namespace, by a network and by the template of a
// WukongVM, and gets a reason for each refusal. Admission and the controller agree in every row, word for word.
func TestA1TenantsUseWhatIsPermitted(t *testing.T) {
	f := networks{testkit.New(t)}
	tenant := f.tenant()
	policy := &v1alpha1.WukongHostNetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.HostNetworkPolicyName},
		Spec:       v1alpha1.WukongHostNetworkPolicySpec{Permitted: permittedTo(f.Namespace)},
	}
	f.permit(policy.Spec.Permitted)
	f.untilRefused(tenant)
	for _, row := range hostRows(f.Namespace) {
		t.Run(row.name, func(t *testing.T) {
			network := &v1alpha1.WukongNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "lan"},
				Spec: row.spec}
			refusal := hostaccess.Refusal(network, map[string]string{"team": f.Namespace}, policy)
			vm := builder.VM(f.Namespace, "web", builder.Networks(v1alpha1.VMNetwork{
				Name: "lan", Template: &v1alpha1.NetworkTemplate{Spec: row.spec},
			}))
			for _, object := range []client.Object{network, vm} {
				err := tenant.Create(t.Context(), object, client.DryRunAll)
				if row.refused == "" {
					assert.NoError(t, err)
					continue
				}
				require.True(t, apierrors.IsForbidden(err), "%v", err)
				assert.ErrorContains(t, err, refusal)
			}
			if row.refused == "" {
				assert.Empty(t, refusal)
			} else {
				assert.Contains(t, refusal, row.refused)
			}
		})
	}
}

// A1: only administrators may change the nodes, whatever is permitted. A tenant may keep and delete what an
// administrator created, but not change it.
func TestA1WhatChangesNodesIsForAdministrators(t *testing.T) {
	f := networks{testkit.New(t)}
	tenant := f.tenant()
	f.permit([]v1alpha1.PermittedHostNetwork{{
		Name: "all", Namespaces: []v1alpha1.NamespaceNameOrAll{v1alpha1.NamespaceNameOrAll(f.Namespace)},
		Everything: ptr.To(true),
	}})
	managed := bridgeSpec("br-lan", 0)
	managed.Bridge.Managed = &v1alpha1.ManagedBridge{Ports: []v1alpha1.InterfaceName{"eth0"},
		KeepHostAddress: ptr.To(true)}
	trusted := sriovSpec("openshift.io/fast", 5)
	trusted.SRIOV.Trust = ptr.To(true)
	unchecked := sriovSpec("openshift.io/fast", 5)
	unchecked.SRIOV.SpoofCheck = ptr.To(false)
	segment := bridgeSpec("br-lan", 0)
	segment.Segment = "campus"
	for name, spec := range map[string]v1alpha1.WukongNetworkSpec{
		"a managed bridge": managed, "trust": trusted, "spoofCheck": unchecked, "segment": segment,
		"nothing of it": bridgeSpec("br-lan", 0),
	} {
		t.Run(name, func(t *testing.T) {
			network := &v1alpha1.WukongNetwork{
				ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "lan"}, Spec: spec,
			}
			if name != "nothing of it" {
				assert.ErrorContains(t, tenant.Create(t.Context(), network, client.DryRunAll),
					"set hostAccess: Unrestricted, or leave")
			}
			network.Spec.HostAccess = v1alpha1.HostAccessUnrestricted
			vm := builder.VM(f.Namespace, "web", builder.Networks(v1alpha1.VMNetwork{
				Name: "lan", Template: &v1alpha1.NetworkTemplate{Spec: network.Spec},
			}))
			for _, object := range []client.Object{network, vm} {
				err := tenant.Create(t.Context(), object, client.DryRunAll)
				assert.True(t, apierrors.IsForbidden(err), "%v", err)
				assert.ErrorContains(t, err,
					"tenant may not set hostAccess: Unrestricted, nor change a network that has it")
				assert.NoError(t, f.Client.Create(t.Context(), object, client.DryRunAll), "an administrator")
			}
		})
	}
	network := &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "lan"}, Spec: segment,
	}
	network.Spec.HostAccess = v1alpha1.HostAccessUnrestricted
	f.Create(network)
	patch := func(object client.Object, change string) error {
		return tenant.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(change)),
			client.DryRunAll)
	}
	assert.NoError(t, patch(network, `{"metadata":{"labels":{"mine":"yes"}}}`))
	assert.ErrorContains(t, patch(network, `{"spec":{"bridge":{"name":"br-storage"}}}`),
		"nor change a network that has it")
	assert.ErrorContains(t, patch(network, `{"spec":{"reservations":[{"address":"10.0.0.5","machineName":"a"}]}}`),
		"nor change a network that has it")
	assert.NoError(t, patch(network, `{"spec":{"hostAccess":null,"segment":null}}`),
		"it may become one of the permitted")
	assert.NoError(t, tenant.Delete(t.Context(), network, client.DryRunAll))

	template := &v1alpha1.NetworkTemplate{Spec: *segment.DeepCopy()}
	template.Spec.HostAccess = v1alpha1.HostAccessUnrestricted
	vm := builder.VM(f.Namespace, "web", builder.Networks(v1alpha1.VMNetwork{Name: "lan", Template: template}))
	f.Create(vm)
	assert.NoError(t, patch(vm, `{"spec":{"powerState":"Stopped"}}`), "a machine with it is otherwise its tenant's")
	copied := vm.DeepCopy()
	copied.Spec.Networks = append(copied.Spec.Networks, v1alpha1.VMNetwork{Name: "second", Template: template})
	err := tenant.Update(t.Context(), copied, client.DryRunAll)
	assert.ErrorContains(t, err, "nor change a network that has it", "a copy of the template is another network")
}

// A1: a withdrawn permission keeps guests from starting and deletes the attachment. When it is granted again, all
// recovers. Labels of namespaces count.
func TestA1APermissionThatIsTakenBack(t *testing.T) {
	f, _ := start(t)
	office := func(labels map[string]string) []v1alpha1.PermittedHostNetwork {
		return []v1alpha1.PermittedHostNetwork{
			{Name: "office", NamespaceLabels: labels, Bridges: []v1alpha1.InterfaceName{"br0"}}}
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.Namespace}}
	f.Patch(namespace, fmt.Sprintf(`{"metadata":{"labels":{"team":%q}}}`, f.Namespace))
	f.permit(office(map[string]string{"team": f.Namespace}))
	network := f.newNetwork("lan", func(*v1alpha1.WukongNetworkSpec) {})
	f.Until(func() bool { return f.Client.Create(t.Context(), network) == nil },
		"the API server heeds a policy a moment after")
	f.waitReady(network)

	f.Patch(namespace, `{"metadata":{"labels":{"team":"another"}}}`)
	f.waitDenied(network, "namespace "+f.Namespace+" may not use bridge br0 without a VLAN")
	f.Until(func() bool { return !f.Has(f.attachment("lan")) })
	f.Until(func() bool { return testkit.Read(f, network.Name, &v1alpha1.WukongNetwork{}).Status.Attachment == "" })

	f.Patch(namespace, fmt.Sprintf(`{"metadata":{"labels":{"team":%q}}}`, f.Namespace))
	f.waitReady(network)
	f.permit(nil)
	f.waitDenied(network, "WukongHostNetworkPolicy cluster does not permit it")
	f.Remove(&v1alpha1.WukongHostNetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.HostNetworkPolicyName}})
	f.waitDenied(network, "there is no WukongHostNetworkPolicy cluster")
	f.permit(office(map[string]string{"team": f.Namespace}))
	f.waitReady(network)
	f.Until(func() bool { return f.Has(f.attachment("lan")) })
}

// tenant returns the client of a user with the role edit in the namespace of the test, whose label team is the
// namespace's name.
func (f networks) tenant() client.Client {
	f.Helper()
	f.Patch(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.Namespace}},
		fmt.Sprintf(`{"metadata":{"labels":{"team":%q}}}`, f.Namespace))
	f.Create(
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "edit"}, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"*"}, Verbs: []string{"*"}},
		}},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "tenant"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "edit"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "tenant"}},
		})
	config := rest.CopyConfig(f.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "tenant"}
	tenant, err := client.New(config, client.Options{Scheme: controllers.Scheme()})
	require.NoError(f, err)
	return tenant
}

// permit sets what is permitted in the cluster until the test ends.
func (f networks) permit(permitted []v1alpha1.PermittedHostNetwork) {
	f.Helper()
	policy := &v1alpha1.WukongHostNetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.HostNetworkPolicyName}}
	everything := []v1alpha1.PermittedHostNetwork{{
		Name: "all", Namespaces: []v1alpha1.NamespaceNameOrAll{v1alpha1.AllNamespaces}, Everything: ptr.To(true),
	}}
	f.Afterwards(func(ctx context.Context) { require.NoError(f, f.writePolicy(ctx, policy, everything)) })
	require.NoError(f, f.writePolicy(f.Context(), policy, permitted))
}

func (f networks) writePolicy(
	ctx context.Context, policy *v1alpha1.WukongHostNetworkPolicy, permitted []v1alpha1.PermittedHostNetwork,
) error {
	fresh := &v1alpha1.WukongHostNetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: policy.Name}}
	_, err := controllerutil.CreateOrUpdate(ctx, f.Client, fresh, func() error {
		fresh.Spec.Permitted = permitted
		return nil
	})
	return err
}

func (f networks) waitDenied(network *v1alpha1.WukongNetwork, message string) {
	f.Helper()
	testkit.Wait(f, network, metav1.ConditionFalse, v1alpha1.ReasonHostAccessDenied, message)
}

// untilRefused waits until the API server enforces the policy, which it watches.
func (f networks) untilRefused(tenant client.Client) {
	f.Helper()
	f.Until(func() bool {
		network := &v1alpha1.WukongNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "probe"},
			Spec: bridgeSpec("br-probe", 0)}
		return apierrors.IsForbidden(tenant.Create(f.Context(), network, client.DryRunAll))
	})
}
