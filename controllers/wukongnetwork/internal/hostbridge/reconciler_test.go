package hostbridge

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nmstate/kubernetes-nmstate/api/shared"
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/internal/testkit/served"
)

// cluster is an API server with NMState. It lists what is written, and answers to reads and deletions by an error.
type cluster struct {
	client.WithWatch
	*Reconciler
	writes                []string
	deletions             []client.DeleteOptions
	unreadable, undeleted error
}

func newCluster(t *testing.T, apis []dependency.API, objects ...client.Object) *cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, apiextensionsv1.AddToScheme,
		v1alpha1.AddToScheme, nmstatev1.AddToScheme, nmstatev1beta1.AddToScheme} {
		require.NoError(t, add(scheme))
	}
	for _, api := range apis {
		objects = append(objects, served.Definition(api))
	}
	made := &cluster{}
	byBridge := index.Of(&v1alpha1.WukongNetwork{}, index.NetworkByBridge)[0]
	made.WithWatch = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithIndex(byBridge.Of, byBridge.Field, byBridge.Keys).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, inner client.WithWatch, list client.ObjectList,
			options ...client.ListOption) error {
			if made.unreadable != nil {
				return made.unreadable
			}
			return inner.List(ctx, list, options...)
		},
		Patch: func(ctx context.Context, inner client.WithWatch, obj client.Object, patch client.Patch,
			options ...client.PatchOption) error {
			made.writes = append(made.writes, "apply "+obj.GetName())
			return inner.Patch(ctx, obj, patch, options...)
		},
		Delete: func(ctx context.Context, inner client.WithWatch, obj client.Object,
			options ...client.DeleteOption) error {
			applied := client.DeleteOptions{}
			applied.ApplyOptions(options)
			made.writes, made.deletions = append(made.writes, "delete "+obj.GetName()), append(made.deletions, applied)
			if made.undeleted != nil {
				return made.undeleted
			}
			return inner.Delete(ctx, obj, options...)
		},
	}).Build()
	made.Reconciler = &Reconciler{client: made.WithWatch, dependencies: served.Registry(t, made.WithWatch),
		applier: &apply.Applier{Client: made.WithWatch, FieldManager: fieldManager}}
	return made
}

// pass runs a pass over bridge br1, and returns what it wrote.
func (c *cluster) pass(t *testing.T) []string {
	t.Helper()
	c.writes = nil
	request := reconcile.Request{}
	request.Name = "br1"
	_, err := c.Reconcile(t.Context(), request)
	require.NoError(t, err)
	return c.writes
}

func (c *cluster) policy(t *testing.T) *nmstatev1.NodeNetworkConfigurationPolicy {
	t.Helper()
	found := &nmstatev1.NodeNetworkConfigurationPolicy{}
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Name: "wukong-br1"}, found))
	return found
}

// host is a node, and what NMState reports about it.
func host(name string, labels map[string]string, text string) []client.Object {
	one := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	one.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	state := &nmstatev1beta1.NodeNetworkState{ObjectMeta: metav1.ObjectMeta{Name: name}}
	state.Status.CurrentState.Raw = []byte(text)
	return []client.Object{keeptest.Object(one, KeepNode), keeptest.Object(state, KeepState)}
}

// enactedOn is how far a node is with the policy of br1.
func enactedOn(name string, generation int64) *nmstatev1beta1.NodeNetworkConfigurationEnactment {
	result := &nmstatev1beta1.NodeNetworkConfigurationEnactment{}
	result.Name = shared.EnactmentKey(name, "wukong-br1").Name
	result.Status.PolicyGeneration = generation
	result.Status.Conditions.Set(available, corev1.ConditionTrue, "Reason", "")
	return keeptest.Object(result, KeepEnactment)
}

// The bridge is made for the first network, kept for the second, withdrawn after the last, and only then forgotten.
func TestTheLifeOfABridge(t *testing.T) {
	first, second := network("first", time.Hour, managed()), network("second", time.Minute, nil)
	cluster := newCluster(t, APIs, append(host("n1", nil, plain), &first, &second)...)
	assert.Equal(t, []string{"apply wukong-br1"}, cluster.pass(t))
	made := cluster.policy(t)
	assert.Equal(t, v1alpha1.LabelManagedByValue, made.Labels[v1alpha1.LabelManagedBy])
	assert.Equal(t, "br1", made.Labels[v1alpha1.LabelHostBridge])
	assert.Empty(t, made.OwnerReferences, "networks of several namespaces share it")
	assert.Empty(t, cluster.pass(t), "settled")

	require.NoError(t, cluster.Delete(t.Context(), &first))
	assert.Empty(t, cluster.pass(t), "the other network still uses the bridge")
	require.NoError(t, cluster.Delete(t.Context(), &second))
	assert.Equal(t, []string{"apply wukong-br1"}, cluster.pass(t))
	assert.True(t, withdrawing(cluster.policy(t)))
	assert.Empty(t, cluster.pass(t), "NMState has not removed it: without the policy it would stay for ever")

	require.NoError(t, cluster.Create(t.Context(), enactedOn("n1", 0)))
	gone := cluster.policy(t)
	assert.Equal(t, []string{"delete wukong-br1"}, cluster.pass(t))
	require.Len(t, cluster.deletions, 3, "two networks, and the policy")
	assert.Equal(t, &client.Preconditions{UID: &gone.UID, ResourceVersion: &gone.ResourceVersion}, &client.Preconditions{
		UID:             cluster.deletions[2].Preconditions.UID,
		ResourceVersion: cluster.deletions[2].Preconditions.ResourceVersion,
	}, "a network that came meanwhile keeps its bridge")
	assert.Empty(t, cluster.pass(t))
}

