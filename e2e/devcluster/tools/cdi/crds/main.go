// Command crds prints the CustomResourceDefinition of DataVolume as CDI's operator installs it, schema included.
package main

import (
	"fmt"
	"os"

	"kubevirt.io/containerized-data-importer/pkg/operator/resources"
)

func main() {
	definition, found := resources.CDICRDs["datavolume"]
	if !found {
		fmt.Fprintln(os.Stderr, "crds: CDI has no definition of DataVolume")
		os.Exit(1)
	}
	fmt.Println("---")
	fmt.Print(definition)
}
