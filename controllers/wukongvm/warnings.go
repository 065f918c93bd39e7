package wukongvm

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// reasonStopped is the event that only says that an instance ended, and not why (KubeVirt pkg/virt-handler, v1.Stopped).
const reasonStopped = "Stopped"

// lastWarning is the youngest warning about a machine that fails to start again and again. KubeVirt tells the cause in the instance's
// conditions and in an event; the instance is gone between two tries, the event is not. It is read only then, and from the API server.
func (r *Reconciler) lastWarning(ctx context.Context, vm *v1alpha1.WukongVM, machine *kubevirtv1.VirtualMachine) (string, error) {
	if machine.Status.PrintableStatus != kubevirtv1.VirtualMachineStatusCrashLoopBackOff {
		return "", nil
	}
	events := &corev1.EventList{}
	err := r.uncached.List(ctx, events, client.InNamespace(vm.Namespace), client.MatchingFieldsSelector{
		Selector: fields.SelectorFromSet(fields.Set{
			"involvedObject.kind": "VirtualMachineInstance", "involvedObject.name": vm.Name, "type": corev1.EventTypeWarning,
		}),
	})
	if err != nil {
		return "", fmt.Errorf("list the events of VirtualMachineInstance %s: %w", vm.Name, err)
	}
	return youngest(events.Items), nil
}

func youngest(events []corev1.Event) string {
	var found *corev1.Event
	for i := range events {
		event := &events[i]
		if event.Reason != reasonStopped && (found == nil || found.LastTimestamp.Before(&event.LastTimestamp)) {
			found = event
		}
	}
	if found == nil {
		return ""
	}
	return found.Message
}