// A network that comes while the bridge is withdrawn gets it back.
func TestABridgeThatIsWantedAgain(t *testing.T) {
	first := network("first", time.Hour, managed())
	cluster := newCluster(t, APIs, append(host("n1", nil, plain), &first)...)
	cluster.pass(t)
	before := cluster.policy(t).Spec
	require.NoError(t, cluster.Delete(t.Context(), &first))
	cluster.pass(t)
	again := network("again", 0, managed())
	require.NoError(t, cluster.Create(t.Context(), &again))
	assert.Equal(t, []string{"apply wukong-br1"}, cluster.pass(t))
	assert.Equal(t, string(before.DesiredState.Raw), string(cluster.policy(t).Spec.DesiredState.Raw))
	assert.Empty(t, cluster.pass(t))
}

func TestABridgeThatIsNotTouched(t *testing.T) {
	unmanaged := present(t, managed(vlan(7)), nil)
	one := network("lan", time.Hour, managed())
	for name, row := range map[string]struct {
		apis    []dependency.API
		objects []client.Object
	}{
		"NMState is missing":      {nil, append(host("n1", nil, plain), &one)},
		"a part of it is missing": {APIs[:2], append(host("n1", nil, plain), &one)},
		"an administrator has the policy": {APIs,
			append(host("n1", nil, plain), &one, unmanaged)},
		"a node would lose its address": {APIs,
			slices.Concat(host("n1", nil, plain), host("n2", nil, addressed), []client.Object{&one})},
		"a node is not reported":                        {APIs, append(host("n1", nil, plain)[:1], &one)},
		"no network uses it":                            {APIs, host("n1", nil, plain)},
		"no network uses it, and a policy has the name": {APIs, append(host("n1", nil, plain), unmanaged.DeepCopy())},
	} {
		t.Run(name, func(t *testing.T) { assert.Empty(t, newCluster(t, row.apis, row.objects...).pass(t)) })
	}
}

// Only nodes that the selector names decide, and they are in one order: else each pass could report another.
func TestWhichNodesAreObserved(t *testing.T) {
	zone := map[string]string{"zone": "a"}
	one := network("lan", time.Hour, managed(func(bridge *v1alpha1.ManagedBridge) { bridge.NodeSelector = zone }))
	objects := slices.Concat(host("n3", zone, plain), host("n1", zone, plain), host("n2", nil, addressed),
		host("n4", map[string]string{"zone": "b"}, addressed), []client.Object{&one, enactedOn("n3", 0)})
	observe := func(objects []client.Object) *Observation {
		cluster := newCluster(t, APIs, objects...)
		observed, err := Observe(t.Context(), cluster.WithWatch, cluster.dependencies, "br1")
		require.NoError(t, err)
		return observed
	}
	observed := observe(objects)
	require.Len(t, observed.nodes, 2)
	assert.Equal(t, []string{"n1", "n3"}, []string{observed.nodes[0].name, observed.nodes[1].name})
	assert.Nil(t, observed.nodes[0].enactment)
	assert.NotNil(t, observed.nodes[1].enactment)
	slices.Reverse(objects)
	assert.Equal(t, observed.Verdict(&one), observe(objects).Verdict(&one))

	none := observe([]client.Object{&one}).Verdict(&one)
	assert.Equal(t, v1alpha1.ReasonNodeFeatureMissing, none.Reason)
	assert.Equal(t, "no node has the labels that bridge.managed.nodeSelector of bridge br1 asks for", none.Message)
	missing := newCluster(t, APIs[:1], append(objects, host("n5", zone, plain)...)...)
	found, err := Observe(t.Context(), missing.WithWatch, missing.dependencies, "br1")
	require.NoError(t, err)
	assert.Equal(t, &APIs[1], found.Missing, "of several, the first: else the message could alternate")
}

