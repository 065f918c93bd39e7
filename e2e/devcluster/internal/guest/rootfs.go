package guest

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/debian"
)

//go:embed files
var files embed.FS

// packages are what the Debian guest has, and what its boot loader and initramfs are made with.
var packages = []string{
	"systemd", "systemd-sysv", "systemd-resolved", "dbus", "udev", "kmod", "login", "sudo", "procps", "util-linux-extra",
	"cloud-init", "cloud-guest-utils", "e2fsprogs", "fdisk", "qemu-guest-agent", "openssh-server", "ca-certificates",
	"iproute2", "iputils-ping", "linux-image-cloud-amd64", "busybox-static", "grub-pc-bin", "grub-efi-amd64-bin", "grub-common",
}

// scratch are the folders of a build that do not stay in the cache.
type scratch struct {
	root string // the Debian root file system
	out  string // kernel, initramfs archives and boot loaders
	tiny string // the root file system of the tiny guest
}

// hostPackages are what the recipes need on this machine.
var hostPackages = []debian.Package{
	{Name: "e2fsprogs", Reason: "makes the file systems of guest images"},
	{Name: "dosfstools", Reason: "makes the boot partition of guest images for UEFI"},
	{Name: "mtools", Reason: "fills the boot partition of guest images for UEFI"},
	{Name: "qemu-utils", Reason: "compresses guest images"},
}

// prepare fills the folders: unpacks Debian, makes the boot parts from it, then turns it into the guest.
func prepare(ctx context.Context, build *artifact.Build, archive string) (scratch, error) {
	folders := scratch{
		root: filepath.Join(build.Out, "root"), out: filepath.Join(build.Out, "root", "out"), tiny: filepath.Join(build.Out, "tiny"),
	}
	if err := debian.Ensure(ctx, build.Log, hostPackages...); err != nil {
		return folders, err
	}
	if err := debian.Unpack(ctx, build, archive, folders.root); err != nil {
		return folders, fmt.Errorf("unpack Debian: %w", err)
	}
	for _, script := range []string{"initramfs.sh", "debian.sh"} {
		if err := runInside(ctx, build, folders.root, script); err != nil {
			return folders, err
		}
	}
	moved := filepath.Join(build.Out, "boot")
	if err := os.Rename(folders.out, moved); err != nil {
		return folders, err
	}
	folders.out = moved
	if err := copyFiles(folders.out, folders.root, kernelFile, initramfsFile("root")); err != nil {
		return folders, err
	}
	if err := os.Mkdir(folders.tiny, 0o755); err != nil {
		return folders, err
	}
	return folders, copyFiles(folders.out, folders.tiny, kernelFile, initramfsFile("tiny"))
}

// runInside runs a script of this package in the root file system, with the other files beside it in /build.
func runInside(ctx context.Context, build *artifact.Build, root, script string) error {
	folder := filepath.Join(root, "build")
	if err := os.CopyFS(folder, files); err != nil {
		return fmt.Errorf("copy the scripts: %w", err)
	}
	command := artifact.Command{
		Env:  []string{"LC_ALL=C", "SYSTEMD_LOG_LEVEL=err"},
		Args: []string{"chroot", root, "/bin/sh", "/build/files/" + script},
	}
	if err := build.Run(ctx, command); err != nil {
		return fmt.Errorf("%s in the root file system: %w", script, err)
	}
	return os.RemoveAll(folder)
}

func copyFiles(from, to string, names ...string) error {
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
