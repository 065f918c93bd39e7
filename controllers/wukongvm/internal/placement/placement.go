// Package placement says on which nodes a WukongVM may run, and which labels and annotations its pod has. KubeVirt
// gives them to an instance when it makes it.
package placement

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Apply puts the scheduling rules of a WukongVM into an instance, which keeps to them from its next migration or start
// on. Bridges are what BridgeNodes returns of each of its networks.
func Apply(from *v1alpha1.Scheduling, bridges []map[string]string, to *kubevirtv1.VirtualMachineInstanceSpec) {
	if from != nil {
		schedule(from, to)
	}
	for _, labels := range bridges {
		for _, key := range slices.Sorted(maps.Keys(labels)) {
			selectNodes(to, key, labels[key])
		}
	}
}

func schedule(from *v1alpha1.Scheduling, to *kubevirtv1.VirtualMachineInstanceSpec) {
	to.NodeSelector = from.NodeSelector
	to.PriorityClassName = from.PriorityClassName
	to.SchedulerName = from.SchedulerName
	if from.EvictionStrategy != "" {
		to.EvictionStrategy = ptr.To(kubevirtv1.EvictionStrategy(from.EvictionStrategy))
	}
	to.Tolerations = convert[[]corev1.Toleration](from.Tolerations)
	to.TopologySpreadConstraints = convert[[]corev1.TopologySpreadConstraint](from.TopologySpreadConstraints)
	if from.NodeAffinity != nil || from.PodAffinity != nil || from.PodAntiAffinity != nil {
		to.Affinity = &corev1.Affinity{
			NodeAffinity:    convert[*corev1.NodeAffinity](from.NodeAffinity),
			PodAffinity:     convert[*corev1.PodAffinity](from.PodAffinity),
			PodAntiAffinity: convert[*corev1.PodAntiAffinity](from.PodAntiAffinity),
		}
	}
}

// reservedAnnotation matches annotations that no user gives to a pod: KubeVirt acts on them, or Multus, a network
// plugin or a container runtime, which attach the pod to networks or change how it is isolated; or they are Wukong's.
// The admission policy wukongvm-pod-metadata refuses them with a reason.
var reservedAnnotation = regexp.MustCompile(`^([^/]*\.)?(kubevirt\.io|novasphere\.dev|cni\.cncf\.io|multus-cni\.io|` +
	`ovn\.kubernetes\.io|k8s\.ovn\.org|projectcalico\.org|cilium\.io|antrea\.io|` +
	`security\.beta\.kubernetes\.io)/|^io\.(kubernetes|containerd)\.`)

// Annotations are on the VirtualMachineInstance, from where KubeVirt carries them over to the pod.
func Annotations(from *v1alpha1.Scheduling) map[string]string {
	if from == nil {
		return nil
	}
	result := maps.Clone(from.Annotations)
	maps.DeleteFunc(result, func(key, _ string) bool { return reservedAnnotation.MatchString(key) })
	return result
}

// BridgeNodes are the labels of the nodes that have the managed bridge of a network; nil for a network without one. A
// machine stays on them: elsewhere the CNI plugin would make an empty bridge that leads nowhere. A label that spec or
// another network wants otherwise leaves no node, which the scheduler reports.
func BridgeNodes(status *v1alpha1.WukongNetworkStatus) map[string]string {
	if status.HostBridge == nil {
		return nil
	}
	return status.HostBridge.NodeSelector
}

// Labels are on the VirtualMachineInstance and its pod. The caches select by the first.
func Labels(vm *v1alpha1.WukongVM) map[string]string {
	labels := map[string]string{}
	if vm.Spec.Scheduling != nil {
		for key, value := range vm.Spec.Scheduling.Labels {
			labels[key] = value
		}
	}
	labels[v1alpha1.LabelManagedBy] = v1alpha1.LabelManagedByValue
	labels[v1alpha1.LabelVM] = string(vm.UID)
	return labels
}

// Missing are the labels and annotations of spec that came after the guest had started: KubeVirt gives them to an
// instance when it makes it.
func Missing(vm *v1alpha1.WukongVM, guest *kubevirtv1.VirtualMachineInstance) (labels, annotations []string) {
	if guest == nil || vm.Spec.Scheduling == nil {
		return nil, nil
	}
	missing := func(given, wanted, has map[string]string) []string {
		var keys []string
		for key := range given {
			if value, there := has[key]; wanted[key] != value || !there {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		return keys
	}
	wanted := Annotations(vm.Spec.Scheduling)
	return missing(vm.Spec.Scheduling.Labels, Labels(vm), guest.Labels), missing(wanted, wanted, guest.Annotations)
}

// selectNodes adds a label to those that a machine's node must have.
func selectNodes(to *kubevirtv1.VirtualMachineInstanceSpec, key, value string) {
	given, found := to.NodeSelector[key]
	if !found {
		to.NodeSelector = maps.Clone(to.NodeSelector)
		if to.NodeSelector == nil {
			to.NodeSelector = map[string]string{}
		}
		to.NodeSelector[key] = value
		return
	}
	if given == value {
		return
	}
	// A selector has one value for a label; affinity can ask for another one beside it.
	if to.Affinity == nil {
		to.Affinity = &corev1.Affinity{}
	}
	if to.Affinity.NodeAffinity == nil {
		to.Affinity.NodeAffinity = &corev1.NodeAffinity{}
	}
	required := to.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	if required == nil {
		required = &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{}}}
		to.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution = required
	}
	// Terms are alternatives: each must ask for it.
	for i := range required.NodeSelectorTerms {
		term := &required.NodeSelectorTerms[i]
		term.MatchExpressions = append(term.MatchExpressions,
			corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{value}})
	}
}

// convert turns our bounded copy of a core type into the core type. Both have the same JSON names, which a test checks
// for every field; so a failure is an error in this program.
func convert[To any](from any) To {
	var to To
	body, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(body, &to)
	}
	if err != nil {
		panic(fmt.Sprintf("convert %T to %T: %s", from, to, err))
	}
	return to
}
