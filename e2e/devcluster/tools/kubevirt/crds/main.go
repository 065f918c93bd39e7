// Command crds prints the CustomResourceDefinitions of KubeVirt that Wukong uses, as KubeVirt's operator installs them,
// schemas included.
package main

import (
	"fmt"
	"os"

	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/components"
)

func main() {
	for _, generate := range []func() (*extv1.CustomResourceDefinition, error){
		components.NewVirtualMachineCrd, components.NewVirtualMachineInstanceCrd,
		components.NewVirtualMachineInstanceMigrationCrd,
		components.NewKubeVirtCrd,
	} {
		if err := printDefinition(generate); err != nil {
			fmt.Fprintln(os.Stderr, "crds:", err)
			os.Exit(1)
		}
	}
}

func printDefinition(generate func() (*extv1.CustomResourceDefinition, error)) error {
	definition, err := generate()
	if err != nil {
		return err
	}
	text, err := yaml.Marshal(definition)
	if err != nil {
		return err
	}
	_, err = fmt.Printf("---\n%s", text)
	return err
}
