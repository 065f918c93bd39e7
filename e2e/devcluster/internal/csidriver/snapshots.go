package csidriver

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// CreateSnapshot implements csi.ControllerServer.
func (d *Driver) CreateSnapshot(
	_ context.Context, request *csi.CreateSnapshotRequest,
) (*csi.CreateSnapshotResponse, error) {
	if request.GetName() == "" || request.GetSourceVolumeId() == "" {
		return nil, status.Error(codes.InvalidArgument, "a snapshot needs a name and a volume")
	}
	d.pool.mutex.Lock()
	defer d.pool.mutex.Unlock()
	id := idFor(snapshots, request.GetName())
	existing, err := d.pool.get(snapshots, id)
	if err == nil {
		if existing.Source != request.GetSourceVolumeId() {
			return nil, status.Errorf(codes.AlreadyExists, "snapshot %s is of volume %s", request.GetName(),
				existing.Source)
		}
		return &csi.CreateSnapshotResponse{Snapshot: snapshotOf(existing)}, nil
	}
	if !errors.Is(err, errNotThere) {
		return nil, failed(err)
	}
	volume, err := d.pool.get(volumes, request.GetSourceVolumeId())
	if err != nil {
		return nil, failed(err)
	}
	want := snapshotRecord(request.GetName(), volume)
	err = d.pool.cut([]record{volume}, func(folder string) error {
		from := contentBelow(folder, volumes, volume.ID)
		return d.pool.add(snapshots, want, func(content string) error { return copyTree(from, content) })
	})
	if err != nil {
		return nil, failed(err)
	}
	return &csi.CreateSnapshotResponse{Snapshot: snapshotOf(want)}, nil
}

// snapshotRecord is the record of a snapshot that is made now.
func snapshotRecord(name string, volume record) record {
	return record{
		ID: idFor(snapshots, name), Name: name, Bytes: volume.Bytes, Block: volume.Block, Source: volume.ID,
		Created: time.Now().UTC(),
	}
}

func snapshotOf(from record) *csi.Snapshot {
	return &csi.Snapshot{
		SnapshotId: from.ID, SourceVolumeId: from.Source, SizeBytes: from.Bytes,
		CreationTime: timestamppb.New(from.Created), ReadyToUse: true,
		GroupSnapshotId: from.Group,
	}
}

// DeleteSnapshot implements csi.ControllerServer.
func (d *Driver) DeleteSnapshot(
	_ context.Context, request *csi.DeleteSnapshotRequest,
) (*csi.DeleteSnapshotResponse, error) {
	if request.GetSnapshotId() == "" {
		return nil, status.Error(codes.InvalidArgument, "which snapshot?")
	}
	d.pool.mutex.Lock()
	defer d.pool.mutex.Unlock()
	snapshot, err := d.pool.get(snapshots, request.GetSnapshotId())
	if errors.Is(err, errNotThere) {
		return &csi.DeleteSnapshotResponse{}, nil
	}
	if err != nil {
		return nil, failed(err)
	}
	if snapshot.Group != "" {
		return nil, status.Errorf(codes.InvalidArgument, "%s is part of %s: delete that", snapshot.ID, snapshot.Group)
	}
	if err := d.pool.remove(snapshots, snapshot.ID); err != nil {
		return nil, failed(err)
	}
	return &csi.DeleteSnapshotResponse{}, nil
}

// ListSnapshots implements csi.ControllerServer. A token is the number of entries that came before.
func (d *Driver) ListSnapshots(
	_ context.Context, request *csi.ListSnapshotsRequest,
) (*csi.ListSnapshotsResponse, error) {
	all, err := d.pool.list(snapshots)
	if err != nil {
		return nil, failed(err)
	}
	var entries []*csi.ListSnapshotsResponse_Entry
	for _, one := range all {
		if wanted := request.GetSnapshotId(); wanted != "" && wanted != one.ID {
			continue
		}
		if wanted := request.GetSourceVolumeId(); wanted != "" && wanted != one.Source {
			continue
		}
		entries = append(entries, &csi.ListSnapshotsResponse_Entry{Snapshot: snapshotOf(one)})
	}
	start := 0
	if token := request.GetStartingToken(); token != "" {
		if start, err = strconv.Atoi(token); err != nil || start < 0 || start > len(entries) {
			return nil, status.Errorf(codes.Aborted, "token %q is not of this list", token)
		}
	}
	response := &csi.ListSnapshotsResponse{Entries: entries[start:]}
	if limit := int(request.GetMaxEntries()); limit > 0 && len(response.GetEntries()) > limit {
		response.Entries = response.GetEntries()[:limit]
		response.NextToken = strconv.Itoa(start + limit)
	}
	return response, nil
}
