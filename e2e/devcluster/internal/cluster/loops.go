package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// loopDevice is a loop device in use.
type loopDevice struct {
	path string
	// number is its own device number.
	number uint64
	// fileDevice and fileInode name its file; fileNumber is the device number of the file if that is a block device itself.
	fileDevice, fileInode, fileNumber uint64
}

// detachLoops detaches the loop devices of block volumes, which belong to the machine and not to a namespace. These are the ones
// on files in the folder, and those that kubelet puts on top of them to mark them as in use. The files are known by their inodes: the kernel
// shows their paths as a container saw them.
func detachLoops(folder string) error {
	devices, err := loopsInUse()
	if err != nil || len(devices) == 0 {
		return err
	}
	files, err := inodes(folder)
	if err != nil {
		return fmt.Errorf("find files of loop devices: %w", err)
	}
	ours := ownLoops(devices, files)
	// What is on top comes last in the list, and goes first.
	for _, device := range slices.Backward(ours) {
		if err := detachLoop(device.path); err != nil {
			return err
		}
	}
	return nil
}

// ownLoops returns the loop devices on one of the files, and after each those on top of it.
func ownLoops(devices []loopDevice, files map[[2]uint64]bool) []loopDevice {
	var ours []loopDevice
	for _, device := range devices {
		if files[[2]uint64{device.fileDevice, device.fileInode}] {
			ours = append(ours, device)
		}
	}
	for index := 0; index < len(ours); index++ {
		for _, device := range devices {
			if device.fileNumber != 0 && device.fileNumber == ours[index].number {
				ours = append(ours, device)
			}
		}
	}
	return ours
}

func loopsInUse() ([]loopDevice, error) {
	found, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return nil, err
	}
	var devices []loopDevice
	for _, path := range found {
		device, err := inspectLoop("/dev/" + filepath.Base(filepath.Dir(filepath.Dir(path))))
		if errors.Is(err, unix.ENXIO) {
			continue // detached meanwhile
		}
		if err != nil {
			return nil, err
		}
		devices = append(devices, device)
	}
	return devices, nil
}

func inspectLoop(path string) (loopDevice, error) {
	handle, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return loopDevice{}, fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(handle)
	var own unix.Stat_t
	if err := unix.Fstat(handle, &own); err != nil {
		return loopDevice{}, fmt.Errorf("stat %s: %w", path, err)
	}
	info, err := unix.IoctlLoopGetStatus64(handle)
	if err != nil {
		return loopDevice{}, fmt.Errorf("ask %s for its file: %w", path, err)
	}
	return loopDevice{
		path: path, number: own.Rdev, fileDevice: info.Device, fileInode: info.Inode, fileNumber: info.Rdevice,
	}, nil
}

// inodes returns device and inode of every file in the folder.
func inodes(folder string) (map[[2]uint64]bool, error) {
	files := map[[2]uint64]bool{}
	err := filepath.WalkDir(folder, func(_ string, item fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil || !item.Type().IsRegular() {
			return err
		}
		info, err := item.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			files[[2]uint64{stat.Dev, stat.Ino}] = true
		}
		return nil
	})
	return files, err
}

func detachLoop(path string) error {
	handle, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(handle)
	if err := unix.IoctlSetInt(handle, unix.LOOP_CLR_FD, 0); err != nil && !errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("detach %s: %w", path, err)
	}
	return nil
}
