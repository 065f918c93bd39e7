package preflight

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) { keeptest.Main(m) }

// ended is a migration that ended some time ago.
func ended(ago time.Duration) *kubevirtv1.VirtualMachineInstanceMigrationState {
	at := metav1.NewTime(noon.Add(-ago))
	return &kubevirtv1.VirtualMachineInstanceMigrationState{Completed: true, EndTimestamp: &at}
}

// begin is a guest on node1 that may move to node2.
func begin() *Inputs {
	vm := builder.VM("shop", "web")
	vm.Status.Phase, vm.Status.NodeName = v1alpha1.PhaseRunning, "node1"
	vm.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionLiveMigratable, Status: metav1.ConditionTrue}}
	return &Inputs{
		VM: vm, Now: noon,
		Instance: keeptest.Object(&kubevirtv1.VirtualMachineInstance{
			Status: kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Running, NodeName: "node1"},
		}, Keep),
		Pod: &corev1.Pod{Spec: corev1.PodSpec{
			NodeSelector: map[string]string{kubevirtv1.NodeSchedulable: "true"},
			Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{
					corev1.ResourceMemory: resource.MustParse("600Mi"),
					corev1.ResourceCPU:    resource.MustParse("100m"),
				},
				Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("600Mi")},
			}}},
		}},
		Nodes: []corev1.Node{node("node1"), node("node2")},
	}
}

func node(name string, labels ...string) corev1.Node {
	made := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		kubevirtv1.NodeSchedulable: "true", "kubernetes.io/hostname": name,
	}}}
	for _, label := range labels {
		made.Labels[label] = "true"
	}
	return made
}

