package wukongvm

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// TestSchedulingTypesMatchCore walks our bounded copies beside the core types: each of our fields must exist there, with the same JSON
// name and a type that JSON carries over.
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
	term := v1alpha1.NodeSelectorTerm{MatchExpressions: []v1alpha1.SelectorRequirement{{Key: "zone", Operator: "In", Values: []string{"a"}}}}
	pods := &v1alpha1.PodAffinity{Required: []v1alpha1.PodAffinityTerm{{
		LabelSelector: &v1alpha1.LabelSelector{MatchLabels: map[string]string{"app": "db"}}, TopologyKey: "kubernetes.io/hostname",
	}}}
	var spec kubevirtv1.VirtualMachineInstanceSpec
	schedule(&v1alpha1.Scheduling{
		NodeSelector:              map[string]string{"disk": "fast"},
		Tolerations:               []v1alpha1.Toleration{{Key: "gpu", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: &seconds}},
		NodeAffinity:              &v1alpha1.NodeAffinity{Required: &v1alpha1.NodeSelector{NodeSelectorTerms: []v1alpha1.NodeSelectorTerm{term}}},
		PodAffinity:               pods,
		PodAntiAffinity:           pods,
		TopologySpreadConstraints: []v1alpha1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "zone", WhenUnsatisfiable: "DoNotSchedule"}},
		PriorityClassName:         "high", SchedulerName: "own", EvictionStrategy: "LiveMigrate",
	}, &spec)

	assert.Equal(t, map[string]string{"disk": "fast"}, spec.NodeSelector)
	assert.Equal(t, []corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &seconds}}, spec.Tolerations)
	assert.Equal(t, []string{"a"}, spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms[0].MatchExpressions[0].Values)
	assert.Equal(t, "db", spec.Affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0].LabelSelector.MatchLabels["app"])
	assert.Equal(t, "kubernetes.io/hostname", spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0].TopologyKey)
	assert.Equal(t, corev1.DoNotSchedule, spec.TopologySpreadConstraints[0].WhenUnsatisfiable)
	assert.Equal(t, "high", spec.PriorityClassName)
	assert.Equal(t, "own", spec.SchedulerName)
	assert.Equal(t, kubevirtv1.EvictionStrategyLiveMigrate, *spec.EvictionStrategy)
}
