package guest

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/debian"
)

// debianFiles make the Debian guest.
//
//go:embed files
var debianFiles embed.FS

// tinyFiles make the tiny guest. A change of them does not make the Debian guest again.
//
//go:embed files/boot.sh files/grub.sh tiny
var tinyFiles embed.FS

// packages are what the Debian guest has, and what both guests are made with.
var packages = []string{
	"systemd", "systemd-sysv", "systemd-resolved", "dbus", "udev", "kmod", "login", "sudo", "procps",
	"util-linux-extra",
	"cloud-init", "cloud-guest-utils", "e2fsprogs", "fdisk", "qemu-guest-agent", "openssh-server", "ca-certificates",
	"iproute2", "iputils-ping", "linux-image-cloud-amd64", "busybox-static", "grub-pc-bin", "grub-efi-amd64-bin",
	"grub-common",
}

// scratch are the folders of a build that do not stay in the cache.
type scratch struct {
	root string // a Debian root file system
	out  string // kernel, initramfs archive, and in tools what makes boot loaders
}

func (s scratch) remove() error { return artifact.RemoveTree(s.root) }

// hostPackages are what the recipes need on this machine.
var hostPackages = []debian.Package{
	{Name: "e2fsprogs", Reason: "makes the file systems of guest images"},
	{Name: "lz4", Reason: "compresses what guests boot with"},
	{Name: "dosfstools", Reason: "makes the boot partition of guest images for UEFI"},
	{Name: "mtools", Reason: "fills the boot partition of guest images for UEFI"},
	{Name: "qemu-utils", Reason: "compresses guest images"},
}

// unpack makes the folders and fills the Debian root file system.
func unpack(ctx context.Context, build *artifact.Build, archive string) (scratch, error) {
	folders := scratch{root: filepath.Join(build.Out, "root"), out: filepath.Join(build.Out, "root", "out")}
	if err := debian.Ensure(ctx, build.Log, hostPackages...); err != nil {
		return folders, err
	}
	if err := debian.Unpack(ctx, build, archive, folders.root); err != nil {
		return folders, fmt.Errorf("unpack Debian: %w", err)
	}
	return folders, nil
}

// runInside runs a script of this package in the root file system, with the other files beside it in /build.
func runInside(
	ctx context.Context, build *artifact.Build, root string, files fs.FS, script string, arguments ...string,
) error {
	folder := filepath.Join(root, "build")
	if err := os.CopyFS(folder, files); err != nil {
		return fmt.Errorf("copy the scripts: %w", err)
	}
	command := artifact.Command{
		Env:  []string{"LC_ALL=C", "SYSTEMD_LOG_LEVEL=err"},
		Args: append([]string{"chroot", root, "/bin/sh", "/build/" + script}, arguments...),
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

// scriptsKey is the text of all files that decide what a guest is.
func scriptsKey(files fs.FS) string {
	var text strings.Builder
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		fmt.Fprintf(&text, "%s %q\n", path, content)
		return err
	})
	if err != nil {
		panic("embedded files are unreadable: " + err.Error())
	}
	return text.String()
}
