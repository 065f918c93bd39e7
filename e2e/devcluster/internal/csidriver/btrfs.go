package csidriver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests and structures of linux/btrfs.h. Libraries that have them need cgo and the header.
const (
	snapshotCreate   = 0x50009417 // BTRFS_IOC_SNAP_CREATE_V2
	subvolumeDestroy = 0x5000940f // BTRFS_IOC_SNAP_DESTROY
	subvolumeRead    = 1 << 1     // BTRFS_SUBVOL_RDONLY
	subvolumeInode   = 256        // BTRFS_FIRST_FREE_OBJECTID, the inode of the root folder of every subvolume
)

// snapshotArguments is struct btrfs_ioctl_vol_args_v2.
type snapshotArguments struct {
	source int64
	_      uint64
	flags  uint64
	_      [4]uint64
	name   [4040]byte
}

// destroyArguments is struct btrfs_ioctl_vol_args.
type destroyArguments struct {
	_    int64
	name [4088]byte
}

// isSubvolume says whether a folder is the root of a Btrfs subvolume.
func isSubvolume(folder string) (bool, error) {
	var system unix.Statfs_t
	if err := unix.Statfs(folder, &system); err != nil {
		return false, fmt.Errorf("ask for the file system of %s: %w", folder, err)
	}
	var root unix.Stat_t
	if err := unix.Stat(folder, &root); err != nil {
		return false, fmt.Errorf("look at %s: %w", folder, err)
	}
	return uint64(system.Type) == unix.BTRFS_SUPER_MAGIC && root.Ino == subvolumeInode, nil
}

// snapshotSubvolume makes target, a snapshot of the subvolume at source that cannot be written. Subvolumes in it are
// empty folders there.
func snapshotSubvolume(source, target string) error {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	arguments := snapshotArguments{source: int64(from.Fd()), flags: subvolumeRead}
	copy(arguments.name[:len(arguments.name)-1], filepath.Base(target))
	if err := control(filepath.Dir(target), snapshotCreate, unsafe.Pointer(&arguments)); err != nil {
		return fmt.Errorf("snapshot subvolume %s: %w", source, err)
	}
	return nil
}

// deleteSubvolume is no error for one that is not there.
func deleteSubvolume(target string) error {
	arguments := destroyArguments{}
	copy(arguments.name[:len(arguments.name)-1], filepath.Base(target))
	err := control(filepath.Dir(target), subvolumeDestroy, unsafe.Pointer(&arguments))
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("delete subvolume %s: %w", target, err)
	}
	return nil
}

func control(folder string, request uintptr, arguments unsafe.Pointer) error {
	parent, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer parent.Close()
	if _, _, failure := unix.Syscall(unix.SYS_IOCTL, parent.Fd(), request, uintptr(arguments)); failure != 0 {
		return failure
	}
	return nil
}
