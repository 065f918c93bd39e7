// Package preflight finds out before anything is tried what would keep a guest from migrating to another node.
//
// KubeVirt makes the target pod from the instance as it made the launcher pod, and keeps it off the source node
// (kubevirt.io/kubevirt, pkg/virt-controller/watch/migration, createTargetPod). So the instance, and the labels of
// KubeVirt in the nodeSelector of the launcher pod, show which nodes can take the guest. The launcher pod shows what a
// second pod needs of the namespace's quotas. The scheduler checks whether a node has the memory.
package preflight

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	corev1helpers "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"

	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/instances"
)

// Inputs are what decides.
type Inputs struct {
	VM *v1alpha1.WukongVM
	// Instance of the WukongVM; nil when there is none.
	Instance *kubevirtv1.VirtualMachineInstance
	// Pod is the launcher pod in which the guest runs; nil when it was not found.
	Pod *corev1.Pod
	// Ending are the other launcher pods of the guest that have not ended.
	Ending []string
	// Now is the time of the check.
	Now time.Time
	// Nodes of the cluster.
	Nodes []corev1.Node
	// Quotas of the namespace.
	Quotas []corev1.ResourceQuota
	// NodeSelector of the WukongMigration.
	NodeSelector map[string]string
}

// Obstacles are all that is in the way, the worst first; none when the migration can be tried.
func Obstacles(in Inputs) []v1alpha1.MigrationObstacle {
	var found []v1alpha1.MigrationObstacle
	add := func(reason, format string, arguments ...any) {
		message := fmt.Sprintf(format, arguments...)
		isListed := slices.ContainsFunc(found, func(one v1alpha1.MigrationObstacle) bool {
			return one.Reason == reason
		})
		if message != "" && !isListed {
			found = append(found, v1alpha1.MigrationObstacle{Reason: reason, Message: message})
		}
	}
	if obstacle := model.MigrationObstacle(in.VM); obstacle != nil {
		add(obstacle.Reason, "%s", obstacle.Message)
	}
	if in.Instance == nil || in.Instance.Status.Phase != kubevirtv1.Running {
		add(v1alpha1.ReasonNotRunning, "the guest of WukongVM %s does not run", in.VM.Name)
		return found
	}
	add(v1alpha1.ReasonInvalidSpec, "%s", in.invalidSelector())
	if in.Pod != nil {
		add(v1alpha1.ReasonNodeSelectorConflict, "%s", in.selectorConflict())
		add(v1alpha1.ReasonNoTargetNode, "%s", in.noTarget())
		add(v1alpha1.ReasonQuotaExceeded, "%s", in.overQuota())
	}
	add(v1alpha1.ReasonBusy, "%s", in.busy())
	return found
}

// settling is how long a guest stays on its node after a migration. virt-handler on the node that it left closes its
// connection to the launcher there a while after the pod has ended. If the guest returns before that, KubeVirt v1.7
// never prepares the target, until somebody deletes the target pod ("unresponsive command server",
// pkg/virt-handler/migration-target.go).
const settling = 10 * time.Second

// busy is what goes on at the guest, after which it can migrate; empty for nothing.
func (in Inputs) busy() string {
	if going := Changing(in.VM.Name, in.Instance); going != "" {
		return going
	}
	if !in.IsSettling() {
		return ""
	}
	if len(in.Ending) > 0 {
		return fmt.Sprintf("pod %s of an earlier migration of WukongVM %s has not ended: this migration begins "+
			"afterwards", in.Ending[0], in.VM.Name)
	}
	return fmt.Sprintf("WukongVM %s has just migrated: this migration begins at %s",
		in.VM.Name, in.settles().UTC().Format(time.RFC3339))
}

// IsSettling reports whether the guest has just migrated, or tried to: in a moment it can migrate again.
func (in Inputs) IsSettling() bool { return len(in.Ending) > 0 || in.Now.Before(in.settles()) }

// settles is when the guest can migrate again after its last migration; zero when it has not migrated.
func (in Inputs) settles() time.Time {
	if in.Instance == nil {
		return time.Time{}
	}
	state := in.Instance.Status.MigrationState
	if state == nil || state.EndTimestamp == nil {
		return time.Time{}
	}
	return state.EndTimestamp.Add(settling)
}

