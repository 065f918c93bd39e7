package csidriver

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// attach makes sure that a block volume has a loop device, and notes that target uses it. All nodes are on one kernel, so they
// share the device: two devices for one file would not see each other's writes.
func (d *Driver) attach(id, target string) (device string, err error) {
	err = d.withAttachments(id, func(folder string) error {
		content := d.pool.content(volumes, id)
		if device, err = findLoop(content); err != nil {
			return err
		}
		if device == "" {
			if device, err = addLoop(content); err != nil {
				return fmt.Errorf("make a device for %s: %w", id, err)
			}
		}
		return os.WriteFile(filepath.Join(folder, d.attachment(target)), []byte(target), 0o600)
	})
	return device, err
}

// detach forgets a target, and frees the device when no node has another.
func (d *Driver) detach(id, target string) error {
	return d.withAttachments(id, func(folder string) error {
		err := os.Remove(filepath.Join(folder, d.attachment(target)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		rest, err := os.ReadDir(folder)
		if err != nil || len(rest) > 0 {
			return err
		}
		return detachLoop(d.pool.content(volumes, id))
	})
}

// attachment names the file that stands for one use of a device.
func (d *Driver) attachment(target string) string {
	sum := sha256.Sum256([]byte(d.options.NodeID + "\x00" + target))
	return hex.EncodeToString(sum[:16])
}

// withAttachments holds a lock that all nodes see.
func (d *Driver) withAttachments(id string, work func(folder string) error) error {
	folder := filepath.Join(d.pool.path(volumes, id), attachmentsDir)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	lock, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", id, err)
	}
	return work(folder)
}

// findLoop returns the loop device of a file, or an empty string.
func findLoop(file string) (string, error) {
	var want unix.Stat_t
	if err := unix.Stat(file, &want); err != nil {
		return "", fmt.Errorf("look at %s: %w", file, err)
	}
	backing, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return "", err
	}
	for _, path := range backing {
		device := "/dev/" + strings.Split(path, "/")[3]
		info, err := loopInfo(device)
		if errors.Is(err, unix.ENXIO) || errors.Is(err, fs.ErrNotExist) {
			continue // freed while we look
		}
		if err != nil {
			return "", fmt.Errorf("look at %s: %w", device, err)
		}
		if info.Inode == want.Ino && info.Device == want.Dev {
			return device, nil
		}
	}
	return "", nil
}

func loopInfo(device string) (*unix.LoopInfo64, error) {
	file, err := os.Open(device)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return unix.IoctlLoopGetStatus64(int(file.Fd()))
}

// attempts are how often another process may take the free device first.
const attempts = 16

func addLoop(content string) (string, error) {
	backing, err := os.OpenFile(content, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer backing.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer control.Close()
	for range attempts {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return "", fmt.Errorf("ask for a free loop device: %w", err)
		}
		device := fmt.Sprintf("/dev/loop%d", number)
		err = configureLoop(device, backing)
		if err == nil {
			return device, nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return "", fmt.Errorf("set up %s: %w", device, err)
		}
	}
	return "", fmt.Errorf("other processes took %d loop devices first", attempts)
}

func configureLoop(device string, backing *os.File) error {
	loop, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer loop.Close()
	config := unix.LoopConfig{Fd: uint32(backing.Fd())}
	copy(config.Info.File_name[:len(config.Info.File_name)-1], backing.Name())
	// Past the page cache, which would keep every block twice. Where the file system cannot do that, the kernel ignores it.
	config.Info.Flags = unix.LO_FLAGS_DIRECT_IO
	return unix.IoctlLoopConfigure(int(loop.Fd()), &config)
}

// detachLoop frees the loop device of a file, if it has one.
func detachLoop(content string) error {
	device, err := findLoop(content)
	if err != nil || device == "" {
		return err
	}
	return withDevice(device, unix.LOOP_CLR_FD)
}

// growLoop makes the device of a file as large as the file.
func growLoop(content string) error {
	device, err := findLoop(content)
	if err != nil {
		return err
	}
	if device == "" {
		return fmt.Errorf("%s has no device", content)
	}
	return withDevice(device, unix.LOOP_SET_CAPACITY)
}

func withDevice(device string, request uint) error {
	file, err := os.Open(device)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := unix.IoctlSetInt(int(file.Fd()), request, 0); err != nil && !errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("control %s: %w", device, err)
	}
	return nil
}
