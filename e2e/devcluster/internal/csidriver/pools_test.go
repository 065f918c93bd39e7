package csidriver_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/novasphere/wukong/e2e/devcluster/debian"
	"github.com/novasphere/wukong/e2e/devcluster/internal/pooldisk"
)

// newPool is an empty folder on a file system of a kind. Folder is whatever tests write to.
func newPool(t *testing.T, kind pooldisk.Kind) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "pool")
	require.NoError(t, os.Mkdir(folder, 0o755))
	if kind == pooldisk.Folder {
		return folder
	}
	if os.Geteuid() != 0 {
		t.Skip("loop devices and mounts need root")
	}
	if handle, err := unix.Fsopen(string(kind), unix.FSOPEN_CLOEXEC); err != nil {
		t.Skipf("the kernel has no %s: %v", kind, err)
	} else {
		require.NoError(t, unix.Close(handle))
	}
	require.NoError(t, debian.Ensure(t.Context(), t.Output(), kind.Packages()...))
	// In memory, fsync takes no time, and a writer comes far while something is copied.
	memory, err := os.MkdirTemp("/dev/shm", "pool-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(memory)) })
	file := filepath.Join(memory, "pool.img")
	require.NoError(t, kind.Format(t.Context(), file))
	device, err := pooldisk.Attach(file)
	require.NoError(t, err)
	defer device.Close()
	require.NoError(t, unix.Mount(device.Name(), folder, string(kind), unix.MS_NOATIME, kind.Options()))
	t.Cleanup(func() {
		if err := unix.Unmount(folder, 0); err != nil {
			require.NoError(t, unix.Unmount(folder, unix.MNT_DETACH))
			require.NoError(t, err, "the test left something open")
		}
	})
	return folder
}

// onEachKind runs a test once for each kind of file system that a pool can be on.
func onEachKind(t *testing.T, test func(t *testing.T, kind pooldisk.Kind)) {
	t.Helper()
	for _, kind := range []pooldisk.Kind{pooldisk.Btrfs, pooldisk.XFS, pooldisk.Folder} {
		name := string(kind)
		if kind == pooldisk.Folder {
			name = "folder"
		}
		t.Run(name, func(t *testing.T) { test(t, kind) })
	}
}
