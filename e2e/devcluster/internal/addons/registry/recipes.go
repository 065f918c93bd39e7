package registry

import (
	"context"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/image"
	"github.com/novasphere/wukong/e2e/devcluster/internal/guest"
)

const (
	// Host is the address of the registry inside the cluster.
	Host = "registry.wukong-devcluster.svc:5000"
	// TinyDisk is the container disk with the tiny guest. docker://<TinyDisk> is its address for CDI.
	TinyDisk = Host + "/guest/tiny:1"

	serverName  = "registry"
	serverImage = "wukong.local/registry:1"
	serverUser  = 65532
)

// tinyDisk is an image with nothing but /disk/tiny.qcow2, where KubeVirt and CDI look for it.
func tinyDisk() *artifact.Recipe {
	guests := guest.Tiny()
	return &artifact.Recipe{
		Name:  "tiny-disk-image",
		Key:   []string{TinyDisk, "layout 1"},
		Needs: []*artifact.Recipe{guests},
		Build: func(_ context.Context, build *artifact.Build) error {
			source := filepath.Join(build.Deps[guests.Name], guest.TinyImage)
			files := map[string]image.File{"/disk/" + guest.TinyImage: {Source: source, Mode: 0o444}}
			return image.FromFiles(filepath.Join(build.Out, image.Archive), TinyDisk, image.Config{}, files)
		},
	}
}
