package loop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// DetachBelow detaches the devices on files in the folder, and those that kubelet puts on top of them to mark them as
// in use.
func DetachBelow(folder string) error {
	devices, err := inUse()
	if err != nil || len(devices) == 0 {
		return err
	}
	files, err := inodes(folder)
	if err != nil {
		return fmt.Errorf("find files of loop devices: %w", err)
	}
	// What is on top comes last in the list, and is detached first.
	for _, device := range slices.Backward(own(devices, files)) {
		if err := detach(device); err != nil {
			return err
		}
	}
	return nil
}

func detach(device Device) error {
	file, err := os.Open(device.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	return free(file)
}

// own returns the devices on one of the files, and after each those on top of it.
func own(devices []Device, files map[[2]uint64]bool) []Device {
	var ours []Device
	for _, device := range devices {
		if files[[2]uint64{device.FileDevice, device.FileInode}] {
			ours = append(ours, device)
		}
	}
	for index := 0; index < len(ours); index++ {
		for _, device := range devices {
			if device.FileNumber != 0 && device.FileNumber == ours[index].Number {
				ours = append(ours, device)
			}
		}
	}
	return ours
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
