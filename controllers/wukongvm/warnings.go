package wukongvm

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/warnings"
)

// reasonStopped is the event that only says that an instance ended, and not why (KubeVirt pkg/virt-handler, v1.Stopped).
const reasonStopped = "Stopped"

// lastWarning is the youngest warning about a machine that fails to start again and again. KubeVirt tells the cause in the instance's
// conditions and in an event; the instance is gone between two tries, the event is not. It is read only then, and from the API server.
func (r *Reconciler) lastWarning(ctx context.Context, vm *v1alpha1.WukongVM, machine *kubevirtv1.VirtualMachine) (string, error) {
	if machine.Status.PrintableStatus != kubevirtv1.VirtualMachineStatusCrashLoopBackOff {
		return "", nil
	}
	latest, err := warnings.Latest(ctx, r.uncached, vm.Namespace, tellWhy(vm.Name))
	if err != nil || latest == nil {
		return "", err
	}
	return latest.Message, nil
}

// tellWhy selects the events that may say why an instance failed.
func tellWhy(instance string) fields.Selector {
	return fields.AndSelectors(
		fields.SelectorFromSet(fields.Set{
			"involvedObject.kind": "VirtualMachineInstance", "involvedObject.name": instance, "type": corev1.EventTypeWarning,
		}),
		fields.OneTermNotEqualSelector("reason", reasonStopped),
	)
}