func TestObstacles(t *testing.T) {
	hostModel := func(in *Inputs) {
		in.Instance.Spec.Domain.CPU = &kubevirtv1.CPU{Model: kubevirtv1.CPUModeHostModel}
		in.Nodes[0] = node("node1", kubevirtv1.HostModelCPULabel+"Milan",
			kubevirtv1.HostModelRequiredFeaturesLabel+"vaes")
	}
	quota := func(name corev1.ResourceName, hard, used string) func(*Inputs) {
		return func(in *Inputs) {
			in.Quotas = []corev1.ResourceQuota{{ObjectMeta: metav1.ObjectMeta{Name: "small"},
				Status: corev1.ResourceQuotaStatus{
					Hard: corev1.ResourceList{name: resource.MustParse(hard)},
					Used: corev1.ResourceList{name: resource.MustParse(used)},
				}}}
		}
	}
	condition := func(is kubevirtv1.VirtualMachineInstanceConditionType) func(*Inputs) {
		return func(in *Inputs) {
			in.Instance.Status.Conditions = []kubevirtv1.VirtualMachineInstanceCondition{
				{Type: is, Status: corev1.ConditionTrue},
			}
		}
	}
	chosen := func(node string) func(*Inputs) {
		return func(in *Inputs) { in.NodeSelector = map[string]string{"kubernetes.io/hostname": node} }
	}
	for name, row := range map[string]struct {
		change func(*Inputs)
		reason string
		words  string
	}{
		"none":               {func(*Inputs) {}, "", ""},
		"the pod is unknown": {func(in *Inputs) { in.Pod, in.Nodes = nil, nil }, "", ""},
		"no instance":        {func(in *Inputs) { in.Instance = nil }, v1alpha1.ReasonNotRunning, "does not run"},
		"it is being started": {func(in *Inputs) { in.Instance.Status.Phase = kubevirtv1.Scheduling },
			v1alpha1.ReasonNotRunning, "does not run"},
		"KubeVirt refuses": {func(in *Inputs) {
			in.VM.Status.Conditions = []metav1.Condition{{
				Type: v1alpha1.ConditionLiveMigratable, Status: metav1.ConditionFalse,
				Message: "disk root is not shared",
			}}
		}, v1alpha1.ReasonNotMigratable, "disk root is not shared"},
		"it wants another zone": {func(in *Inputs) {
			in.Instance.Spec.NodeSelector = map[string]string{"zone": "a"}
			in.NodeSelector = map[string]string{"zone": "b"}
			in.Nodes[1].Labels["zone"] = "a"
		}, v1alpha1.ReasonNodeSelectorConflict,
			"spec.nodeSelector asks for zone=b, and WukongVM web may run on nodes with zone=a only"},
		"one node": {func(in *Inputs) { in.Nodes = in.Nodes[:1] },
			v1alpha1.ReasonNoTargetNode, "of 1 nodes, 1 where it runs"},
		"cordoned": {func(in *Inputs) { in.Nodes[1].Spec.Unschedulable = true },
			v1alpha1.ReasonNoTargetNode, "of 2 nodes, 1 cordoned, 1 where it runs"},
		"tainted": {func(in *Inputs) {
			in.Nodes[1].Spec.Taints = []corev1.Taint{{Key: "gpu", Effect: corev1.TaintEffectNoSchedule}}
		}, v1alpha1.ReasonNoTargetNode, "1 with a taint that it does not tolerate"},
		"tainted, and tolerated": {func(in *Inputs) {
			in.Nodes[1].Spec.Taints = []corev1.Taint{{Key: "gpu", Effect: corev1.TaintEffectNoSchedule}}
			in.Pod.Spec.Tolerations = []corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists}}
		}, "", ""},
		"KubeVirt's handler is down": {func(in *Inputs) { in.Nodes[1].Labels[kubevirtv1.NodeSchedulable] = "false" },
			v1alpha1.ReasonNoTargetNode, "not ready for KubeVirt"},
		"its own selector": {func(in *Inputs) {
			in.Instance.Spec.NodeSelector = map[string]string{"disk": "ssd"}
		}, v1alpha1.ReasonNoTargetNode, "1 not matching its nodeSelector or affinity"},
		"a selector that no label can be": {func(in *Inputs) { in.NodeSelector = map[string]string{"a b": "c"} },
			v1alpha1.ReasonInvalidSpec, `spec.nodeSelector has a b: "c", which no label of a node can be`},
		"a value that no label can have": {func(in *Inputs) { in.NodeSelector = map[string]string{"a": "b c"} },
			v1alpha1.ReasonInvalidSpec, `spec.nodeSelector has a: "b c"`},
		"its own affinity": {func(in *Inputs) {
			terms := []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{{
					Key: "kubernetes.io/hostname", Operator: corev1.NodeSelectorOpIn, Values: []string{"node1"},
				}},
			}}
			in.Instance.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
				RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
			}}
		}, v1alpha1.ReasonNoTargetNode, "1 not matching its nodeSelector or affinity"},
		"the node that it was moved to, and back": {func(in *Inputs) {
			in.Pod.Spec.NodeSelector["kubernetes.io/hostname"] = "node1"
			in.NodeSelector = map[string]string{"kubernetes.io/hostname": "node2"}
		}, "", ""},
		"the chosen node does not exist": {chosen("node3"),
			v1alpha1.ReasonNoTargetNode, "1 not matching spec.nodeSelector"},
		"the chosen node is its own": {chosen("node1"),
			v1alpha1.ReasonNoTargetNode, "WukongVM web runs on node node1 already, the only one that matches"},
		"the chosen node": {chosen("node2"), "", ""},
		"another CPU":     {hostModel, v1alpha1.ReasonNoTargetNode, "1 without the CPU model"},
		"the same CPU": {func(in *Inputs) {
			hostModel(in)
			in.Nodes[1] = node("node2", kubevirtv1.SupportedHostModelMigrationCPU+"Milan",
				kubevirtv1.CPUFeatureLabel+"vaes")
		}, "", ""},
		"it migrated before, so that its pod says": {func(in *Inputs) {
			hostModel(in)
			in.Pod.Spec.NodeSelector[kubevirtv1.SupportedHostModelMigrationCPU+"Rome"] = "true"
			in.Nodes[1] = node("node2", kubevirtv1.SupportedHostModelMigrationCPU+"Rome")
		}, "", ""},
		"quota of memory": {quota(corev1.ResourceRequestsMemory, "1Gi", "600Mi"), v1alpha1.ReasonQuotaExceeded,
			"ResourceQuota small has no room for it: requests.memory 600Mi more than the 600Mi in use, of 1Gi"},
		"quota of pods": {quota(corev1.ResourcePods, "1", "1"),
			v1alpha1.ReasonQuotaExceeded, "pods 1 more than the 1 in use, of 1"},
		"quota with room":   {quota(corev1.ResourceLimitsMemory, "2Gi", "600Mi"), "", ""},
		"quota of services": {quota(corev1.ResourceServices, "1", "1"), "", ""},
		"quota with a scope": {func(in *Inputs) {
			quota(corev1.ResourcePods, "1", "1")(in)
			in.Quotas[0].Spec.Scopes = []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeBestEffort}
		}, "", ""},
		"migrating": {func(in *Inputs) {
			in.Instance.Status.MigrationState = &kubevirtv1.VirtualMachineInstanceMigrationState{TargetNode: "node2"}
		}, v1alpha1.ReasonBusy, "is migrating already, to node node2"},
		"migrated": {func(in *Inputs) {
			in.Instance.Status.MigrationState = ended(settling)
		}, "", ""},
		"migrated just now": {func(in *Inputs) {
			in.Instance.Status.MigrationState = ended(settling - time.Second)
		}, v1alpha1.ReasonBusy, "has just migrated: this migration begins at 2026-03-01T12:00:01Z"},
		"a pod is left": {func(in *Inputs) { in.Ending = []string{"virt-launcher-web-x"} },
			v1alpha1.ReasonBusy, "pod virt-launcher-web-x"},
		"frozen": {func(in *Inputs) { in.Instance.Status.FSFreezeStatus = "frozen" },
			v1alpha1.ReasonBusy, "frozen for a snapshot"},
		"its disks move": {condition(kubevirtv1.VirtualMachineInstanceVolumesChange),
			v1alpha1.ReasonBusy, "its volumes move to other storage"},
		"its CPUs change": {condition(kubevirtv1.VirtualMachineInstanceVCPUChange),
			v1alpha1.ReasonBusy, "its CPUs are being changed"},
	} {
		t.Run(name, func(t *testing.T) {
			in := begin()
			row.change(in)
			found := Obstacles(*in)
			if row.reason == "" {
				assert.Empty(t, found)
				return
			}
			if assert.NotEmpty(t, found) {
				assert.Equal(t, row.reason, found[0].Reason)
				assert.Contains(t, found[0].Message, row.words)
			}
		})
	}
}

// A person sees all that is in the way at once.
func TestAllObstaclesAreListed(t *testing.T) {
	in := begin()
	in.VM.Status.Conditions[0].Status = metav1.ConditionFalse
	in.Nodes = in.Nodes[:1]
	in.Instance.Status.FSFreezeStatus = "frozen"
	var reasons []string
	for _, one := range Obstacles(*in) {
		reasons = append(reasons, one.Reason)
	}
	assert.Equal(t, []string{v1alpha1.ReasonNotMigratable, v1alpha1.ReasonNoTargetNode, v1alpha1.ReasonBusy}, reasons)
}
