package csidriver_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/novasphere/wukong/e2e/devcluster/internal/csidriver"
	"github.com/novasphere/wukong/e2e/devcluster/internal/loop"
	"github.com/novasphere/wukong/e2e/devcluster/internal/pooldisk"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

func TestGroupsAreOfferedOnlyWhereOneActCutsAll(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind pooldisk.Kind) {
		driver, _ := newDriverOn(t, kind)
		capabilities, err := driver.GetPluginCapabilities(t.Context(), nil)
		require.NoError(t, err)
		offered := false
		for _, one := range capabilities.GetCapabilities() {
			offered = offered || one.GetService().GetType() == csi.PluginCapability_Service_GROUP_CONTROLLER_SERVICE
		}
		require.Equal(t, kind.Snapshots() == testbed.SnapshotsAtomic, offered)
	})
}

func TestAGroupIsMadeOnceAndDeletedAsAWhole(t *testing.T) {
	driver, folder := newDriverOn(t, pooldisk.Btrfs)
	first, second := create(t, driver, request("first", mebibyte)), create(t, driver, request("second", mebibyte))
	other := create(t, driver, request("other", mebibyte))
	require.NoError(t, os.WriteFile(filepath.Join(content(folder, first), "file"), []byte("before"), 0o600))

	group := cutGroup(t, driver, "group", first, second)
	require.NoError(t, os.WriteFile(filepath.Join(content(folder, first), "file"), []byte("after"), 0o600))
	require.Equal(t, group, cutGroup(t, driver, "group", second, first, second), "a repeated request finds the group")
	require.Len(t, group.GetSnapshots(), 2)
	require.True(t, group.GetReadyToUse())
	_, err := driver.CreateVolumeGroupSnapshot(t.Context(), &csi.CreateVolumeGroupSnapshotRequest{
		Name: "group", SourceVolumeIds: []string{first, other},
	})
	require.Equal(t, codes.AlreadyExists, status.Code(err))
	_, err = driver.CreateVolumeGroupSnapshot(t.Context(), &csi.CreateVolumeGroupSnapshotRequest{
		Name: "missing", SourceVolumeIds: []string{first, "vol-0123456789abcdef0123456789abcdef"},
	})
	require.Equal(t, codes.NotFound, status.Code(err))

	var members []string
	for _, one := range group.GetSnapshots() {
		require.Equal(t, group.GetGroupSnapshotId(), one.GetGroupSnapshotId())
		members = append(members, one.GetSnapshotId())
		_, err := driver.DeleteSnapshot(t.Context(), &csi.DeleteSnapshotRequest{SnapshotId: one.GetSnapshotId()})
		require.Equal(t, codes.InvalidArgument, status.Code(err), "a member cannot be deleted alone")
		if one.GetSourceVolumeId() == first {
			data, err := os.ReadFile(filepath.Join(restore(t, driver, folder, "restored", one.GetSnapshotId()), "file"))
			require.NoError(t, err)
			require.Equal(t, "before", string(data))
		}
	}
	found, err := driver.GetVolumeGroupSnapshot(t.Context(), &csi.GetVolumeGroupSnapshotRequest{
		GroupSnapshotId: group.GetGroupSnapshotId(), SnapshotIds: members,
	})
	require.NoError(t, err)
	require.Equal(t, group, found.GetGroupSnapshot())

	_, err = driver.DeleteVolumeGroupSnapshot(t.Context(), &csi.DeleteVolumeGroupSnapshotRequest{
		GroupSnapshotId: group.GetGroupSnapshotId(), SnapshotIds: members[:1],
	})
	require.Equal(t, codes.InvalidArgument, status.Code(err), "the caller knows other members")
	remove := &csi.DeleteVolumeGroupSnapshotRequest{GroupSnapshotId: group.GetGroupSnapshotId(), SnapshotIds: members}
	for range 2 {
		_, err = driver.DeleteVolumeGroupSnapshot(t.Context(), remove)
		require.NoError(t, err)
	}
	require.Empty(t, entries(t, filepath.Join(folder, "snapshots")))
	require.Empty(t, entries(t, filepath.Join(folder, "cuts")), "what was cut for it")
}

func TestAnInterruptedGroupLeavesNoMember(t *testing.T) {
	driver, folder := newDriverOn(t, pooldisk.Btrfs)
	volume := create(t, driver, request("volume", mebibyte))
	kept := cutGroup(t, driver, "kept", volume)
	lost := cutGroup(t, driver, "lost", volume)
	// As after a crash between its members and the group itself.
	require.NoError(t, os.RemoveAll(filepath.Join(folder, "groups", lost.GetGroupSnapshotId())))

	again, err := csidriver.New(csidriver.Options{
		Name: driverName, PoolFolder: folder, Capacity: 100 * mebibyte, Controller: true,
	})
	require.NoError(t, err)
	require.Equal(t, []string{kept.GetSnapshots()[0].GetSnapshotId()}, entries(t, filepath.Join(folder, "snapshots")))
	require.Len(t, cutGroup(t, again, "lost", volume).GetSnapshots(), 1)
}

