package pooldisk_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/novasphere/wukong/e2e/devcluster/debian"
	"github.com/novasphere/wukong/e2e/devcluster/internal/loop"
	"github.com/novasphere/wukong/e2e/devcluster/internal/pooldisk"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// format makes a disk of a kind, in a new file.
func format(t *testing.T, kind pooldisk.Kind) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("loop devices and mounts need root")
	}
	if handle, err := unix.Fsopen(string(kind), unix.FSOPEN_CLOEXEC); err != nil {
		t.Skipf("the kernel has no %s: %v", kind, err)
	} else {
		require.NoError(t, unix.Close(handle))
	}
	require.NoError(t, debian.Ensure(t.Context(), t.Output(), kind.Packages()...))
	file := filepath.Join(t.TempDir(), "pool.img")
	require.NoError(t, kind.Format(t.Context(), file))
	return file
}

func TestTheBestKindIsTheFirstThatTheKernelHas(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the kernel answers root only")
	}
	best, err := pooldisk.Best()
	require.NoError(t, err)
	known, err := os.ReadFile("/proc/filesystems")
	require.NoError(t, err)
	if best == pooldisk.Folder {
		require.NotContains(t, string(known), "btrfs")
		require.NotContains(t, string(known), "xfs")
	} else {
		require.Contains(t, string(known), string(best))
	}
	require.Equal(t, testbed.SnapshotsAtomic, pooldisk.Btrfs.Snapshots())
	require.Equal(t, testbed.SnapshotsCopied, pooldisk.Folder.Snapshots())
	require.Empty(t, pooldisk.Folder.Packages())
}

func TestTheDeviceEndsWithTheLastMount(t *testing.T) {
	for _, kind := range []pooldisk.Kind{pooldisk.Btrfs, pooldisk.XFS} {
		t.Run(string(kind), func(t *testing.T) {
			file := format(t, kind)
			device, err := pooldisk.Attach(file)
			require.NoError(t, err)
			again, err := pooldisk.Attach(file)
			require.NoError(t, err)
			require.Equal(t, device.Name(), again.Name(), "a second device for the same file")
			// As two nodes do it.
			folders := []string{t.TempDir(), t.TempDir()}
			for _, folder := range folders {
				require.NoError(t, unix.Mount(device.Name(), folder, string(kind), unix.MS_NOATIME, kind.Options()))
			}
			require.NoError(t, device.Close())
			require.NoError(t, again.Close())
			require.NoError(t, os.WriteFile(filepath.Join(folders[0], "file"), []byte("content"), 0o600))
			require.FileExists(t, filepath.Join(folders[1], "file"))

			require.NoError(t, unix.Unmount(folders[0], 0))
			found, err := loop.Find(file)
			require.NoError(t, err)
			require.Equal(t, device.Name(), found, "a node still has it")
			require.NoError(t, unix.Unmount(folders[1], 0))
			requireGone(t, file)
			require.NoError(t, kind.Detach(t.Context(), file), "what is gone already is no error")
			require.NoError(t, kind.Detach(t.Context(), filepath.Join(t.TempDir(), "none")), "nor what never was")
		})
	}
}

func TestDetachFindsTheDevicesOfVolumesOfNodesThatWereKilled(t *testing.T) {
	for _, kind := range []pooldisk.Kind{pooldisk.Btrfs, pooldisk.XFS} {
		t.Run(string(kind), func(t *testing.T) {
			file := format(t, kind)
			device, err := pooldisk.Attach(file)
			require.NoError(t, err)
			folder := t.TempDir()
			require.NoError(t, unix.Mount(device.Name(), folder, string(kind), unix.MS_NOATIME, kind.Options()))
			require.NoError(t, device.Close())
			volume := filepath.Join(folder, "volumes", "content")
			require.NoError(t, os.MkdirAll(filepath.Dir(volume), 0o755))
			require.NoError(t, os.WriteFile(volume, nil, 0o600))
			require.NoError(t, os.Truncate(volume, 1<<20))
			below, err := loop.Attach(volume, loop.DirectIO)
			require.NoError(t, err)
			require.NoError(t, below.Close())
			onTop, err := loop.Attach(below.Name(), 0)
			require.NoError(t, err)
			require.NoError(t, onTop.Close())

			// What the kernel does with the mounts of a node that is killed; the devices still use the file system.
			require.NoError(t, unix.Unmount(folder, unix.MNT_DETACH))
			found, err := loop.Find(file)
			require.NoError(t, err)
			require.Equal(t, device.Name(), found)
			require.NoError(t, kind.Detach(t.Context(), file))
			for _, one := range []string{below.Name(), onTop.Name(), device.Name()} {
				require.NoFileExists(t, filepath.Join("/sys/block", filepath.Base(one), "loop", "backing_file"))
			}
		})
	}
}

// requireGone waits until a file has no device: the kernel frees it some time after the last mount.
func requireGone(t *testing.T, file string) {
	t.Helper()
	require.Eventually(t, func() bool {
		found, err := loop.Find(file)
		return err == nil && found == ""
	}, 10*time.Second, 10*time.Millisecond, "the device stays")
}
