package wukongvm

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// schedule carries the scheduling rules over. They become effective for a running machine at its next migration or start.
func schedule(from *v1alpha1.Scheduling, to *kubevirtv1.VirtualMachineInstanceSpec) {
	if from == nil {
		return
	}
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

// convert turns our bounded copy of a core type into the core type. Both have the same JSON names, which a test checks for
// every field; so a failure is an error in this program.
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
