// Command virt-operator is KubeVirt's own, with schemas that a Kubernetes of today accepts.
//
// Some fields of KubeVirt hold any 32-bit number without a sign, while their schemas say int32, which ends at half of
// that. Kubernetes did not check the range for a long time. Now it refuses the status of a machine whose disk has a
// checksum in the upper half, and the machine, which runs, is never seen as running.
//
// It also asks as often as KubeVirt's other programs do. Of itself it makes five requests in a second, client-go's
// default, and it makes some two hundred objects to install KubeVirt.
package main

import (
	"fmt"
	"os"

	"k8s.io/client-go/rest"
	"kubevirt.io/client-go/kubecli"
	virtconfig "kubevirt.io/kubevirt/pkg/virt-config"
	virtoperator "kubevirt.io/kubevirt/pkg/virt-operator"
	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/components"
)

func main() {
	if err := widen(components.CRDsValidation); err != nil {
		fmt.Fprintln(os.Stderr, "virt-operator:", err)
		os.Exit(1)
	}
	kubecli.RegisterRestConfigHook(func(config *rest.Config) {
		config.QPS, config.Burst = virtconfig.DefaultVirtControllerQPS, virtconfig.DefaultVirtControllerBurst
	})
	virtoperator.Execute()
}
