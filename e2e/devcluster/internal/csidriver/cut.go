package csidriver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/internal/loop"
)

// cutsFolder has the snapshots of the pool, while there are any.
const cutsFolder = "cuts"

// cut calls take with a folder in which the contents of volumes can be read as they are at one moment. Where the pool
// is a Btrfs subvolume, that is a snapshot of it: the kernel writes what its page cache has of the files
// (fs/btrfs/ioctl.c, btrfs_mksnapshot), waits for what a writer has made sure of by fsync (fs/btrfs/transaction.c,
// pending_ordered), and takes all files as they are then. Elsewhere it is the pool itself, in which a volume may
// change. The mutex must be held.
func (p *pool) cut(sources []record, take func(folder string) error) error {
	for _, one := range sources {
		if !one.Block {
			continue
		}
		// What a program wrote without asking for it to be on the disk is in the page cache of the device, where the
		// kernel does not look for it.
		if err := loop.Sync(p.content(one.ID)); err != nil {
			return fmt.Errorf("write back %s: %w", one.ID, err)
		}
	}
	if !p.atomic {
		return take(p.folder)
	}
	moment := filepath.Join(p.folder, cutsFolder, "moment")
	if err := snapshotSubvolume(p.folder, moment); err != nil {
		return err
	}
	return errors.Join(take(moment), deleteSubvolume(moment))
}

// removeCuts removes what an interrupted driver left.
func (p *pool) removeCuts() error {
	left, err := os.ReadDir(filepath.Join(p.folder, cutsFolder))
	if err != nil {
		return err
	}
	for _, one := range left {
		if err := deleteSubvolume(filepath.Join(p.folder, cutsFolder, one.Name())); err != nil {
			return err
		}
	}
	return nil
}

// contentBelow is the content of a volume or snapshot in the pool's folder or in a cut of it.
func contentBelow(folder, kind, id string) string {
	return filepath.Join(folder, kind, id, contentName)
}
