package sandbox_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/debian"
	"github.com/novasphere/wukong/e2e/devcluster/internal/loop"
	"github.com/novasphere/wukong/e2e/devcluster/internal/pooldisk"
	"github.com/novasphere/wukong/e2e/devcluster/internal/sandbox"
)

// TestMain is the init of the sandboxes too, as the dev cluster's program is.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == sandbox.InitArgument {
		fmt.Fprintln(os.Stderr, sandbox.Init(os.Args[2]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestADiskIsMountedInSandboxesAndEndsWithThem: both see one file system, the host sees nothing of it, and when they
// are killed its device is gone, although a device is left on one of its files.
func TestADiskIsMountedInSandboxesAndEndsWithThem(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("sandboxes need root")
	}
	kind, err := pooldisk.Best()
	require.NoError(t, err)
	if kind == pooldisk.Folder {
		t.Skip("the kernel has neither Btrfs nor XFS")
	}
	require.NoError(t, debian.Ensure(t.Context(), t.Output(), kind.Packages()...))
	folder := t.TempDir()
	shared, file := filepath.Join(folder, "shared"), filepath.Join(folder, "pool.img")
	require.NoError(t, kind.Format(t.Context(), file))
	device, err := pooldisk.Attach(file)
	require.NoError(t, err)
	one := startWithDisk(t, "one", folder, shared, device.Name(), kind)
	two := startWithDisk(t, "two", folder, shared, device.Name(), kind)
	require.NoError(t, device.Close())

	inOne := filepath.Join("/proc", fmt.Sprint(one.PID), "root/shared/volumes/content")
	inTwo := filepath.Join("/proc", fmt.Sprint(two.PID), "root/shared/volumes/content")
	require.NoError(t, os.WriteFile(inOne, make([]byte, 1<<20), 0o600))
	require.FileExists(t, inTwo)
	require.NoFileExists(t, filepath.Join(shared, "volumes", "content"))
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	require.NotContains(t, string(mounts), device.Name())
	volume, err := loop.Attach(inTwo, loop.DirectIO)
	require.NoError(t, err)
	require.NoError(t, volume.Close())

	require.NoError(t, one.Kill(t.Context()))
	require.FileExists(t, inTwo)
	require.NoError(t, two.Kill(t.Context()))
	require.NoError(t, kind.Detach(t.Context(), file))
	for _, path := range []string{device.Name(), volume.Name()} {
		require.NoFileExists(t, filepath.Join("/sys/block", filepath.Base(path), "loop", "backing_file"))
	}
}

func startWithDisk(t *testing.T, name, folder, shared, device string, kind pooldisk.Kind) *sandbox.Sandbox {
	t.Helper()
	cgroup := fmt.Sprintf("wukong-test-%d-%s", os.Getpid(), name)
	spec := sandbox.Spec{
		Name: name, Cgroup: cgroup,
		Root: &sandbox.Root{
			Folder: filepath.Join(folder, name),
			Binds:  map[string]string{shared: "/shared"},
			Mounts: []sandbox.Mount{
				{Device: device, Kind: string(kind), Options: kind.Options(), Target: "/shared/volumes"},
			},
		},
		Programs: []sandbox.Program{
			{Name: "sleep", Args: []string{"/bin/sleep", "1000"}, Log: filepath.Join(folder, name+".log")},
		},
	}
	started, err := sandbox.Start(t.Context(), spec, filepath.Join(folder, name+".json"),
		filepath.Join(folder, name+"-init.log"))
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, started.Kill(ctx))
		require.NoError(t, sandbox.RemoveCgroup(ctx, cgroup))
	})
	require.NoError(t, started.Release())
	return started
}
