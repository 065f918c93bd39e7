package wukongvm

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
)

const (
	// fileSystemsPeriod is how often the file systems of a guest are read while nothing else happens: a person who grows one tells nobody.
	// virt-launcher asks the guest agent as often (KubeVirt cmd/virt-launcher, qemu-agent-file-interval).
	fileSystemsPeriod = 5 * time.Minute
	// fileSystemsSoon is the period in the first fileSystemsEarly after the agent connected, until it has reported some.
	fileSystemsSoon  = 10 * time.Second
	fileSystemsEarly = 2 * time.Minute
	// fileSystemsPatience is how long virt-api and virt-handler may take to answer.
	fileSystemsPatience = 3 * time.Second
)

// +kubebuilder:rbac:groups=subresources.kubevirt.io,resources=virtualmachineinstances/filesystemlist,verbs=get

// newSubresources makes the client of KubeVirt's aggregated API. Its objects are answers to questions: they can be neither watched nor cached.
func newSubresources(config *rest.Config, httpClient *http.Client) (rest.Interface, error) {
	config = rest.CopyConfig(config)
	config.APIPath = "/apis"
	config.GroupVersion = &schema.GroupVersion{Group: "subresources.kubevirt.io", Version: "v1"}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	config.ContentType = "application/json"
	return rest.RESTClientForConfigAndClient(config, httpClient)
}

// observeFileSystems reads the file systems that the guest agent reports. They are worth knowing and decide nothing: when they cannot be
// read, those of the last time stay.
func (r *Reconciler) observeFileSystems(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) {
	if !observed.AgentConnected() {
		return
	}
	list, err := r.fileSystems(ctx, vm.Namespace, vm.Name)
	if err != nil {
		log.FromContext(ctx).V(1).Info("Cannot read the guest's file systems", "reason", err.Error())
		if vm.Status.Guest != nil {
			observed.fileSystems = vm.Status.Guest.FileSystems
		}
		return
	}
	observed.fileSystems = observed.fileSystemStatus(vm, list)
}

func (r *Reconciler) fileSystems(ctx context.Context, namespace, name string) (*kubevirtv1.VirtualMachineInstanceFileSystemList, error) {
	ctx, cancel := context.WithTimeout(ctx, fileSystemsPatience)
	defer cancel()
	answer, err := r.subresources.Get().Namespace(namespace).Resource("virtualmachineinstances").Name(name).SubResource("filesystemlist").Do(ctx).Raw()
	if err != nil {
		return nil, err
	}
	list := &kubevirtv1.VirtualMachineInstanceFileSystemList{}
	if err := json.Unmarshal(answer, list); err != nil {
		return nil, fmt.Errorf("decode the file systems of VirtualMachineInstance %s: %w", name, err)
	}
	return list, nil
}

// fileSystemsAfter is when to read the file systems again; zero for a guest whose agent is not there.
func (o *observation) fileSystemsAfter(vm *v1alpha1.WukongVM, now time.Time) time.Duration {
	if !o.AgentConnected() {
		return 0
	}
	connected := meta.FindStatusCondition(vm.Status.Conditions, v1alpha1.ConditionGuestAgentConnected)
	early := connected == nil || connected.Status != metav1.ConditionTrue || now.Sub(connected.LastTransitionTime.Time) < fileSystemsEarly
	if early && len(o.fileSystems) == 0 {
		return fileSystemsSoon
	}
	return fileSystemsPeriod
}

// fileSystemStatus is the list in the order of mount points, each once. How full they are is left out: it changes all the time, and a
// status that does is written all the time.
func (o *observation) fileSystemStatus(vm *v1alpha1.WukongVM, list *kubevirtv1.VirtualMachineInstanceFileSystemList) []v1alpha1.GuestFileSystem {
	disks := map[string]string{}
	for i := range vm.Spec.Disks {
		disks[o.serial(&vm.Spec.Disks[i])] = vm.Spec.Disks[i].Name
	}
	var result []v1alpha1.GuestFileSystem
	for _, item := range list.Items {
		if item.MountPoint == "" || slices.ContainsFunc(result, func(known v1alpha1.GuestFileSystem) bool { return known.MountPoint == item.MountPoint }) {
			continue
		}
		entry := v1alpha1.GuestFileSystem{
			MountPoint: item.MountPoint, Type: item.FileSystemType, Capacity: resource.NewQuantity(int64(item.TotalBytes), resource.BinarySI),
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
