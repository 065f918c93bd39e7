// Command virt-operator is KubeVirt's own, with schemas that a Kubernetes of today accepts.
//
// Some fields of KubeVirt hold any 32-bit number without a sign, while their schemas say int32, which ends at half of that.
// Kubernetes did not check the range for a long time. Now it refuses the status of a machine whose disk has a checksum in the upper half,
// and the machine, which runs, is never seen as running.
package main

import (
	"fmt"
	"os"

	virtoperator "kubevirt.io/kubevirt/pkg/virt-operator"
	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/components"
)

func main() {
	if err := widen(components.CRDsValidation); err != nil {
		fmt.Fprintln(os.Stderr, "virt-operator:", err)
		os.Exit(1)
	}
	virtoperator.Execute()
}
