package csi

import (
	"context"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/image"
	"github.com/novasphere/wukong/e2e/devcluster/internal/program"
)

// reference names the one image: the driver and all sidecars.
const reference = "wukong.local/csi:1"

// sidecarModule is the tool module of the sidecars and the snapshot controller. The provisioner has one of its own,
// since it wants other versions of the Kubernetes libraries.
const (
	sidecarModule     = "csi"
	provisionerModule = "csi-provisioner"
	driverProgram     = "csi-driver"
)

func csiImage() *artifact.Recipe {
	driver := program.Binary(driverProgram, "internal/csidriver", "internal/loop")
	sidecars := artifact.GoTools(sidecarModule, artifact.GoOptions{})
	provisioner := artifact.GoTools(provisionerModule, artifact.GoOptions{})
	programs := map[string]*artifact.Recipe{
		driverProgram: driver, "csi-provisioner": provisioner,
		"csi-resizer": sidecars, "csi-snapshotter": sidecars, "snapshot-controller": sidecars,
	}
	return &artifact.Recipe{
		Name:  "csi-image",
		Key:   []string{reference, "layout 1"},
		Needs: []*artifact.Recipe{driver, sidecars, provisioner},
		Build: func(_ context.Context, build *artifact.Build) error {
			files := map[string]string{}
			for name, recipe := range programs {
				files["/"+name] = filepath.Join(build.Deps[recipe.Name], "bin", name)
			}
			// Mounts and loop devices need root.
			return image.FromBinaries(filepath.Join(build.Out, image.Archive), reference, "",
				[]string{"/" + driverProgram}, files)
		},
	}
}
