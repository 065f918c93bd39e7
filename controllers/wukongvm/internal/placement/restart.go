package placement

import (
	"fmt"
	"strings"

	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// RestartMessage reports the labels, or else the annotations, that a guest gets when it restarts; empty without any.
func RestartMessage(vm *v1alpha1.WukongVM, guest *kubevirtv1.VirtualMachineInstance) string {
	labels, annotations := Missing(vm, guest)
	if len(labels) > 0 {
		return fmt.Sprintf("labels of spec.scheduling that the running guest does not have, nor its pod, "+
			"and that nothing selects it by: %s", strings.Join(labels, ", "))
	}
	if len(annotations) > 0 {
		return fmt.Sprintf("annotations of spec.scheduling that the pod of the running guest does not have: %s",
			strings.Join(annotations, ", "))
	}
	return ""
}
