package harness

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/console"
)

const (
	// referenceBoot is how long bootTiny takes on the reference machine: two cores, emulation, nothing else to do.
	referenceBoot = 10 * time.Second
	// bootLimit is how long it may take before there is no sense in running tests at all.
	bootLimit = 10 * time.Minute
)

// bootTiny starts a tiny guest by KubeVirt alone and returns how long that took, up to the prompt of its shell: a fixed
// piece of what tests wait for, most of it emulation.
func (c *Cluster) bootTiny(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	guest := &kubevirtv1.VirtualMachineInstance{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, GenerateName: "calibration-"},
		Spec: kubevirtv1.VirtualMachineInstanceSpec{
			TerminationGracePeriodSeconds: new(int64),
			Domain: kubevirtv1.DomainSpec{
				Resources: kubevirtv1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("128Mi")},
				},
				Devices: kubevirtv1.Devices{AutoattachPodInterface: ptr.To(false), Disks: []kubevirtv1.Disk{{
					Name:       "root",
					DiskDevice: kubevirtv1.DiskDevice{Disk: &kubevirtv1.DiskTarget{Bus: kubevirtv1.DiskBusVirtio}},
				}}},
			},
			Volumes: []kubevirtv1.Volume{{
				Name: "root", VolumeSource: kubevirtv1.VolumeSource{
					ContainerDisk: &kubevirtv1.ContainerDiskSource{Image: testbed.TinyContainerDisk()},
				},
			}},
		},
	}
	start := time.Now()
	if err := c.Create(ctx, guest); err != nil {
		return 0, fmt.Errorf("start a tiny guest: %w", err)
	}
	shell, err := console.Shell(ctx, c.Config, guest.Namespace, guest.Name, nil)
	spent := time.Since(start)
	if err == nil {
		err = shell.Close()
	}
	if deleted := c.Delete(context.WithoutCancel(ctx), guest); err == nil {
		err = deleted
	}
	if err != nil {
		return 0, fmt.Errorf("a tiny guest has no shell after %s: %w", spent.Round(time.Second), err)
	}
	return spent, nil
}
