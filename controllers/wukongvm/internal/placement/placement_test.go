package placement

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// TestSchedulingTypesMatchCore walks our bounded copies beside the core types: each of our fields must exist there,
// with the same JSON name and a type that JSON carries over.
func TestSchedulingTypesMatchCore(t *testing.T) {
	for _, pair := range []struct{ ours, core any }{
		{v1alpha1.Toleration{}, corev1.Toleration{}},
		{v1alpha1.NodeAffinity{}, corev1.NodeAffinity{}},
		{v1alpha1.PodAffinity{}, corev1.PodAffinity{}},
		{v1alpha1.PodAffinity{}, corev1.PodAntiAffinity{}},
		{v1alpha1.TopologySpreadConstraint{}, corev1.TopologySpreadConstraint{}},
	} {
		matches(t, reflect.TypeOf(pair.ours), reflect.TypeOf(pair.core), reflect.TypeOf(pair.ours).Name())
	}
}

func matches(t *testing.T, ours, core reflect.Type, path string) {
	t.Helper()
	for ours.Kind() == reflect.Pointer {
		ours = ours.Elem()
	}
	for core.Kind() == reflect.Pointer {
		core = core.Elem()
	}
	require.Equal(t, core.Kind(), ours.Kind(), path)
	switch ours.Kind() {
	case reflect.Struct:
		fields := map[string]reflect.StructField{}
		for i := range core.NumField() {
			fields[jsonName(core.Field(i))] = core.Field(i)
		}
		for i := range ours.NumField() {
			name := jsonName(ours.Field(i))
			if assert.Contains(t, fields, name, path) {
				matches(t, ours.Field(i).Type, fields[name].Type, path+"."+name)
			}
		}
	case reflect.Slice:
		matches(t, ours.Elem(), core.Elem(), path+"[]")
	}
}

func jsonName(field reflect.StructField) string {
	return strings.Split(field.Tag.Get("json"), ",")[0]
}

// TestB11SchedulingReachesTheTemplate: every field of scheduling is set here, and arrives.
func TestB11SchedulingReachesTheTemplate(t *testing.T) {
	seconds := int64(30)
	term := v1alpha1.NodeSelectorTerm{
		MatchExpressions: []v1alpha1.SelectorRequirement{{Key: "zone", Operator: "In", Values: []string{"a"}}},
	}
	pods := &v1alpha1.PodAffinity{Required: []v1alpha1.PodAffinityTerm{{
		LabelSelector: &v1alpha1.LabelSelector{MatchLabels: map[string]string{"app": "db"}},
		TopologyKey:   "kubernetes.io/hostname",
	}}}
	var spec kubevirtv1.VirtualMachineInstanceSpec
	Apply(&v1alpha1.Scheduling{
		NodeSelector: map[string]string{"disk": "fast"},
		Tolerations: []v1alpha1.Toleration{
			{Key: "gpu", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: &seconds},
		},
		NodeAffinity: &v1alpha1.NodeAffinity{
			Required: &v1alpha1.NodeSelector{NodeSelectorTerms: []v1alpha1.NodeSelectorTerm{term}},
		},
		PodAffinity:     pods,
		PodAntiAffinity: pods,
		TopologySpreadConstraints: []v1alpha1.TopologySpreadConstraint{
			{MaxSkew: 1, TopologyKey: "zone", WhenUnsatisfiable: "DoNotSchedule"},
		},
		PriorityClassName: "high", SchedulerName: "own", EvictionStrategy: "LiveMigrate",
	}, nil, &spec)

	assert.Equal(t, map[string]string{"disk": "fast"}, spec.NodeSelector)
	assert.Equal(t, []corev1.Toleration{{
		Key: "gpu", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute,
		TolerationSeconds: &seconds,
	}}, spec.Tolerations)
	required := spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	assert.Equal(t, []string{"a"}, required.NodeSelectorTerms[0].MatchExpressions[0].Values)
	assert.Equal(t, "db",
		spec.Affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0].LabelSelector.MatchLabels["app"])
	assert.Equal(t, "kubernetes.io/hostname",
		spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0].TopologyKey)
	assert.Equal(t, corev1.DoNotSchedule, spec.TopologySpreadConstraints[0].WhenUnsatisfiable)
	assert.Equal(t, "high", spec.PriorityClassName)
	assert.Equal(t, "own", spec.SchedulerName)
	assert.Equal(t, kubevirtv1.EvictionStrategyLiveMigrate, *spec.EvictionStrategy)
}

