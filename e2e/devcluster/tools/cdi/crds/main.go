// Command crds prints the CustomResourceDefinitions of CDI that Wukong reads and writes, as CDI's operator installs
// them, schema included.
package main

import (
	"fmt"
	"os"

	"kubevirt.io/containerized-data-importer/pkg/operator/resources"
)

func main() {
	for _, kind := range []string{"cdiconfig", "dataimportcron", "datasource", "datavolume"} {
		definition, found := resources.CDICRDs[kind]
		if !found {
			fmt.Fprintln(os.Stderr, "crds: CDI has no definition of", kind)
			os.Exit(1)
		}
		fmt.Println("---")
		fmt.Print(definition)
	}
}