// TestAGroupIsOneMoment writes each record to one volume and then to the next, each made sure of by fsync, and cuts
// them meanwhile. The third is a block volume, which is written through its device.
func TestAGroupIsOneMoment(t *testing.T) {
	driver, folder := newDriverOn(t, pooldisk.Btrfs)
	block := request("block", 64*mebibyte)
	block.VolumeCapabilities[0].AccessType = &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}}
	ids := []string{create(t, driver, request("a", mebibyte)), create(t, driver, request("b", mebibyte)),
		create(t, driver, block)}
	device, err := loop.Attach(content(folder, ids[2]), loop.DirectIO)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, loop.Detach(content(folder, ids[2]))) })
	t.Cleanup(func() { _ = device.Close() })
	files := []*os.File{device}
	for _, id := range ids[:2] {
		// Volumes that would take a while to copy one after the other.
		for number := range 50 {
			require.NoError(t,
				os.WriteFile(filepath.Join(content(folder, id), fmt.Sprint(number)), make([]byte, recordSize), 0o600))
		}
		file, err := os.Create(filepath.Join(content(folder, id), "disk.img"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = file.Close() })
		files = append(files, file)
	}
	var written atomic.Uint64
	stop := writeRecords(t, files, &written)

	for round := range 5 {
		// Some writes between the cuts, whatever the machine's speed.
		start := written.Load()
		require.Eventually(t, func() bool { return written.Load() > start+5 }, 10*time.Second, time.Millisecond,
			"the writer writes")
		before := written.Load()
		group := cutGroup(t, driver, fmt.Sprint("group ", round), ids...)
		after := written.Load()
		var last []uint64
		for _, one := range group.GetSnapshots() {
			path := filepath.Join(folder, "snapshots", one.GetSnapshotId(), "content")
			if one.GetSourceVolumeId() != ids[2] {
				path = filepath.Join(path, "disk.img")
			}
			records := lastRecord(t, path)
			require.GreaterOrEqual(t, records, before, "what was made sure of before the cut")
			require.LessOrEqual(t, records, after+1)
			last = append(last, records)
		}
		low, high := min(last[0], last[1], last[2]), max(last[0], last[1], last[2])
		require.LessOrEqual(t, high-low, uint64(1), "the volumes are of different moments: %v", last)
	}
	stop()
	t.Logf("%d records were written during five groups", written.Load())
}

// recordSize is that of a sector, so that no record is torn.
const recordSize = 4096

// writeRecords writes numbered records to all files, one file after the other, until stop is called. written is the
// last record that is in all.
func writeRecords(t *testing.T, files []*os.File, written *atomic.Uint64) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		for number := uint64(1); ctx.Err() == nil; number++ {
			record := bytes.Repeat(binary.BigEndian.AppendUint64(nil, number), recordSize/8)
			for _, file := range files {
				if _, err := file.WriteAt(record, int64(number-1)*recordSize); err != nil {
					done <- err
					return
				}
				if err := file.Sync(); err != nil {
					done <- err
					return
				}
			}
			written.Store(number)
		}
		done <- nil
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	return stop
}

// lastRecord is the number of records in a file, which are the first ones without a hole.
func lastRecord(t *testing.T, path string) uint64 {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	last := uint64(0)
	for start := 0; start+recordSize <= len(data); start += recordSize {
		number := binary.BigEndian.Uint64(data[start:])
		if number == 0 {
			require.True(t, bytes.Equal(data[start:], make([]byte, len(data)-start)), "a record after a hole")
			break
		}
		if end := binary.BigEndian.Uint64(data[start+recordSize-8:]); number != last+1 || end != number {
			require.Failf(t, "a wrong record", "record %d begins with %d and ends with %d", last+1, number, end)
		}
		last = number
	}
	return last
}

// TestASnapshotOfOneVolumeIsOneMoment has a volume of several files.
func TestASnapshotOfOneVolumeIsOneMoment(t *testing.T) {
	driver, folder := newDriverOn(t, pooldisk.Btrfs)
	volume := create(t, driver, request("volume", mebibyte))
	var files []*os.File
	for number := range 50 {
		require.NoError(t, os.WriteFile(filepath.Join(content(folder, volume), fmt.Sprint("b", number)),
			make([]byte, recordSize), 0o600))
	}
	for _, name := range []string{"a", "z"} {
		file, err := os.Create(filepath.Join(content(folder, volume), name))
		require.NoError(t, err)
		t.Cleanup(func() { _ = file.Close() })
		files = append(files, file)
	}
	var written atomic.Uint64
	stop := writeRecords(t, files, &written)
	for round := range 10 {
		before := written.Load()
		snapshot, err := driver.CreateSnapshot(t.Context(),
			&csi.CreateSnapshotRequest{Name: fmt.Sprint(round), SourceVolumeId: volume})
		require.NoError(t, err)
		clone := request(fmt.Sprint("clone ", round), mebibyte)
		clone.VolumeContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Volume{
			Volume: &csi.VolumeContentSource_VolumeSource{VolumeId: volume},
		}}
		for _, path := range []string{
			filepath.Join(folder, "snapshots", snapshot.GetSnapshot().GetSnapshotId(), "content"),
			content(folder, create(t, driver, clone)),
		} {
			first, second := lastRecord(t, filepath.Join(path, "a")), lastRecord(t, filepath.Join(path, "z"))
			require.GreaterOrEqual(t, second, before)
			require.Contains(t, []uint64{second, second + 1}, first,
				"%d records in the first file, %d in the second", first, second)
		}
	}
	stop()
}

