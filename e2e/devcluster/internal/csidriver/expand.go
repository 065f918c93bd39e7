package csidriver

import (
	"context"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/novasphere/wukong/e2e/devcluster/internal/loop"
)

// ControllerExpandVolume implements csi.ControllerServer. A volume never becomes smaller.
func (d *Driver) ControllerExpandVolume(
	_ context.Context, request *csi.ControllerExpandVolumeRequest,
) (*csi.ControllerExpandVolumeResponse, error) {
	if request.GetVolumeId() == "" {
		return nil, status.Error(codes.InvalidArgument, "which volume?")
	}
	if request.GetCapacityRange() == nil {
		return nil, status.Error(codes.InvalidArgument, "to which size?")
	}
	d.pool.mutex.Lock()
	defer d.pool.mutex.Unlock()
	volume, err := d.pool.get(volumes, request.GetVolumeId())
	if err != nil {
		return nil, failed(err)
	}
	size, err := wantedSize(request.GetCapacityRange(), volume.Bytes)
	if err != nil {
		return nil, err
	}
	if size > volume.Bytes {
		if err := d.grow(volume, size); err != nil {
			return nil, err
		}
	}
	return &csi.ControllerExpandVolumeResponse{
		CapacityBytes: max(size, volume.Bytes), NodeExpansionRequired: volume.NodeExpansion,
	}, nil
}

func (d *Driver) grow(volume record, size int64) error {
	if err := d.fits(volume.Pool, volume.PoolBytes, size-volume.Bytes); err != nil {
		return err
	}
	if volume.Block {
		if err := os.Truncate(d.pool.content(volume.ID), size); err != nil {
			return failed(err)
		}
	}
	volume.Bytes = size
	if err := d.pool.update(volumes, volume); err != nil {
		return failed(err)
	}
	return nil
}

// NodeExpandVolume implements csi.NodeServer. A folder has grown already; a loop device has to look at its file again.
func (d *Driver) NodeExpandVolume(
	_ context.Context, request *csi.NodeExpandVolumeRequest,
) (*csi.NodeExpandVolumeResponse, error) {
	if request.GetVolumeId() == "" || request.GetVolumePath() == "" {
		return nil, status.Error(codes.InvalidArgument, "which volume, and where is it?")
	}
	volume, err := d.pool.get(volumes, request.GetVolumeId())
	if err != nil {
		return nil, failed(err)
	}
	if _, err := os.Lstat(request.GetVolumePath()); err != nil {
		return nil, status.Errorf(codes.NotFound, "volume %s is not at %s: %v", volume.ID, request.GetVolumePath(), err)
	}
	if volume.Block {
		if err := loop.Grow(d.pool.content(volume.ID)); err != nil {
			return nil, failed(err)
		}
	}
	return &csi.NodeExpandVolumeResponse{CapacityBytes: volume.Bytes}, nil
}
