package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/debian"
	"github.com/novasphere/wukong/e2e/devcluster/internal/program"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// Files that the recipes leave in their folders: Debian the first, Tiny the others.
const (
	DebianImage = testbed.DebianImage
	TinyImage   = testbed.TinyImage
	TinyRaw     = testbed.TinyRaw
)

// Sizes of the disks in MiB. A disk that a machine gets from an image is at least as large as the image; both leave
// room for what CDI sets aside for a file system (5.5 %) in a volume of 1 GiB and of 64 MiB.
const (
	debianSize = 896
	tinySize   = 48
)

const agentProgram = "guest-agent"

// Debian is the recipe of the Debian guest's disk.
func Debian() *artifact.Recipe {
	base := debian.Rootfs("guest", packages...)
	return &artifact.Recipe{
		Name:  "debian-guest",
		Key:   []string{fmt.Sprint(debianSize), "layout 2", scriptsKey(debianFiles)},
		Needs: []*artifact.Recipe{base},
		Build: func(ctx context.Context, build *artifact.Build) error {
			return makeDebian(ctx, build, filepath.Join(build.Deps[base.Name], debian.Archive))
		},
	}
}

func makeDebian(ctx context.Context, build *artifact.Build, archive string) error {
	folders, err := unpack(ctx, build, archive)
	if err != nil {
		return err
	}
	for _, script := range []string{"files/initramfs.sh", "files/debian.sh"} {
		if err := runInside(ctx, build, folders.root, debianFiles, script); err != nil {
			return err
		}
	}
	moved := filepath.Join(build.Out, "boot")
	if err := os.Rename(folders.out, moved); err != nil {
		return err
	}
	folders.out = moved
	if err := placeKernel(ctx, build, folders.out, folders.root, "root"); err != nil {
		return err
	}
	raw := filepath.Join(build.Out, "debian.raw")
	err = makeDisk(ctx, build, disk{
		name: "root", folder: folders.root, size: debianSize, journal: 8, boot: folders.out, files: debianFiles,
		imagePath: raw,
	})
	if err != nil {
		return err
	}
	if err := compress(ctx, build, raw, DebianImage); err != nil {
		return err
	}
	return errors.Join(os.Remove(raw), folders.remove(), os.RemoveAll(folders.out))
}

// placeKernel puts kernel and initramfs into a guest's file system. The archive is compressed in the way that costs the
// kernel least: the firmware reads half of it, and what is read has no holes, so that GRUB finds every block on the
// disk.
func placeKernel(ctx context.Context, build *artifact.Build, boot, system, name string) error {
	if err := copyFiles(boot, system, kernelFile); err != nil {
		return err
	}
	archive, packed := filepath.Join(boot, name+".cpio"), filepath.Join(system, initramfsFile(name))
	// The legacy format is the one that the kernel knows (linux 6.12, lib/decompress_unlz4.c).
	if err := build.Run(ctx, artifact.Command{Args: []string{"lz4", "-q", "-l", "-9", archive, packed}}); err != nil {
		return fmt.Errorf("compress the initramfs of %s: %w", name, err)
	}
	return nil
}

// Tiny is the recipe of the tiny guest's disk.
func Tiny() *artifact.Recipe {
	base := debian.Rootfs("guest", packages...)
	agent := program.Binary(agentProgram, "internal/guestagent")
	return &artifact.Recipe{
		Name:  "tiny-guest",
		Key:   []string{fmt.Sprint(tinySize), "layout 1", scriptsKey(tinyFiles)},
		Needs: []*artifact.Recipe{base, agent},
		Build: func(ctx context.Context, build *artifact.Build) error {
			archive := filepath.Join(build.Deps[base.Name], debian.Archive)
			return makeTiny(ctx, build, archive, filepath.Join(build.Deps[agent.Name], "bin"))
		},
	}
}

func makeTiny(ctx context.Context, build *artifact.Build, archive, agentFolder string) error {
	folders, err := unpack(ctx, build, archive)
	if err != nil {
		return err
	}
	inside := filepath.Join(folders.root, "build")
	if err := errors.Join(os.Mkdir(inside, 0o755), copyFiles(agentFolder, inside, agentProgram)); err != nil {
		return err
	}
	if err := runInside(ctx, build, folders.root, tinyFiles, "tiny/tiny.sh"); err != nil {
		return err
	}
	system := filepath.Join(folders.out, "root")
	if err := placeKernel(ctx, build, folders.out, system, "tiny"); err != nil {
		return err
	}
	// A machine that is killed finds its files again, since the file system has a journal: the smallest that there is.
	err = makeDisk(ctx, build, disk{
		name: "tiny", folder: system, size: tinySize, journal: 4, boot: folders.out, files: tinyFiles,
		imagePath: filepath.Join(build.Out, TinyRaw),
	})
	if err != nil {
		return err
	}
	return errors.Join(compress(ctx, build, TinyRaw, TinyImage), folders.remove())
}

// compress makes a qcow2 image that is quick to send and to unpack.
func compress(ctx context.Context, build *artifact.Build, raw, name string) error {
	err := build.Run(ctx, artifact.Command{
		Args: []string{"qemu-img", "convert", "-c", "-m", "4", "-W", "-f", "raw", "-O", "qcow2", raw, name},
	})
	if err != nil {
		return fmt.Errorf("compress %s: %w", name, err)
	}
	return nil
}
