package binding

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/internal/testkit/served"
)

// clusterOf is a cluster with some objects; err is its answer to each list, nil for the usual one.
func clusterOf(t *testing.T, err error, objects ...client.Object) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, kubevirtv1.AddToScheme(scheme))
	require.NoError(t, apiextensionsv1.AddToScheme(scheme))
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, inner client.WithWatch, list client.ObjectList,
			options ...client.ListOption) error {
			if err != nil {
				return err
			}
			return inner.List(ctx, list, options...)
		},
	}).Build()
}

// named is a KubeVirt of a namespace with plugins.
func named(namespace string, plugins ...string) client.Object {
	all := map[string]kubevirtv1.InterfaceBindingPlugin{}
	for _, plugin := range plugins {
		all[plugin] = kubevirtv1.InterfaceBindingPlugin{SidecarImage: "registry.example.com/" + plugin}
	}
	made := kubevirtWith(all)
	made.Namespace, made.Name = namespace, "kubevirt"
	return made
}

// A guest whose network needs a plugin that is not there would not start, and KubeVirt's message names no way out.
func TestWhetherAPluginIsRegistered(t *testing.T) {
	crd := served.Definition(dependency.KubeVirts)
	unset := keeptest.Object(&kubevirtv1.KubeVirt{}, KeepPlugins)
	unset.Namespace, unset.Name = "kubevirt", "kubevirt"
	for name, row := range map[string]struct {
		plugin     string
		objects    []client.Object
		registered bool
	}{
		"none is needed":            {"", nil, true},
		"KubeVirt is not installed": {Passt, nil, false},
		"KubeVirt is being removed": {Passt, []client.Object{named("kubevirt", Passt)}, false},
		"no KubeVirt yet":           {Passt, []client.Object{crd}, false},
		"no network configuration":  {Passt, []client.Object{crd, unset}, false},
		"no plugins":                {Passt, []client.Object{crd, named("kubevirt")}, false},
		"it is registered":          {Passt, []client.Object{crd, named("kubevirt", Macvtap, Passt)}, true},
		"another is registered":     {Passt, []client.Object{crd, named("kubevirt", Macvtap)}, false},
		"in one of two": {Macvtap,
			[]client.Object{crd, named("a", Passt), named("b", Macvtap)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := clusterOf(t, nil, row.objects...)
			registered, err := Registered(t.Context(), cluster, served.Registry(t, cluster), row.plugin)
			require.NoError(t, err)
			assert.Equal(t, row.registered, registered)
		})
	}
	cluster := clusterOf(t, errors.New("the cache is not synced"), crd)
	_, err := Registered(t.Context(), cluster, served.Registry(t, cluster), Passt)
	assert.EqualError(t, err, "list KubeVirt objects: the cache is not synced")
}

func TestWhichPluginANetworkNeeds(t *testing.T) {
	pod := func(binding v1alpha1.PodBinding) v1alpha1.WukongNetworkSpec {
		return v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod, Pod: &v1alpha1.PodNetwork{Binding: binding}}
	}
	macvlan := func(mode v1alpha1.MacvlanMode) v1alpha1.WukongNetworkSpec {
		return v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeMacvlan,
			Macvlan: &v1alpha1.MacvlanNetwork{Master: "eth1", Mode: mode}}
	}
	for name, row := range map[string]struct {
		spec   v1alpha1.WukongNetworkSpec
		plugin string
	}{
		"the pod network":            {v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod}, ""},
		"translated":                 {pod(v1alpha1.PodBindingMasquerade), ""},
		"by passt":                   {pod(v1alpha1.PodBindingPasst), Passt},
		"without a word":             {pod(""), ""},
		"a shared interface":         {macvlan(v1alpha1.MacvlanBridge), Macvtap},
		"a shared one, by default":   {macvlan(""), Macvtap},
		"an interface for one guest": {macvlan(v1alpha1.MacvlanPassthru), ""},
		"a bridge":                   {builder.NetworkSpec(builder.OnBridge("br0")), ""},
	} {
		assert.Equal(t, row.plugin, Plugin(&row.spec), name)
	}
	assert.Empty(t, PodPlugin(nil))
	assert.Equal(t, "KubeVirt has no network binding plugin passt; register it under "+
		"spec.configuration.network.binding of the KubeVirt object, and the object that uses it continues automatically",
		Missing(Passt))
}

// Plugins come and go while networks wait for them. All else of KubeVirt's configuration is no news.
func TestWhichChangesOfKubeVirtMatter(t *testing.T) {
	one, none := named("kubevirt", Passt), named("kubevirt")
	assert.True(t, Changed().Update(event.UpdateEvent{ObjectOld: one, ObjectNew: none}), "it was removed")
	assert.True(t, Changed().Create(event.CreateEvent{Object: one}))
	busy := one.DeepCopyObject().(*kubevirtv1.KubeVirt)
	busy.Labels, busy.Generation = map[string]string{"a": "b"}, 9
	assert.False(t, Changed().Update(event.UpdateEvent{ObjectOld: one, ObjectNew: busy}))
	assert.False(t, Changed().Update(event.UpdateEvent{ObjectOld: &kubevirtv1.VirtualMachine{}, ObjectNew: one}))
	full := &kubevirtv1.KubeVirt{}
	full.Spec.Configuration.NetworkConfiguration = &kubevirtv1.NetworkConfiguration{NetworkInterface: "bridge"}
	kept := keeptest.Object(full, KeepPlugins)
	assert.Nil(t, kept.Spec.Configuration.NetworkConfiguration, "nothing but plugins is kept")
}
