package pooldisk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/novasphere/wukong/e2e/devcluster/debian"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// Kind is the kind of the file system.
type Kind string

// All kinds, the best first.
const (
	Btrfs  Kind = "btrfs"
	XFS    Kind = "xfs"
	Folder Kind = ""
)

// size is that of the file system. The file takes what is written.
const size = 256 << 30

// Best is the best kind that the kernel has. It loads the module where there is one.
func Best() (Kind, error) {
	for _, kind := range []Kind{Btrfs, XFS} {
		// As mount does, it looks for the module (fs/fsopen.c, get_fs_type).
		handle, err := unix.Fsopen(string(kind), unix.FSOPEN_CLOEXEC)
		if errors.Is(err, unix.ENODEV) {
			continue
		}
		if err != nil {
			return Folder, fmt.Errorf("ask the kernel for %s: %w", kind, err)
		}
		return kind, unix.Close(handle)
	}
	return Folder, nil
}

// Snapshots is how exact snapshots are, as testbed.SnapshotsLabel says it.
func (k Kind) Snapshots() string {
	return map[Kind]string{Btrfs: testbed.SnapshotsAtomic, XFS: testbed.SnapshotsPerFile,
		Folder: testbed.SnapshotsCopied}[k]
}

// Describe is a sentence for people.
func (k Kind) Describe() string {
	return map[Kind]string{
		Btrfs: "volumes are on Btrfs: a snapshot is one moment, of one volume or of several",
		XFS: "volumes are on XFS, since the kernel has no Btrfs: a snapshot is one moment of each file, and there " +
			"are no snapshots of groups",
		Folder: "volumes are on the host's disk, since the kernel has neither Btrfs nor XFS: a snapshot is a copy, " +
			"torn if its volume is written meanwhile",
	}[k]
}

// Packages are what Format needs from Debian.
func (k Kind) Packages() []debian.Package {
	switch k {
	case Btrfs:
		return []debian.Package{
			{Name: "btrfs-progs", Reason: "makes the file system of volumes, whose snapshots are one moment"},
		}
	case XFS:
		return []debian.Package{
			{Name: "xfsprogs", Reason: "makes the file system of volumes, which clones files at one moment"},
		}
	}
	return nil
}

// Options are those of mount.
//
// Checksums of Btrfs are off: a guest may change a page while direct I/O writes it, and the sum would be wrong. Since
// Linux 6.15 direct I/O on files with checksums is therefore buffered (commit 968f19c5b1b7, "always fallback to
// buffered write if the inode requires checksum"). Files without checksums are copied on write all the same, unlike
// with nodatacow.
func (k Kind) Options() string {
	if k == Btrfs {
		return "nodatasum,discard=async"
	}
	return "discard"
}

// Format makes an empty file system in a new file.
func (k Kind) Format(ctx context.Context, file string) error {
	made, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(made.Truncate(size), made.Close()); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "mkfs.xfs", "-q", "-K", "-m", "reflink=1", file)
	if k == Btrfs {
		// One copy of everything: it is one disk, and nobody misses what is lost with it.
		command = exec.CommandContext(ctx, "mkfs.btrfs", "-q", "-K", "--data", "single", "--metadata", "single", file)
	}
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command.Args, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}
