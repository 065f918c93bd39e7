package wukongvm

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
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

// Fault D.6: annotations and resources of the launcher pod could not be said.
func TestWhatTheLauncherPodGets(t *testing.T) {
	vm, observed := testVM()
	template := desiredMachine(vm, observed).Spec.Template
	assert.Empty(t, template.ObjectMeta.Annotations)
	assert.Equal(t, kubevirtv1.ResourceRequirements{}, template.Spec.Domain.Resources)

	vm.Spec.Scheduling = &v1alpha1.Scheduling{Annotations: map[string]string{
		"sidecar.istio.io/inject": "true", "kubevirt.io.example.com/mine": "yes",
		"hooks.kubevirt.io/hookSidecars": "[]", "kubevirt.io/keep": "", "k8s.v1.cni.cncf.io/networks": "other/lan", "v1.multus-cni.io/default-network": "other/lan",
		v1alpha1.GroupName + "/handover": "{}", "ovn.kubernetes.io/ip_address": "10.0.0.5", "lan.shop.ovn.kubernetes.io/logical_switch": "lan",
		"cni.projectcalico.org/ipAddrs": "[]", "container.apparmor.security.beta.kubernetes.io/compute": "unconfined", "io.kubernetes.cri-o.userns-mode": "auto",
	}}
	vm.Spec.Resources = &v1alpha1.PodResources{
		Requests: &v1alpha1.ResourceAmounts{CPU: ptr.To(resource.MustParse("500m"))},
		Limits:   &v1alpha1.ResourceAmounts{CPU: ptr.To(resource.MustParse("2")), Memory: ptr.To(resource.MustParse("3Gi"))},
	}
	template = desiredMachine(vm, observed).Spec.Template
	assert.Equal(t, map[string]string{"sidecar.istio.io/inject": "true", "kubevirt.io.example.com/mine": "yes"}, template.ObjectMeta.Annotations,
		"what attaches networks or runs programs never arrives, whoever let it in")
	assert.Equal(t, "500m", template.Spec.Domain.Resources.Requests.Cpu().String())
	assert.NotContains(t, template.Spec.Domain.Resources.Requests, corev1.ResourceMemory)
	assert.Equal(t, "2", template.Spec.Domain.Resources.Limits.Cpu().String())
	assert.Equal(t, "3Gi", template.Spec.Domain.Resources.Limits.Memory().String())
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
