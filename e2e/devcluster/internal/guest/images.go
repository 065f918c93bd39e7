package guest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/debian"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// Files that the recipe of Images leaves in its folder.
const (
	DebianImage = testbed.DebianImage
	TinyImage   = testbed.TinyImage
	TinyRaw     = testbed.TinyRaw
)

// Sizes of the disks in MiB. A disk that a machine gets from an image is at least as large as the image; both leave room for
// what CDI sets aside for a file system (5.5 %) in a volume of 1 GiB and of 32 MiB.
const (
	debianSize = 896
	tinySize   = 24
)

// Images is the recipe of both guests' disks.
func Images() *artifact.Recipe {
	base := debian.Rootfs("guest", packages...)
	return &artifact.Recipe{
		Name:  "guest-images",
		Key:   []string{fmt.Sprint(debianSize, tinySize), "layout 2", scriptsKey()},
		Needs: []*artifact.Recipe{base},
		Build: func(ctx context.Context, build *artifact.Build) error {
			return makeImages(ctx, build, filepath.Join(build.Deps[base.Name], debian.Archive))
		},
	}
}

func makeImages(ctx context.Context, build *artifact.Build, archive string) error {
	folders, err := prepare(ctx, build, archive)
	if err != nil {
		return err
	}
	raw := filepath.Join(build.Out, "debian.raw")
	disks := []disk{
		{name: "root", folder: folders.root, size: debianSize, extFlags: []string{"-J", "size=8"}, imagePath: raw},
		{name: "tiny", folder: folders.tiny, size: tinySize, extFlags: []string{"-O", "^has_journal"}, imagePath: filepath.Join(build.Out, TinyRaw)},
	}
	for _, one := range disks {
		one.boot = folders.out
		if err := makeDisk(ctx, build, one); err != nil {
			return err
		}
	}
	if err := errors.Join(compress(ctx, build, raw, DebianImage), compress(ctx, build, TinyRaw, TinyImage)); err != nil {
		return err
	}
	return errors.Join(os.Remove(raw), artifact.RemoveTree(folders.root), os.RemoveAll(folders.out), os.RemoveAll(folders.tiny))
}

// compress makes a qcow2 image that is quick to send and to unpack.
func compress(ctx context.Context, build *artifact.Build, raw, name string) error {
	err := build.Run(ctx, artifact.Command{Args: []string{"qemu-img", "convert", "-c", "-m", "4", "-W", "-f", "raw", "-O", "qcow2", raw, name}})
	if err != nil {
		return fmt.Errorf("compress %s: %w", name, err)
	}
	return nil
}

// scriptsKey is the text of all files that decide what the guests are.
func scriptsKey() string {
	var text strings.Builder
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(path)
		fmt.Fprintf(&text, "%s %q\n", path, content)
		return err
	})
	if err != nil {
		panic("embedded files are unreadable: " + err.Error())
	}
	return text.String()
}
