package csidriver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// GroupControllerGetCapabilities implements csi.GroupControllerServer.
func (d *Driver) GroupControllerGetCapabilities(
	context.Context, *csi.GroupControllerGetCapabilitiesRequest,
) (*csi.GroupControllerGetCapabilitiesResponse, error) {
	return &csi.GroupControllerGetCapabilitiesResponse{Capabilities: []*csi.GroupControllerServiceCapability{{
		Type: &csi.GroupControllerServiceCapability_Rpc{Rpc: &csi.GroupControllerServiceCapability_RPC{
			Type: csi.GroupControllerServiceCapability_RPC_CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT,
		}},
	}}}, nil
}

// CreateVolumeGroupSnapshot implements csi.GroupControllerServer: all volumes are cut at one moment.
func (d *Driver) CreateVolumeGroupSnapshot(
	_ context.Context, request *csi.CreateVolumeGroupSnapshotRequest,
) (*csi.CreateVolumeGroupSnapshotResponse, error) {
	if request.GetName() == "" || len(request.GetSourceVolumeIds()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "a group snapshot needs a name and volumes")
	}
	wanted := slices.Clone(request.GetSourceVolumeIds())
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	d.pool.mutex.Lock()
	defer d.pool.mutex.Unlock()
	id := idFor(groups, request.GetName())
	group, err := d.pool.get(groups, id)
	switch {
	case err == nil && !slices.Equal(group.Sources, wanted):
		return nil, status.Errorf(codes.AlreadyExists, "group snapshot %s is of volumes %v", request.GetName(),
			group.Sources)
	case errors.Is(err, errNotThere):
		group = record{ID: id, Name: request.GetName(), Sources: wanted, Created: time.Now().UTC()}
		err = d.cutGroup(group)
	}
	if err != nil {
		return nil, failed(err)
	}
	answer, err := d.groupSnapshot(group)
	return &csi.CreateVolumeGroupSnapshotResponse{GroupSnapshot: answer}, err
}

// cutGroup makes the snapshots of a group, and then the group: without it they are nobody's.
func (d *Driver) cutGroup(group record) error {
	if err := d.pool.removeMembers(group.ID); err != nil {
		return err
	}
	var sources []record
	for _, id := range group.Sources {
		volume, err := d.pool.get(volumes, id)
		if err != nil {
			return err
		}
		sources = append(sources, volume)
	}
	err := d.pool.cut(sources, func(folder string) error {
		for _, volume := range sources {
			member := snapshotRecord(group.Name+"/"+volume.ID, volume)
			member.Group, member.Created = group.ID, group.Created
			from := contentBelow(folder, volumes, volume.ID)
			if err := d.pool.add(
				snapshots, member, func(content string) error { return copyTree(from, content) },
			); err != nil {
				return err
			}
		}
		return d.pool.add(groups, group, nil)
	})
	if err != nil {
		return errors.Join(err, d.pool.remove(groups, group.ID), d.pool.removeMembers(group.ID))
	}
	return nil
}

// groupSnapshot is what a group is for the container orchestrator.
func (d *Driver) groupSnapshot(group record) (*csi.VolumeGroupSnapshot, error) {
	members, err := d.pool.members(group.ID)
	if err != nil {
		return nil, failed(err)
	}
	answer := &csi.VolumeGroupSnapshot{
		GroupSnapshotId: group.ID, CreationTime: timestamppb.New(group.Created), ReadyToUse: true,
	}
	for _, one := range members {
		answer.Snapshots = append(answer.Snapshots, snapshotOf(one))
	}
	return answer, nil
}

// GetVolumeGroupSnapshot implements csi.GroupControllerServer.
func (d *Driver) GetVolumeGroupSnapshot(
	_ context.Context, request *csi.GetVolumeGroupSnapshotRequest,
) (*csi.GetVolumeGroupSnapshotResponse, error) {
	if request.GetGroupSnapshotId() == "" {
		return nil, status.Error(codes.InvalidArgument, "which group snapshot?")
	}
	d.pool.mutex.Lock()
	defer d.pool.mutex.Unlock()
	group, err := d.pool.get(groups, request.GetGroupSnapshotId())
	if err != nil {
		return nil, failed(err)
	}
	answer, err := d.namedGroup(group, request.GetSnapshotIds())
	if err != nil {
		return nil, err
	}
	return &csi.GetVolumeGroupSnapshotResponse{GroupSnapshot: answer}, nil
}

// namedGroup is groupSnapshot for a caller who may name the snapshots that the group should have. It is an error if it
// has others.
func (d *Driver) namedGroup(group record, named []string) (*csi.VolumeGroupSnapshot, error) {
	answer, err := d.groupSnapshot(group)
	if err != nil {
		return nil, err
	}
	return answer, sameMembers(answer, named)
}

// sameMembers is an error if the caller names snapshots, and others than the group has.
func sameMembers(group *csi.VolumeGroupSnapshot, named []string) error {
	if len(named) == 0 {
		return nil
	}
	var has []string
	for _, one := range group.GetSnapshots() {
		has = append(has, one.GetSnapshotId())
	}
	named = slices.Clone(named)
	slices.Sort(named)
	if !slices.Equal(has, named) {
		return status.Errorf(codes.InvalidArgument,
			"group snapshot %s has the snapshots %v, not %v", group.GetGroupSnapshotId(), has, named)
	}
	return nil
}

// DeleteVolumeGroupSnapshot implements csi.GroupControllerServer.
func (d *Driver) DeleteVolumeGroupSnapshot(
	_ context.Context, request *csi.DeleteVolumeGroupSnapshotRequest,
) (*csi.DeleteVolumeGroupSnapshotResponse, error) {
	if request.GetGroupSnapshotId() == "" {
		return nil, status.Error(codes.InvalidArgument, "which group snapshot?")
	}
	d.pool.mutex.Lock()
	defer d.pool.mutex.Unlock()
	group, err := d.pool.get(groups, request.GetGroupSnapshotId())
	if errors.Is(err, errNotThere) {
		return &csi.DeleteVolumeGroupSnapshotResponse{}, nil
	}
	if err != nil {
		return nil, failed(err)
	}
	if _, err := d.namedGroup(group, request.GetSnapshotIds()); err != nil {
		return nil, err
	}
	if err := errors.Join(d.pool.remove(groups, group.ID), d.pool.removeMembers(group.ID)); err != nil {
		return nil, failed(err)
	}
	return &csi.DeleteVolumeGroupSnapshotResponse{}, nil
}

// members are the snapshots of a group, in order of IDs.
func (p *pool) members(group string) ([]record, error) {
	all, err := p.list(snapshots)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(one record) bool { return one.Group != group }), nil
}

func (p *pool) removeMembers(group string) error {
	members, err := p.members(group)
	if err != nil {
		return err
	}
	for _, one := range members {
		if err := p.remove(snapshots, one.ID); err != nil {
			return fmt.Errorf("remove %s of %s: %w", one.ID, group, err)
		}
	}
	return nil
}

// removeOrphans removes snapshots whose group does not exist: an interrupted driver was making or deleting it.
func (p *pool) removeOrphans() error {
	all, err := p.list(snapshots)
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.Group == "" {
			continue
		}
		if _, err := p.get(groups, one.Group); !errors.Is(err, errNotThere) {
			if err != nil {
				return err
			}
			continue
		}
		if err := p.remove(snapshots, one.ID); err != nil {
			return err
		}
	}
	return nil
}