// Keep keeps what is read of an instance, here and by those who follow its migration.
func Keep(full, kept *kubevirtv1.VirtualMachineInstance) {
	kept.Status.Phase, kept.Status.NodeName = full.Status.Phase, full.Status.NodeName
	kept.Status.FSFreezeStatus, kept.Status.MigrationState = full.Status.FSFreezeStatus, full.Status.MigrationState
	kept.Status.Conditions = full.Status.Conditions
	kept.Spec.NodeSelector, kept.Spec.Affinity = full.Spec.NodeSelector, full.Spec.Affinity
	if full.Spec.Domain.CPU != nil {
		kept.Spec.Domain.CPU = &kubevirtv1.CPU{Model: full.Spec.Domain.CPU.Model}
	}
}

// changes are the conditions that report a change of a guest for which KubeVirt migrates it automatically.
var changes = map[kubevirtv1.VirtualMachineInstanceConditionType]string{
	kubevirtv1.VirtualMachineInstanceVolumesChange:     "its volumes move to other storage",
	kubevirtv1.VirtualMachineInstanceVCPUChange:        "its CPUs are being changed",
	kubevirtv1.VirtualMachineInstanceMemoryChange:      "its memory is being changed",
	kubevirtv1.VirtualMachineInstanceMigrationRequired: "a change of it is being carried out by a migration",
}

// Changing is what KubeVirt or a snapshot does to a guest, for which a migration waits; empty for nothing.
func Changing(name string, instance *kubevirtv1.VirtualMachineInstance) string {
	if instances.IsMigrating(instance) {
		return fmt.Sprintf("WukongVM %s is migrating already, to node %s: this migration begins afterwards",
			name, instance.Status.MigrationState.TargetNode)
	}
	if instances.IsFrozen(instance) {
		return fmt.Sprintf(
			"the file systems of WukongVM %s are frozen for a snapshot: the migration begins afterwards", name,
		)
	}
	for _, condition := range instance.Status.Conditions {
		if what, known := changes[condition.Type]; known && condition.Status == corev1.ConditionTrue {
			return fmt.Sprintf(
				"WukongVM %s: %s, for which KubeVirt migrates it: this migration begins afterwards", name, what,
			)
		}
	}
	return ""
}

// invalidSelector names an entry of spec.nodeSelector that no label of a node can be. The schema cannot check the keys
// of a map.
func (in Inputs) invalidSelector() string {
	for _, key := range slices.Sorted(maps.Keys(in.NodeSelector)) {
		value := in.NodeSelector[key]
		if faults := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(faults) > 0 {
			return fmt.Sprintf("spec.nodeSelector has %s: %q, which no label of a node can be: %s; "+
				"create another WukongMigration", key, value, faults[0])
		}
	}
	return ""
}

// selectorConflict names a label for which the WukongVM requires another value. KubeVirt would keep the value of the
// WukongVM (pkg/virt-controller/services, RenderMigrationManifest). A launcher pod to which the guest has migrated also
// has the selector of that migration.
func (in Inputs) selectorConflict() string {
	for _, key := range slices.Sorted(maps.Keys(in.NodeSelector)) {
		if has, demanded := in.Instance.Spec.NodeSelector[key]; demanded && has != in.NodeSelector[key] {
			return fmt.Sprintf("spec.nodeSelector asks for %s=%s, and WukongVM %s may run on nodes with %s=%s only: "+
				"create another WukongMigration, or change scheduling.nodeSelector of the WukongVM",
				key, in.NodeSelector[key], in.VM.Name, key, has)
		}
	}
	return ""
}

// noTarget is empty when at least one other node may take the guest. Else it counts why not.
func (in Inputs) noTarget() string {
	required, target := in.cpuLabels(), in.target()
	reasons := map[string]int{}
	for i := range in.Nodes {
		node := &in.Nodes[i]
		isSource := node.Name == in.Instance.Status.NodeName
		if isSource && len(in.NodeSelector) > 0 && matches(node, in.NodeSelector) && !in.others() {
			return fmt.Sprintf("WukongVM %s runs on node %s already, the only one that matches spec.nodeSelector",
				in.VM.Name, node.Name)
		}
		reason := in.unfit(node, target, required)
		if reason == "" {
			return ""
		}
		reasons[reason]++
	}
	var counted []string
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		counted = append(counted, fmt.Sprintf("%d %s", reasons[reason], reason))
	}
	return fmt.Sprintf("no node may take WukongVM %s: of %d nodes, %s",
		in.VM.Name, len(in.Nodes), strings.Join(counted, ", "))
}