// TestASnapshotHasWhatWasWrittenToADevice: also what its page cache has still to write, as a volume that is a folder
// has it.
func TestASnapshotHasWhatWasWrittenToADevice(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("loop devices need root")
	}
	onEachKind(t, func(t *testing.T, kind pooldisk.Kind) {
		driver, folder := newDriverOn(t, kind)
		block := request("block", 8*mebibyte)
		block.VolumeCapabilities[0].AccessType = &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}}
		volume := create(t, driver, block)
		device, err := loop.Attach(content(folder, volume), loop.DirectIO)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, loop.Detach(content(folder, volume))) })
		defer device.Close()
		want := bytes.Repeat([]byte("data"), mebibyte)
		_, err = device.WriteAt(want, mebibyte)
		require.NoError(t, err)
		snapshot, err := driver.CreateSnapshot(t.Context(),
			&csi.CreateSnapshotRequest{Name: "snapshot", SourceVolumeId: volume})
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(folder, "snapshots", snapshot.GetSnapshot().GetSnapshotId(), "content"))
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got[mebibyte:mebibyte+len(want)]),
			"the snapshot lacks what was written before")
		if kind != pooldisk.Folder {
			requireDirect(t, device)
		}
	})
}

// requireDirect is about direct I/O of a loop device, without which the kernel keeps each block twice.
func requireDirect(t *testing.T, device *os.File) {
	t.Helper()
	info, err := unix.IoctlLoopGetStatus64(int(device.Fd()))
	require.NoError(t, err)
	require.NotZero(t, info.Flags&unix.LO_FLAGS_DIRECT_IO)
}

// TestSnapshotsShareBlocks: a snapshot of a large volume takes no space of its own.
func TestSnapshotsShareBlocks(t *testing.T) {
	for _, kind := range []pooldisk.Kind{pooldisk.Btrfs, pooldisk.XFS} {
		t.Run(string(kind), func(t *testing.T) {
			driver, folder := newDriverOn(t, kind)
			volume := create(t, driver, request("volume", 64*mebibyte))
			data := bytes.Repeat([]byte("0123456789abcdef"), 2*mebibyte)
			require.NoError(t, os.WriteFile(filepath.Join(content(folder, volume), "disk.img"), data, 0o600))
			unix.Sync()
			before := free(t, folder)
			for number := range 10 {
				_, err := driver.CreateSnapshot(t.Context(),
					&csi.CreateSnapshotRequest{Name: fmt.Sprint(number), SourceVolumeId: volume})
				require.NoError(t, err)
			}
			unix.Sync()
			require.Less(t, before-free(t, folder), int64(32*mebibyte), "ten snapshots of 32 MiB")
		})
	}
}

func free(t *testing.T, folder string) int64 {
	t.Helper()
	var system unix.Statfs_t
	require.NoError(t, unix.Statfs(folder, &system))
	return int64(system.Bfree) * system.Bsize
}

func cutGroup(t *testing.T, driver *csidriver.Driver, name string, volumes ...string) *csi.VolumeGroupSnapshot {
	t.Helper()
	response, err := driver.CreateVolumeGroupSnapshot(t.Context(),
		&csi.CreateVolumeGroupSnapshotRequest{Name: name, SourceVolumeIds: volumes})
	require.NoError(t, err)
	return response.GetGroupSnapshot()
}

func content(folder, volume string) string {
	return filepath.Join(folder, "volumes", volume, "content")
}

// restore makes a volume from a snapshot, and returns its content.
func restore(t *testing.T, driver *csidriver.Driver, folder, name, snapshot string) string {
	t.Helper()
	restored := request(name, mebibyte)
	restored.VolumeContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
		Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: snapshot},
	}}
	return content(folder, create(t, driver, restored))
}

func entries(t *testing.T, folder string) []string {
	t.Helper()
	found, err := os.ReadDir(folder)
	require.NoError(t, err)
	names := []string{}
	for _, one := range found {
		names = append(names, one.Name())
	}
	return names
}
