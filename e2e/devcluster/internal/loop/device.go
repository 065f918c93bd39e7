package loop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Flags of Attach.
const (
	// DirectIO writes past the page cache, which would keep every block twice. Where the file system cannot do that,
	// the kernel ignores it.
	DirectIO = unix.LO_FLAGS_DIRECT_IO
	// AutoClear detaches the device when its last user closes it.
	AutoClear = unix.LO_FLAGS_AUTOCLEAR
)

// attempts are how often another process may take the free device first.
const attempts = 16

// Device is a loop device in use.
type Device struct {
	// Path is where it is, such as /dev/loop0.
	Path string
	// Number is its own device number.
	Number uint64
	// FileDevice and FileInode name its file; FileNumber is the device number of the file if that is a block device
	// itself.
	FileDevice, FileInode, FileNumber uint64
}

// Find returns the path of the device of a file, or an empty string.
func Find(file string) (string, error) {
	var want unix.Stat_t
	if err := unix.Stat(file, &want); err != nil {
		return "", fmt.Errorf("look at %s: %w", file, err)
	}
	devices, err := inUse()
	if err != nil {
		return "", err
	}
	for _, device := range devices {
		if device.FileInode == want.Ino && device.FileDevice == want.Dev {
			return device.Path, nil
		}
	}
	return "", nil
}

// Attach makes a device for a file, which must have none, and opens it.
func Attach(file string, flags uint32) (*os.File, error) {
	backing, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer backing.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	for range attempts {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("ask for a free loop device: %w", err)
		}
		path := fmt.Sprintf("/dev/loop%d", number)
		device, err := configure(path, backing, flags)
		if err == nil {
			return device, nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("set up %s: %w", path, err)
		}
	}
	return nil, fmt.Errorf("other processes took %d loop devices first", attempts)
}

func configure(path string, backing *os.File, flags uint32) (*os.File, error) {
	device, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	config := unix.LoopConfig{Fd: uint32(backing.Fd())}
	copy(config.Info.File_name[:len(config.Info.File_name)-1], backing.Name())
	config.Info.Flags = flags
	if err := unix.IoctlLoopConfigure(int(device.Fd()), &config); err != nil {
		return nil, errors.Join(err, device.Close())
	}
	return device, nil
}

// Open opens the device of a file, to read. It returns nil where the file has none.
func Open(file string) (*os.File, error) {
	path, err := Find(file)
	if err != nil || path == "" {
		return nil, err
	}
	device, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	// While it is open it stays; before that, it may have become the device of another file.
	if again, err := Find(file); err != nil || again != path {
		return nil, errors.Join(err, device.Close())
	}
	return device, nil
}

// Detach frees the device of a file, if it has one; one that is open elsewhere is freed when it is closed.
func Detach(file string) error {
	device, err := Open(file)
	if err != nil || device == nil {
		return err
	}
	defer device.Close()
	return free(device)
}

// Grow makes the device of a file as large as the file.
func Grow(file string) error {
	device, err := Open(file)
	if err != nil {
		return err
	}
	if device == nil {
		return fmt.Errorf("%s has no device", file)
	}
	defer device.Close()
	if err := unix.IoctlSetInt(int(device.Fd()), unix.LOOP_SET_CAPACITY, 0); err != nil {
		return fmt.Errorf("grow %s: %w", device.Name(), err)
	}
	return nil
}

// Sync writes what the page cache holds of the device of a file to the file. A file without a device needs none.
func Sync(file string) error {
	device, err := Open(file)
	if err != nil || device == nil {
		return err
	}
	defer device.Close()
	return device.Sync()
}

func free(device *os.File) error {
	if err := unix.IoctlSetInt(int(device.Fd()), unix.LOOP_CLR_FD, 0); err != nil && !errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("detach %s: %w", device.Name(), err)
	}
	return nil
}

func inUse() ([]Device, error) {
	found, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return nil, err
	}
	var devices []Device
	for _, path := range found {
		device, err := inspect("/dev/" + filepath.Base(filepath.Dir(filepath.Dir(path))))
		if errors.Is(err, unix.ENXIO) || errors.Is(err, fs.ErrNotExist) {
			continue // detached meanwhile
		}
		if err != nil {
			return nil, err
		}
		devices = append(devices, device)
	}
	return devices, nil
}

func inspect(path string) (Device, error) {
	handle, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Device{}, fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(handle)
	var own unix.Stat_t
	if err := unix.Fstat(handle, &own); err != nil {
		return Device{}, fmt.Errorf("stat %s: %w", path, err)
	}
	info, err := unix.IoctlLoopGetStatus64(handle)
	if err != nil {
		return Device{}, fmt.Errorf("ask %s for its file: %w", path, err)
	}
	return Device{
		Path: path, Number: own.Rdev, FileDevice: info.Device, FileInode: info.Inode, FileNumber: info.Rdevice,
	}, nil
}