func TestErrorsOfAPassOverABridge(t *testing.T) {
	request := reconcile.Request{}
	request.Name = "br1"
	one := network("lan", time.Hour, managed())
	cluster := newCluster(t, APIs, append(host("n1", nil, plain), &one)...)
	cluster.unreadable = errors.New("connection refused")
	_, err := cluster.Reconcile(t.Context(), request)
	require.EqualError(t, err, "list the networks of bridge br1: connection refused")
	assert.Empty(t, cluster.everyBridge(t.Context(), nil), "the next change of a node asks again")

	policies := nmstatev1.GroupVersion.WithResource("nodenetworkconfigurationpolicies").GroupResource()
	for name, row := range map[string]struct {
		answer error
		fails  bool
	}{
		"deleted already":      {apierrors.NewNotFound(policies, "wukong-br1"), false},
		"changed meanwhile":    {apierrors.NewConflict(policies, "wukong-br1", errors.New("modified")), true},
		"a policy forbids it":  {apierrors.NewForbidden(policies, "wukong-br1", errors.New("policy")), true},
		"the API server fails": {apierrors.NewInternalError(errors.New("etcd")), true},
	} {
		t.Run(name, func(t *testing.T) {
			adoptedPolicy := present(t, managed(adopt), nil)
			adoptedPolicy.Labels[v1alpha1.LabelManagedBy] = v1alpha1.LabelManagedByValue
			cluster := newCluster(t, APIs, append(host("n1", nil, ours), adoptedPolicy)...)
			cluster.undeleted = row.answer
			_, err := cluster.Reconcile(t.Context(), request)
			assert.Equal(t, []string{"delete wukong-br1"}, cluster.writes, "what was adopted is not withdrawn")
			if !row.fails {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, row.answer)
			assert.ErrorContains(t, err, "delete NodeNetworkConfigurationPolicy wukong-br1: ")
		})
	}
}

// A change of a node concerns every bridge that is managed, or still has to be withdrawn.
func TestWhichBridgesANodeConcerns(t *testing.T) {
	managing, using := network("lan", time.Hour, managed()), network("guest", time.Hour, nil)
	twin := network("twin", time.Hour, managed())
	using.Spec.Bridge.Name = "br2"
	pods := v1alpha1.WukongNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "pods"},
		Spec: v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod}}
	left, foreign := present(t, managed(), nil), present(t, managed(), nil)
	left.Name, left.Labels[v1alpha1.LabelManagedBy] = "wukong-br3", v1alpha1.LabelManagedByValue
	foreign.Name = "wukong-br4"
	objects := []client.Object{&managing, &using, &twin, &pods, left, foreign}
	names := func(cluster *cluster) (found []string) {
		for _, request := range cluster.everyBridge(t.Context(), nil) {
			found = append(found, request.Name)
		}
		return found
	}
	assert.ElementsMatch(t, []string{"br1", "br3"}, names(newCluster(t, APIs, objects...)))
	assert.ElementsMatch(t, []string{"br1"}, names(newCluster(t, nil, objects...)), "without NMState: no policies")
	assert.Empty(t, names(newCluster(t, APIs)))
}

// What networks ask of one bridge is compared by what it means.
func TestWhichSettingsAreAlike(t *testing.T) {
	with := func(change func(*v1alpha1.ManagedBridge)) *v1alpha1.ManagedBridge { return managed(change) }
	bond := func(change func(*v1alpha1.Bond)) *v1alpha1.ManagedBridge {
		return managed(bonded, func(bridge *v1alpha1.ManagedBridge) { change(bridge.Bond) })
	}
	for name, row := range map[string]struct {
		one, two *v1alpha1.ManagedBridge
		alike    bool
	}{
		"the same":                  {managed(), managed(), true},
		"a default that is spelled": {managed(), managed(mtu(0), vlan(0)), true},
		"false that is spelled": {managed(),
			with(func(b *v1alpha1.ManagedBridge) { b.Adopt = ptr.To(false) }), true},
		"an empty selector": {managed(),
			with(func(b *v1alpha1.ManagedBridge) { b.NodeSelector = map[string]string{} }), true},
		"another MTU":       {managed(mtu(1500)), managed(mtu(9000)), false},
		"an MTU and none":   {managed(), managed(mtu(1500)), false},
		"another VLAN":      {managed(vlan(1)), managed(vlan(2)), false},
		"keepHostAddress":   {managed(), managed(keep), false},
		"adopt":             {managed(), managed(adopt), false},
		"a bond and a port": {managed(), managed(bonded), false},
		"bonds":             {managed(bonded), managed(bonded), true},
		"bonds of another mode": {managed(bonded),
			bond(func(b *v1alpha1.Bond) { b.Mode = "active-backup" }), false},
		"bonds of another name": {managed(bonded),
			bond(func(b *v1alpha1.Bond) { b.Name = "bond2" }), false},
		"ports of a bond, by order": {managed(bonded),
			bond(func(b *v1alpha1.Bond) { slices.Reverse(b.Ports) }), true},
		"a port of a bond is missing": {managed(bonded),
			bond(func(b *v1alpha1.Bond) { b.Ports = b.Ports[:1] }), false},
		"other nodes": {managed(),
			with(func(b *v1alpha1.ManagedBridge) { b.NodeSelector = map[string]string{"a": "b"} }), false},
		"one more port": {managed(),
			with(func(b *v1alpha1.ManagedBridge) { b.Ports = append(b.Ports, "eth2") }), false},
	} {
		first, second := row.one.DeepCopy(), row.two.DeepCopy()
		assert.Equal(t, row.alike, alike(row.one, row.two), name)
		assert.Equal(t, row.alike, alike(row.two, row.one), name)
		assert.Equal(t, []*v1alpha1.ManagedBridge{first, second}, []*v1alpha1.ManagedBridge{row.one, row.two},
			"%s: objects of the cache are not changed", name)
	}
}
