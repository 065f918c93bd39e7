package debian

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
)

const (
	// Suite is the Debian release of all root file systems: the first with libvirt 11 and QEMU 10.
	Suite = "trixie"
	// Archive is the file that a recipe of Rootfs leaves in its folder: an uncompressed tar file with extended
	// attributes.
	Archive = "rootfs.tar"
	// Mirror is where packages come from, unless DEBIAN_MIRROR says otherwise.
	Mirror = "http://deb.debian.org/debian"
)

//go:embed rootfs.sh
var rootfsScript string

// Rootfs is a recipe named <name>-rootfs: a minimal Debian with the packages and what they depend on, without
// recommendations, documentation and translations. It leaves Archive in its folder.
func Rootfs(name string, packages ...string) *artifact.Recipe {
	return &artifact.Recipe{
		Name: name + "-rootfs",
		Key:  []string{Suite, runtime.GOARCH, rootfsScript, strings.Join(packages, " ")},
		Build: func(ctx context.Context, build *artifact.Build) error {
			if err := Ensure(ctx, build.Log, rootfsPackages...); err != nil {
				return err
			}
			return bootstrap(ctx, build, packages)
		},
	}
}

// rootfsPackages are what rootfs.sh needs on this machine.
var rootfsPackages = []Package{
	{Name: "debootstrap", Reason: "makes the root file systems of container images"},
	{Name: "debian-archive-keyring", Reason: "proves that packages are Debian's"},
	{Name: "xz-utils", Reason: "unpacks Debian packages"},
}

func bootstrap(ctx context.Context, build *artifact.Build, packages []string) error {
	mirror := os.Getenv("DEBIAN_MIRROR")
	if mirror == "" {
		mirror = Mirror
	}
	root := filepath.Join(build.Out, "rootfs")
	// The script mounts /proc for the packages' own scripts, in a mount namespace that ends with it.
	script := artifact.Command{
		Unshare: true,
		Args:    append([]string{"/bin/sh", "-ec", rootfsScript, "rootfs.sh", root, Suite, mirror}, packages...),
	}
	if err := build.Run(ctx, script); err != nil {
		return fmt.Errorf("make a Debian root file system: %w", err)
	}
	if err := Pack(ctx, build, root, filepath.Join(build.Out, Archive)); err != nil {
		return err
	}
	return artifact.RemoveTree(root)
}

// Pack writes a folder to an uncompressed tar file with owners, links, devices and extended attributes, in order of
// names. It is what Rootfs leaves, what image.FromRootfs takes and Unpack reads.
func Pack(ctx context.Context, build *artifact.Build, root, archive string) error {
	return build.Run(ctx, artifact.Command{Args: []string{
		"tar", "--create", "--file", archive, "--directory", root, "--xattrs", "--xattrs-include=*", "--numeric-owner",
		"--sort=name", ".",
	}})
}

// Unpack is the reverse of Pack. It makes the folder and those above it, and needs root for owners and devices.
func Unpack(ctx context.Context, build *artifact.Build, archive, root string) error {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	return build.Run(ctx, artifact.Command{Args: []string{
		"tar", "--extract", "--file", archive, "--directory", root, "--xattrs", "--xattrs-include=*", "--numeric-owner",
		"--preserve-permissions",
	}})
}
