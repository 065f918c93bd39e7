package registry

import (
	"context"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/image"
	"github.com/novasphere/wukong/e2e/devcluster/internal/guest"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

const (
	serverName  = testbed.RegistryService
	serverImage = "wukong.local/registry:1"
	serverUser  = 65532
)

// tinyDisk is an image with nothing but /disk/tiny.qcow2, where KubeVirt and CDI look for it.
func tinyDisk() *artifact.Recipe {
	guests := guest.Tiny()
	return &artifact.Recipe{
		Name:  "tiny-disk-image",
		Key:   []string{testbed.TinyContainerDisk(), "layout 1"},
		Needs: []*artifact.Recipe{guests},
		Build: func(_ context.Context, build *artifact.Build) error {
			source := filepath.Join(build.Deps[guests.Name], testbed.TinyImage)
			files := map[string]image.File{"/disk/" + testbed.TinyImage: {Source: source, Mode: 0o444}}
			return image.FromFiles(filepath.Join(build.Out, image.Archive), testbed.TinyContainerDisk(),
				image.Config{}, files)
		},
	}
}
