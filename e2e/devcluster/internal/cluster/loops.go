package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// detachLoops detaches the loop devices whose files are in the folder. Block volumes are loop devices, and these belong to the
// machine and not to a namespace. The file is known by its inode: the kernel shows its path as a node saw it.
func detachLoops(folder string) error {
	devices, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil || len(devices) == 0 {
		return err
	}
	files := map[[2]uint64]bool{}
	err = filepath.WalkDir(folder, func(path string, item fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil || !item.Type().IsRegular() {
			return err
		}
		info, err := item.Info()
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			files[[2]uint64{stat.Dev, stat.Ino}] = true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("find files of loop devices: %w", err)
	}
	for _, path := range devices {
		if err := detachLoop("/dev/"+filepath.Base(filepath.Dir(filepath.Dir(path))), files); err != nil {
			return err
		}
	}
	return nil
}

func detachLoop(device string, files map[[2]uint64]bool) error {
	handle, err := unix.Open(device, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", device, err)
	}
	defer unix.Close(handle)
	info, err := unix.IoctlLoopGetStatus64(handle)
	if errors.Is(err, unix.ENXIO) {
		return nil // detached meanwhile
	}
	if err != nil {
		return fmt.Errorf("ask %s for its file: %w", device, err)
	}
	if !files[[2]uint64{info.Device, info.Inode}] {
		return nil
	}
	if err := unix.IoctlSetInt(handle, unix.LOOP_CLR_FD, 0); err != nil && !errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("detach %s: %w", device, err)
	}
	return nil
}
