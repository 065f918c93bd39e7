package csidriver

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/novasphere/wukong/e2e/devcluster/internal/loop"
)

// attach makes sure that a block volume has a loop device, and notes that target uses it. All nodes are on one kernel,
// so they share the device: two devices for one file would not see each other's writes.
func (d *Driver) attach(id, target string) (device string, err error) {
	err = d.withAttachments(id, func(folder string) error {
		content := d.pool.content(id)
		if device, err = loop.Find(content); err != nil {
			return err
		}
		if device == "" {
			if device, err = addDevice(content); err != nil {
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
		return loop.Detach(d.pool.content(id))
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

func addDevice(content string) (string, error) {
	device, err := loop.Attach(content, loop.DirectIO)
	if err != nil {
		return "", err
	}
	return device.Name(), device.Close()
}