// target is as much of the target pod as chooses its node.
func (in Inputs) target() *corev1.Pod {
	selector := maps.Clone(in.Instance.Spec.NodeSelector)
	if selector == nil {
		selector = map[string]string{}
	}
	for key, value := range in.Pod.Spec.NodeSelector {
		if domain, _, _ := strings.Cut(key, "/"); strings.HasSuffix(domain, kubevirtv1.GroupVersion.Group) {
			selector[key] = value
		}
	}
	return &corev1.Pod{Spec: corev1.PodSpec{
		NodeSelector: selector, Affinity: in.Instance.Spec.Affinity, Tolerations: in.Pod.Spec.Tolerations,
	}}
}

// others reports whether another node matches the selector of the WukongMigration.
func (in Inputs) others() bool {
	return slices.ContainsFunc(in.Nodes, func(node corev1.Node) bool {
		return node.Name != in.Instance.Status.NodeName && matches(&node, in.NodeSelector)
	})
}

// unfit is why a node cannot take the guest; empty when it can.
func (in Inputs) unfit(node *corev1.Node, target *corev1.Pod, cpuLabels []string) string {
	fits, err := nodeaffinity.GetRequiredNodeAffinity(target).Match(node)
	_, untolerated := corev1helpers.FindMatchingUntoleratedTaint(logr.Discard(), node.Spec.Taints,
		target.Spec.Tolerations,
		func(taint *corev1.Taint) bool {
			return taint.Effect == corev1.TaintEffectNoSchedule || taint.Effect == corev1.TaintEffectNoExecute
		}, false)
	switch {
	case node.Name == in.Instance.Status.NodeName:
		return "where it runs"
	case !matches(node, in.NodeSelector):
		return "not matching spec.nodeSelector"
	case node.Labels[kubevirtv1.NodeSchedulable] != "true":
		return "not ready for KubeVirt (label " + kubevirtv1.NodeSchedulable + ")"
	case node.Spec.Unschedulable:
		return "cordoned"
	case untolerated:
		return "with a taint that it does not tolerate"
	case err != nil || !fits:
		return "not matching its nodeSelector or affinity"
	}
	for _, label := range cpuLabels {
		if node.Labels[label] != "true" {
			return "without the CPU model or a CPU feature of its node"
		}
	}
	return ""
}

func matches(node *corev1.Node, selector map[string]string) bool {
	for key, value := range selector {
		if has, exists := node.Labels[key]; !exists || has != value {
			return false
		}
	}
	return true
}

// cpuLabels returns the labels that another node needs for a guest with the CPU model of its node
// (prepareNodeSelectorForHostCpuModel). After the first migration of the guest its launcher pod requires them itself.
func (in Inputs) cpuLabels() []string {
	if cpu := in.Instance.Spec.Domain.CPU; cpu == nil || cpu.Model != kubevirtv1.CPUModeHostModel {
		return nil
	}
	for key := range in.Pod.Spec.NodeSelector {
		if strings.HasPrefix(key, kubevirtv1.SupportedHostModelMigrationCPU) ||
			strings.HasPrefix(key, kubevirtv1.CPUFeatureLabel) {
			return nil
		}
	}
	var needed []string
	for i := range in.Nodes {
		if in.Nodes[i].Name != in.Instance.Status.NodeName {
			continue
		}
		for key := range in.Nodes[i].Labels {
			if cpuModel, isModel := strings.CutPrefix(key, kubevirtv1.HostModelCPULabel); isModel {
				needed = append(needed, kubevirtv1.SupportedHostModelMigrationCPU+cpuModel)
			}
			if feature, isFeature := strings.CutPrefix(key, kubevirtv1.HostModelRequiredFeaturesLabel); isFeature {
				needed = append(needed, kubevirtv1.CPUFeatureLabel+feature)
			}
		}
	}
	return needed
}
