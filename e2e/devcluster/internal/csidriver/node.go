package csidriver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// NodeGetInfo implements csi.NodeServer. Volumes can be reached from everywhere, so there is no topology.
func (d *Driver) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: d.options.NodeID}, nil
}

// NodeGetCapabilities implements csi.NodeServer.
func (d *Driver) NodeGetCapabilities(
	context.Context, *csi.NodeGetCapabilitiesRequest,
) (*csi.NodeGetCapabilitiesResponse, error) {
	response := &csi.NodeGetCapabilitiesResponse{}
	for _, one := range []csi.NodeServiceCapability_RPC_Type{
		csi.NodeServiceCapability_RPC_EXPAND_VOLUME,
		csi.NodeServiceCapability_RPC_GET_VOLUME_STATS,
		csi.NodeServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		response.Capabilities = append(response.Capabilities, &csi.NodeServiceCapability{
			Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: one}},
		})
	}
	return response, nil
}

// NodePublishVolume implements csi.NodeServer: a bind mount of the folder, or of a loop device for the file.
func (d *Driver) NodePublishVolume(
	_ context.Context, request *csi.NodePublishVolumeRequest,
) (*csi.NodePublishVolumeResponse, error) {
	target := request.GetTargetPath()
	if request.GetVolumeId() == "" || target == "" || request.GetVolumeCapability() == nil {
		return nil, status.Error(codes.InvalidArgument, "which volume, where, and how?")
	}
	block, err := isBlock([]*csi.VolumeCapability{request.GetVolumeCapability()})
	if err != nil {
		return nil, err
	}
	volume, err := d.pool.get(volumes, request.GetVolumeId())
	if err != nil {
		return nil, failed(err)
	}
	if volume.Block != block {
		return nil, status.Errorf(codes.InvalidArgument, "volume %s has another volume mode", volume.ID)
	}
	if mounted, err := isMountPoint(target); err != nil || mounted {
		return &csi.NodePublishVolumeResponse{}, orNil(err)
	}
	source := d.pool.content(volume.ID)
	if block {
		if source, err = d.attach(volume.ID, target); err != nil {
			return nil, failed(err)
		}
	}
	if err := bind(source, target, block, request.GetReadonly()); err != nil {
		return nil, failed(fmt.Errorf("publish %s: %w", volume.ID, err))
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

func orNil(err error) error {
	if err == nil {
		return nil
	}
	return failed(err)
}

func bind(source, target string, file, readOnly bool) error {
	if err := makeTarget(target, file); err != nil {
		return err
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s to %s: %w", source, target, err)
	}
	if !readOnly {
		return nil
	}
	if err := unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return errors.Join(fmt.Errorf("make %s read-only: %w", target, err), unix.Unmount(target, 0))
	}
	return nil
}

func makeTarget(target string, file bool) error {
	if !file {
		return os.MkdirAll(target, 0o750)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
		return err
	}
	made, err := os.OpenFile(target, os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	return made.Close()
}

// isMountPoint is false for a path that does not exist. A bind mount of a folder of the same file system is found only
// by its mount ID.
func isMountPoint(path string) (bool, error) {
	mine, err := mountID(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", path, err)
	}
	above, err := mountID(filepath.Dir(path))
	if err != nil {
		return false, fmt.Errorf("look above %s: %w", path, err)
	}
	return mine != above, nil
}

func mountID(path string) (uint64, error) {
	var found unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_MNT_ID, &found)
	return found.Mnt_id, err
}

// NodeUnpublishVolume implements csi.NodeServer. It succeeds for what is not there any more.
func (d *Driver) NodeUnpublishVolume(
	_ context.Context, request *csi.NodeUnpublishVolumeRequest,
) (*csi.NodeUnpublishVolumeResponse, error) {
	target := request.GetTargetPath()
	if request.GetVolumeId() == "" || target == "" {
		return nil, status.Error(codes.InvalidArgument, "which volume, and where?")
	}
	volume, err := d.pool.get(volumes, request.GetVolumeId())
	if err != nil && !errors.Is(err, errNotThere) {
		return nil, failed(err)
	}
	known := err == nil
	if !known && !validID.MatchString(request.GetVolumeId()) {
		return nil, failed(err)
	}
	if mounted, err := isMountPoint(target); err != nil {
		return nil, failed(err)
	} else if mounted {
		if err := unix.Unmount(target, 0); err != nil {
			return nil, failed(fmt.Errorf("unmount %s: %w", target, err))
		}
	}
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, failed(err)
	}
	if known && volume.Block {
		if err := d.detach(volume.ID, target); err != nil {
			return nil, failed(err)
		}
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

// NodeGetVolumeStats implements csi.NodeServer.
func (d *Driver) NodeGetVolumeStats(
	_ context.Context, request *csi.NodeGetVolumeStatsRequest,
) (*csi.NodeGetVolumeStatsResponse, error) {
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
	used, files, err := usage(d.pool.content(volume.ID))
	if err != nil {
		return nil, failed(err)
	}
	response := &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{{
		Unit: csi.VolumeUsage_BYTES, Total: volume.Bytes, Used: used, Available: max(volume.Bytes-used, 0),
	}}}
	if !volume.Block {
		response.Usage = append(response.GetUsage(),
			&csi.VolumeUsage{Unit: csi.VolumeUsage_INODES, Used: files, Total: files})
	}
	return response, nil
}
