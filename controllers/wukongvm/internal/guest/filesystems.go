// Package guest reads what the agent in a guest reports.
package guest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

const (
	// period is how often the file systems of a guest are read while nothing else changes: no object changes when a
	// user grows one. virt-launcher asks the guest agent as often (KubeVirt cmd/virt-launcher,
	// qemu-agent-file-interval).
	period = 5 * time.Minute
	// soon is the period in the first early after the agent connected, until it has reported some.
	soon  = 10 * time.Second
	early = 2 * time.Minute
	// patience is how long virt-api and virt-handler may take to answer.
	patience = 3 * time.Second
)

// Reader reads from KubeVirt's aggregated API, which can be neither watched nor cached.
type Reader struct{ subresources rest.Interface }

// NewReader makes one.
func NewReader(config *rest.Config, httpClient *http.Client) (*Reader, error) {
	config = rest.CopyConfig(config)
	config.APIPath = "/apis"
	config.GroupVersion = &schema.GroupVersion{Group: "subresources.kubevirt.io", Version: "v1"}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	config.ContentType = "application/json"
	subresources, err := rest.RESTClientForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("make the client for KubeVirt's subresources: %w", err)
	}
	return &Reader{subresources}, nil
}

// FileSystems are those that the guest agent reports, in the order of mount points, each once, with the names of the
// disks that they are on. How full they are is left out: it changes all the time, and each change of the status is a
// write. The disks are names by serial number.
func (r *Reader) FileSystems(
	ctx context.Context, namespace, instance string, disks map[string]string,
) ([]v1alpha1.GuestFileSystem, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := r.subresources.Get().Namespace(namespace).
		Resource("virtualmachineinstances").Name(instance).SubResource("filesystemlist").Do(ctx).Raw()
	if err != nil {
		return nil, err
	}
	list := &kubevirtv1.VirtualMachineInstanceFileSystemList{}
	if err := json.Unmarshal(answer, list); err != nil {
		return nil, fmt.Errorf("decode the file systems of VirtualMachineInstance %s: %w", instance, err)
	}
	return fileSystems(list, disks), nil
}

func fileSystems(
	list *kubevirtv1.VirtualMachineInstanceFileSystemList, disks map[string]string,
) []v1alpha1.GuestFileSystem {
	var result []v1alpha1.GuestFileSystem
	for _, item := range list.Items {
		isSame := func(known v1alpha1.GuestFileSystem) bool { return known.MountPoint == item.MountPoint }
		if item.MountPoint == "" || slices.ContainsFunc(result, isSame) {
			continue
		}
		entry := v1alpha1.GuestFileSystem{
			MountPoint: item.MountPoint, Type: item.FileSystemType,
			Capacity: resource.NewQuantity(int64(item.TotalBytes), resource.BinarySI),
		}
		for _, disk := range item.Disk {
			if name := disks[disk.Serial]; name != "" && !slices.Contains(entry.Disks, name) {
				entry.Disks = append(entry.Disks, name)
			}
		}
		slices.Sort(entry.Disks)
		result = append(result, entry)
	}
	slices.SortFunc(result, func(a, b v1alpha1.GuestFileSystem) int { return cmp.Compare(a.MountPoint, b.MountPoint) })
	return result
}

// Refresh reads the file systems of a guest, or returns those of status when they cannot be read: they decide
// nothing. It returns none for a guest whose agent does not answer.
func (r *Reader) Refresh(
	ctx context.Context, vm *v1alpha1.WukongVM, view virt.View, disks map[string]string,
) []v1alpha1.GuestFileSystem {
	if !view.AgentConnected() {
		return nil
	}
	found, err := r.FileSystems(ctx, vm.Namespace, vm.Name, disks)
	if err == nil {
		return found
	}
	log.FromContext(ctx).V(1).Info("Cannot read the guest's file systems", "reason", err.Error())
	if vm.Status.Guest == nil {
		return nil
	}
	return vm.Status.Guest.FileSystems
}

// RetryAfter is when to read the file systems again; zero for a guest whose agent does not answer.
func RetryAfter(
	vm *v1alpha1.WukongVM, view virt.View, known []v1alpha1.GuestFileSystem, now time.Time,
) time.Duration {
	if !view.AgentConnected() {
		return 0
	}
	return again(vm, known, now)
}

// again is when to read the file systems of a guest with an agent again: soon after the agent connected, seldom later.
func again(vm *v1alpha1.WukongVM, known []v1alpha1.GuestFileSystem, now time.Time) time.Duration {
	connected := meta.FindStatusCondition(vm.Status.Conditions, v1alpha1.ConditionGuestAgentConnected)
	isEarly := connected == nil || connected.Status != metav1.ConditionTrue ||
		now.Sub(connected.LastTransitionTime.Time) < early
	if isEarly && len(known) == 0 {
		return soon
	}
	return period
}
