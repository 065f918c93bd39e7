// Command crds prints the CustomResourceDefinitions of VirtualMachine and VirtualMachineInstance as KubeVirt's operator installs
// them, schemas included.
package main

import (
	"fmt"
	"os"

	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/components"
	"kubevirt.io/kubevirt/tools/util"
)

func main() {
	for _, generate := range []func() (*extv1.CustomResourceDefinition, error){components.NewVirtualMachineCrd, components.NewVirtualMachineInstanceCrd} {
		definition, err := generate()
		if err == nil {
			err = util.MarshallObject(definition, os.Stdout)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "crds:", err)
			os.Exit(1)
		}
	}
}