func managedBridge(labels map[string]string) *v1alpha1.WukongNetworkStatus {
	return &v1alpha1.WukongNetworkStatus{HostBridge: &v1alpha1.HostBridgeStatus{NodeSelector: labels}}
}

// A machine runs only where the bridges of its networks are, whatever else its spec asks for.
func TestAMachineStaysWhereItsBridgesAre(t *testing.T) {
	assert.Nil(t, BridgeNodes(&v1alpha1.WukongNetworkStatus{}))
	bridges := []map[string]string{
		BridgeNodes(managedBridge(map[string]string{"rack": "one"})), nil,
		BridgeNodes(managedBridge(map[string]string{"rack": "one", "uplink": "fast"})),
	}
	var spec kubevirtv1.VirtualMachineInstanceSpec
	Apply(nil, bridges, &spec)
	assert.Equal(t, map[string]string{"rack": "one", "uplink": "fast"}, spec.NodeSelector)
	assert.Nil(t, spec.Affinity)

	// A selector has one value for a label. Each of the terms, which are alternatives, asks for the other one.
	zones := []v1alpha1.NodeSelectorTerm{
		{MatchExpressions: []v1alpha1.SelectorRequirement{{Key: "zone", Operator: "In", Values: []string{"a"}}}},
		{MatchExpressions: []v1alpha1.SelectorRequirement{{Key: "zone", Operator: "In", Values: []string{"b"}}}},
	}
	rules := &v1alpha1.Scheduling{
		NodeSelector: map[string]string{"rack": "two"},
		NodeAffinity: &v1alpha1.NodeAffinity{Required: &v1alpha1.NodeSelector{NodeSelectorTerms: zones}},
	}
	spec = kubevirtv1.VirtualMachineInstanceSpec{}
	Apply(rules, bridges[:1], &spec)
	assert.Equal(t, map[string]string{"rack": "two"}, spec.NodeSelector)
	terms := spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	require.Len(t, terms, 2)
	for _, term := range terms {
		assert.Equal(t,
			corev1.NodeSelectorRequirement{Key: "rack", Operator: corev1.NodeSelectorOpIn, Values: []string{"one"}},
			term.MatchExpressions[1])
	}
	assert.Equal(t, map[string]string{"rack": "two"}, rules.NodeSelector, "the WukongVM itself is not changed")
	assert.Len(t, rules.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions, 1)
}

// Fault C.10: labels that a running machine does not have reach its pod at the next start only.
func TestWhatARunningMachineDoesNotHave(t *testing.T) {
	vm := &v1alpha1.WukongVM{}
	vm.UID = "uid"
	guest := keeptest.Object(&kubevirtv1.VirtualMachineInstance{ObjectMeta: metav1.ObjectMeta{
		Labels: Labels(vm), Annotations: map[string]string{"kubevirt.io/latest-observed-api-version": "v1"},
	}}, virt.KeepInstance)
	missing := func() []string {
		labels, annotations := Missing(vm, guest)
		return append(labels, annotations...)
	}
	assert.Empty(t, missing())
	vm.Spec.Scheduling = &v1alpha1.Scheduling{
		Labels:      map[string]string{"tier": "db", "app": "web", v1alpha1.LabelVM: "another"},
		Annotations: map[string]string{"backup.example.com/include": "yes", "kubevirt.io/ignored": ""},
	}
	assert.Equal(t, []string{"app", "tier", "backup.example.com/include"}, missing(),
		"in order, and without what cannot be set")
	assert.Equal(t, "uid", Labels(vm)[v1alpha1.LabelVM], "nobody takes the label by which the caches select")
	guest = nil
	assert.Empty(t, missing(), "one that does not run has nothing to catch up with")
}
