package guest

import (
	"context"
	"os"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/debian"
	"github.com/novasphere/wukong/e2e/devcluster/image"
)

// Busybox is the recipe of an image with nothing but BusyBox as /bin/busybox and /bin/sh, for pods of tests that look
// at volumes and networks. It is the one that the guests have, so it costs nothing more to make.
func Busybox(reference string) *artifact.Recipe {
	base := debian.Rootfs("guest", packages...)
	return &artifact.Recipe{
		Name:  "busybox-image",
		Key:   []string{reference, "layout 1"},
		Needs: []*artifact.Recipe{base},
		Build: func(ctx context.Context, build *artifact.Build) error {
			const inside = "usr/bin/busybox"
			command := artifact.Command{Args: []string{
				"tar", "--extract", "--file", filepath.Join(build.Deps[base.Name], debian.Archive), "./" + inside,
			}}
			if err := build.Run(ctx, command); err != nil {
				return err
			}
			program := filepath.Join(build.Out, inside)
			files := map[string]string{"/bin/busybox": program, "/bin/sh": program}
			if err := image.FromBinaries(
				filepath.Join(build.Out, image.Archive), reference, "", []string{"/bin/sh"}, files,
			); err != nil {
				return err
			}
			return os.RemoveAll(filepath.Join(build.Out, "usr"))
		},
	}
}
