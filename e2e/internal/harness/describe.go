package harness

import (
	"context"
	"errors"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// logger prints a line, such as t.Logf.
type logger func(format string, arguments ...any)

// describe prints what a person would look at first: our objects, what they stand on, and the events.
func (c *Cluster) describe(ctx context.Context, log logger, namespace string) {
	for _, list := range []client.ObjectList{
		&v1alpha1.WukongList{}, &v1alpha1.WukongVMList{}, &v1alpha1.WukongDiskList{}, &v1alpha1.WukongNetworkList{},
		&kubevirtv1.VirtualMachineList{}, &kubevirtv1.VirtualMachineInstanceList{}, &cdiv1.DataVolumeList{},
		&networkv1.NetworkAttachmentDefinitionList{}, &corev1.PersistentVolumeClaimList{}, &corev1.PodList{},
	} {
		if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
			log("list %T: %s", list, err)
			continue
		}
		_ = meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object)
			object.SetManagedFields(nil)
			text, _ := yaml.Marshal(object)
			log("--- %T %s\n%s", object, object.GetName(), text)
			return nil
		})
	}
	events := &corev1.EventList{}
	if err := c.List(ctx, events, client.InNamespace(namespace)); err != nil {
		log("list events: %s", err)
	}
	for i := range events.Items {
		event := &events.Items[i]
		log("event %s %s %s: %s", event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Reason, event.Message)
	}
	c.summarize(ctx, log, namespace)
}

// guestLogs are the containers of a launcher that tell what became of a guest, and how many of their last lines are
// printed: what the guest printed on its serial console, connected or not, and what QEMU and libvirt said.
var guestLogs = map[string]int64{"guest-console-log": 40, "compute": 20}

// guestLog prints the end of what the guest and its launcher said.
func (c *Cluster) guestLog(ctx context.Context, log logger, pod *corev1.Pod) {
	if pod.Labels[kubevirtv1.AppLabel] != "virt-launcher" {
		return
	}
	clientset, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		log("logs of %s: %s", pod.Name, err)
		return
	}
	for container, lines := range guestLogs {
		text, err := clientset.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
			Container: container, TailLines: &lines, Timestamps: true,
		}).DoRaw(ctx)
		if err != nil {
			log("log of %s, container %s: %s", pod.Name, container, err)
			continue
		}
		log("log of %s, container %s, the end:\n%s", pod.Name, container, text)
	}
}

// summarize prints a line for each guest and pod. It comes last, where whoever reads a long log begins.
func (c *Cluster) summarize(ctx context.Context, log logger, namespace string) {
	guests, pods := &kubevirtv1.VirtualMachineInstanceList{}, &corev1.PodList{}
	if err := errors.Join(
		c.List(ctx, guests, client.InNamespace(namespace)), c.List(ctx, pods, client.InNamespace(namespace)),
	); err != nil {
		log("summary: %s", err)
	}
	for i := range pods.Items {
		c.guestLog(ctx, log, &pods.Items[i])
	}
	for _, pod := range pods.Items {
		log("pod %s on %s: %s %s, created %s, deleted %s, finalizers %v", pod.Name, pod.Spec.NodeName, pod.Status.Phase,
			pod.Status.Reason, pod.CreationTimestamp, pod.DeletionTimestamp, pod.Finalizers)
		for _, container := range pod.Status.ContainerStatuses {
			if state := container.State; state.Running == nil {
				log("pod %s, container %s: %s", pod.Name, container.Name, state.String())
			}
		}
	}
	for i := range guests.Items {
		summarizeGuest(log, &guests.Items[i])
	}
}

func summarizeGuest(log logger, guest *kubevirtv1.VirtualMachineInstance) {
	log("guest %s on %s: %s, created %s, deleted %s, finalizers %v", guest.Name, guest.Status.NodeName,
		guest.Status.Phase, guest.CreationTimestamp, guest.DeletionTimestamp, guest.Finalizers)
	for _, volume := range guest.Status.VolumeStatus {
		log("guest %s, volume %s: %s as %s, hot-plugged %v: %s", guest.Name, volume.Name, volume.Phase, volume.Target,
			volume.HotplugVolume != nil, volume.Message)
	}
	for _, condition := range guest.Status.Conditions {
		if condition.Status != corev1.ConditionTrue || condition.Message != "" {
			log("guest %s, condition %s: %s %s: %s", guest.Name, condition.Type, condition.Status, condition.Reason,
				condition.Message)
		}
	}
}
