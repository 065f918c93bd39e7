package csidriver_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/novasphere/wukong/e2e/devcluster/internal/csidriver"
	"github.com/novasphere/wukong/e2e/devcluster/internal/pooldisk"
)

const (
	mebibyte   = 1 << 20
	driverName = "csi.test"
)

// newDriver is a driver with room for 100 MiB, and the folder of its pool.
func newDriver(t *testing.T) (*csidriver.Driver, string) {
	t.Helper()
	return newDriverOn(t, pooldisk.Folder)
}

// newDriverOn has its pool on a file system of a kind.
func newDriverOn(t *testing.T, kind pooldisk.Kind) (*csidriver.Driver, string) {
	t.Helper()
	folder := newPool(t, kind)
	driver, err := csidriver.New(csidriver.Options{
		Name: driverName, NodeID: "node", PoolFolder: folder, Capacity: 100 * mebibyte, Controller: true,
	})
	require.NoError(t, err)
	return driver, folder
}

func request(name string, size int64) *csi.CreateVolumeRequest {
	return &csi.CreateVolumeRequest{
		Name:          name,
		CapacityRange: &csi.CapacityRange{RequiredBytes: size},
		VolumeCapabilities: []*csi.VolumeCapability{{
			AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
			AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER},
		}},
	}
}

func create(t *testing.T, driver *csidriver.Driver, wanted *csi.CreateVolumeRequest) string {
	t.Helper()
	response, err := driver.CreateVolume(context.Background(), wanted)
	require.NoError(t, err)
	return response.GetVolume().GetVolumeId()
}

func TestAFullPoolRefusesVolumesAndExpansions(t *testing.T) {
	driver, _ := newDriver(t)
	first := create(t, driver, request("first", 60*mebibyte))
	_, err := driver.CreateVolume(t.Context(), request("second", 60*mebibyte))
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	_, err = driver.ControllerExpandVolume(t.Context(), &csi.ControllerExpandVolumeRequest{
		VolumeId: first, CapacityRange: &csi.CapacityRange{RequiredBytes: 120 * mebibyte},
	})
	require.Equal(t, codes.ResourceExhausted, status.Code(err))

	other := request("other", 60*mebibyte)
	other.Parameters = map[string]string{"pool": "other", "poolBytes": "64Mi"}
	create(t, driver, other)

	_, err = driver.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: first})
	require.NoError(t, err)
	create(t, driver, request("second", 60*mebibyte))
}

func TestSnapshotsKeepWhatTheVolumeHad(t *testing.T) {
	onEachKind(t, testSnapshotsKeepWhatTheVolumeHad)
}

func testSnapshotsKeepWhatTheVolumeHad(t *testing.T, kind pooldisk.Kind) {
	driver, folder := newDriverOn(t, kind)
	volume := create(t, driver, request("volume", mebibyte))
	file := filepath.Join(content(folder, volume), "disk.img")
	// A hole, data, a hole: as a disk image is.
	require.NoError(t, os.WriteFile(file, nil, 0o640))
	require.NoError(t, os.Truncate(file, 8*mebibyte))
	write(t, file, bytes.Repeat([]byte("before"), 1000), 4*mebibyte)
	want, err := os.ReadFile(file)
	require.NoError(t, err)

	snapshot, err := driver.CreateSnapshot(t.Context(),
		&csi.CreateSnapshotRequest{Name: "snapshot", SourceVolumeId: volume})
	require.NoError(t, err)
	write(t, file, []byte("after"), 4*mebibyte)

	restored := filepath.Join(restore(t, driver, folder, "restored", snapshot.GetSnapshot().GetSnapshotId()),
		"disk.img")
	got, err := os.ReadFile(restored)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got), "the restored file differs")
	info, err := os.Stat(restored)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode())
}

func write(t *testing.T, path string, data []byte, offset int64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteAt(data, offset)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

func TestAnInterruptedDriverLeavesNothingHalfMade(t *testing.T) {
	driver, folder := newDriver(t)
	volume := create(t, driver, request("volume", mebibyte))
	leftover := filepath.Join(folder, "volumes", "vol-0123.new")
	require.NoError(t, os.MkdirAll(leftover, 0o755))

	again, err := csidriver.New(csidriver.Options{
		Name: driverName, PoolFolder: folder, Capacity: 100 * mebibyte, Controller: true,
	})
	require.NoError(t, err)
	require.NoDirExists(t, leftover)
	require.Equal(t, volume, create(t, again, request("volume", mebibyte)), "a repeated request finds the volume")
}
