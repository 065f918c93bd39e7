//go:build controlplane

package controllers_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// A release that is limited to some namespaces lets all others be, and says of what it would need there why it cannot
// have it (issue A.5).
func TestA5AReleaseWorksInItsNamespacesAlone(t *testing.T) {
	f := testkit.New(t)
	elsewhere := f.Elsewhere()
	name := elsewhere.Namespace
	image := builder.Image(name, "debian", builder.ImageHTTP("http://images.example/debian.qcow2"),
		builder.ImageSize("1Gi"), builder.ImageCloneableFrom("*"))
	foreign := builder.Disk(name, "data", builder.Size("1Gi"))
	taken := heldAddress(name, "10.70.0.5")
	left := heldAddress(f.Namespace, "10.70.0.6")
	f.Create(image, foreign, taken, left)

	clone := builder.Disk(f.Namespace, "clone", builder.Size("1Gi"), builder.FromImage(name, "debian"))
	own := builder.Disk(f.Namespace, "data", builder.Size("1Gi"))
	managed := builder.Network(f.Namespace, "office", builder.OnBridge("br-office"), builder.Unrestricted,
		builder.Managed(0, "ens9"))
	shared := builder.Network(f.Namespace, "shared", builder.ExistingAttachment(name, "lan"))
	f.Create(clone, own, managed, shared)
	f.Simulate()
	f.LimitedTo(f.Namespace).StartManager()

	testkit.Wait(f, own, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	testkit.Wait(f, clone, metav1.ConditionFalse, v1alpha1.ReasonCloneNotGranted,
		"the release of Wukong for namespace "+f.Namespace+" does not work in namespace "+name)
	testkit.Wait(f, managed, metav1.ConditionFalse, v1alpha1.ReasonHostAccessDenied,
		"changes no nodes: remove bridge.managed")
	testkit.Wait(f, shared, metav1.ConditionFalse, v1alpha1.ReasonHostAccessDenied,
		"does not see NetworkAttachmentDefinition lan there")
	f.Until(func() bool { return !f.Has(left) }, "an address of a machine that never was is let go")
	f.Never(func() bool { return !f.Has(taken) }, 2*time.Second,
		"who does not see the machine of an address must not let it go")
	require.NoError(t, f.Client.Get(t.Context(), client.ObjectKeyFromObject(foreign), foreign))
	assert.Empty(t, foreign.Status, "a disk of another namespace")
}

// heldAddress is held by a machine that does not exist.
func heldAddress(namespace, address string) *v1alpha1.WukongAddress {
	return &v1alpha1.WukongAddress{
		ObjectMeta: metav1.ObjectMeta{Name: addresslock.Name(namespace, netip.MustParseAddr(address))},
		Spec: v1alpha1.WukongAddressSpec{
			Segment: namespace, Address: v1alpha1.IPAddress(address),
			Holder:  v1alpha1.AddressHolder{Namespace: namespace, Name: "web", UID: "2c7e4b0e", InterfaceName: "lan"},
			Network: v1alpha1.AddressNetwork{Namespace: namespace, Name: "lan"},
		},
	}
}

// With a namespace its Roles are deleted. What is left there does not keep the release from its work in the others.
func TestA5ANamespaceWithoutRightsStopsNoOther(t *testing.T) {
	f := testkit.New(t)
	config, _ := f.As()
	_, err := controllers.FindGrants(t.Context(), config, []string{f.Namespace, "gone"})
	require.ErrorContains(t, err, "no right to read in any of the namespaces")
	_, err = controllers.FindGrants(t.Context(), config, []string{"Lab"})
	require.ErrorContains(t, err, `"Lab" is not the name of a namespace`)

	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "reader"},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"wukongs"}, Verbs: []string{"list"}},
		},
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "reader"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: f.UserName()}},
	}
	f.Create(role, binding)
	f.Eventually(func(now *testkit.Attempt) {
		grants, err := controllers.FindGrants(t.Context(), config, []string{f.Namespace, "gone"})
		require.NoError(now, err)
		assert.Equal(now, []string{f.Namespace}, grants.Namespaces)
	})
	all, err := controllers.FindGrants(t.Context(), config, nil)
	require.NoError(t, err)
	assert.Empty(t, all.Namespaces, "a release for all")
}
