package pooldisk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/novasphere/wukong/e2e/devcluster/internal/loop"
)

// Attach opens the device of the file system in a file, and makes it if there is none. It stays while it is open or
// mounted. There is never a second one for the same file: the kernel would take it for another disk.
func Attach(file string) (*os.File, error) {
	device, err := loop.Open(file)
	if err != nil || device != nil {
		return device, err
	}
	return loop.Attach(file, loop.DirectIO|loop.AutoClear)
}

// Detach ends the device of the file system in a file, after those of block volumes on files in it. The nodes must have
// ended. It waits until the device is gone, since the kernel ends mounts some time after the processes that see them.
func (k Kind) Detach(ctx context.Context, file string) error {
	device, err := loop.Open(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && device == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("detach the disk of volumes: %w", err)
	}
	// What is not in use any more ends even if the file system cannot be looked at.
	failure := errors.Join(k.detachVolumes(device), device.Close(), loop.Detach(file))
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		left, err := loop.Find(file)
		if err != nil || left == "" {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("detach the disk of volumes: %s is still in use: %w", left, ctx.Err()),
				failure)
		case <-ticker.C:
		}
	}
}

// detachVolumes ends the devices on files in the file system.
func (k Kind) detachVolumes(device *os.File) error {
	folder, err := k.look(device.Name())
	if err != nil {
		return fmt.Errorf("look into the disk of volumes: %w", err)
	}
	defer folder.Close()
	return loop.DetachBelow(fmt.Sprintf("/proc/self/fd/%d/.", folder.Fd()))
}

// look mounts the file system nowhere, and opens its root folder. The mount ends when that is closed.
func (k Kind) look(device string) (*os.File, error) {
	handle, err := unix.Fsopen(string(k), unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(handle)
	if err := unix.FsconfigSetString(handle, "source", device); err != nil {
		return nil, err
	}
	if err := unix.FsconfigCreate(handle); err != nil {
		return nil, err
	}
	root, err := unix.Fsmount(handle, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(root), device), nil
}
