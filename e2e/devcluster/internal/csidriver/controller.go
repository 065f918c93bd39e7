package csidriver

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/novasphere/wukong/e2e/devcluster/internal/loop"
)

// defaultSize is the size of a volume for which none was asked.
const defaultSize = 1 << 30

// ControllerGetCapabilities implements csi.ControllerServer.
func (d *Driver) ControllerGetCapabilities(
	context.Context, *csi.ControllerGetCapabilitiesRequest,
) (*csi.ControllerGetCapabilitiesResponse, error) {
	response := &csi.ControllerGetCapabilitiesResponse{}
	for _, one := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT,
		csi.ControllerServiceCapability_RPC_LIST_SNAPSHOTS,
		csi.ControllerServiceCapability_RPC_CLONE_VOLUME,
		csi.ControllerServiceCapability_RPC_EXPAND_VOLUME,
		csi.ControllerServiceCapability_RPC_GET_CAPACITY,
		csi.ControllerServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		response.Capabilities = append(response.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: one}},
		})
	}
	return response, nil
}

// CreateVolume implements csi.ControllerServer.
func (d *Driver) CreateVolume(_ context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	want, err := d.wanted(request)
	if err != nil {
		return nil, err
	}
	d.pool.mutex.Lock()
	defer d.pool.mutex.Unlock()
	existing, err := d.pool.get(volumes, want.ID)
	if err == nil {
		return created(existing, request), compatible(existing, want, request)
	}
	if !errors.Is(err, errNotThere) {
		return nil, failed(err)
	}
	source, err := d.source(&want, request)
	if err != nil {
		return nil, err
	}
	if err := d.fits(want.Pool, want.PoolBytes, want.Bytes); err != nil {
		return nil, err
	}
	if err := d.provision(want, source); err != nil {
		return nil, failed(err)
	}
	return created(want, request), nil
}

// provision makes a volume: empty, from a snapshot, or from another volume as it is at one moment.
func (d *Driver) provision(want record, source *origin) error {
	if source == nil {
		return d.pool.add(volumes, want, func(content string) error { return fill(content, "", want) })
	}
	from := func(folder string) error {
		original := contentBelow(folder, source.kind, source.ID)
		return d.pool.add(volumes, want, func(content string) error { return fill(content, original, want) })
	}
	if source.kind == snapshots {
		return from(d.pool.folder)
	}
	return d.pool.cut([]record{source.record}, from)
}

// wanted is the record of the volume that is asked for.
func (d *Driver) wanted(request *csi.CreateVolumeRequest) (record, error) {
	if request.GetName() == "" {
		return record{}, status.Error(codes.InvalidArgument, "a volume needs a name")
	}
	block, err := isBlock(request.GetVolumeCapabilities())
	if err != nil {
		return record{}, err
	}
	size, err := wantedSize(request.GetCapacityRange(), defaultSize)
	if err != nil {
		return record{}, err
	}
	want := record{
		ID: idFor(volumes, request.GetName()), Name: request.GetName(), Bytes: size, Block: block,
		Created: time.Now().UTC(),
		Pool:    defaultPool, PoolBytes: d.options.Capacity,
	}
	parameters := request.GetParameters()
	if name := parameters["pool"]; name != "" {
		want.Pool = name
	}
	if text := parameters["poolBytes"]; text != "" {
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			return record{}, status.Errorf(codes.InvalidArgument, "parameter poolBytes %q: %v", text, err)
		}
		want.PoolBytes = quantity.Value()
	}
	want.NodeExpansion = block || parameters["nodeExpansion"] == "true"
	return want, nil
}

// isBlock says whether the capabilities ask for a block device.
func isBlock(capabilities []*csi.VolumeCapability) (bool, error) {
	if len(capabilities) == 0 {
		return false, status.Error(codes.InvalidArgument, "a volume needs capabilities")
	}
	block := capabilities[0].GetBlock() != nil
	for _, one := range capabilities {
		if one.GetBlock() == nil && one.GetMount() == nil {
			return false, status.Error(codes.InvalidArgument, "a capability needs an access type")
		}
		if block != (one.GetBlock() != nil) {
			return false, status.Error(codes.InvalidArgument, "a volume cannot be a file system and a block device")
		}
	}
	return block, nil
}

// wantedSize is rounded up to what a sector is.
func wantedSize(asked *csi.CapacityRange, fallback int64) (int64, error) {
	size, limit := asked.GetRequiredBytes(), asked.GetLimitBytes()
	if size < 0 || limit < 0 {
		return 0, status.Error(codes.InvalidArgument, "a size cannot be negative")
	}
	if size == 0 {
		size = fallback
		if limit > 0 {
			size = min(size, limit)
		}
	}
	const block = 4096
	size = (size + block - 1) / block * block
	if limit > 0 && size > limit {
		return 0, status.Errorf(codes.OutOfRange, "%d bytes are more than the limit of %d", size, limit)
	}
	return size, nil
}

// compatible is an error if the name is taken by a volume that is not what is asked for.
func compatible(existing, want record, request *csi.CreateVolumeRequest) error {
	asked := request.GetCapacityRange()
	tooSmall := existing.Bytes < asked.GetRequiredBytes()
	tooLarge := asked.GetLimitBytes() > 0 && existing.Bytes > asked.GetLimitBytes()
	if tooSmall || tooLarge || existing.Block != want.Block || existing.Source != sourceID(request) {
		return status.Errorf(codes.AlreadyExists, "volume %s exists with other properties", request.GetName())
	}
	return nil
}

func sourceID(request *csi.CreateVolumeRequest) string {
	source := request.GetVolumeContentSource()
	if snapshot := source.GetSnapshot(); snapshot != nil {
		return snapshot.GetSnapshotId()
	}
	return source.GetVolume().GetVolumeId()
}

// origin is what a volume is made from.
type origin struct {
	record
	kind string
}

// source returns what a volume is made from, if anything, and sets want.Source.
func (d *Driver) source(want *record, request *csi.CreateVolumeRequest) (*origin, error) {
	if request.GetVolumeContentSource() == nil {
		return nil, nil
	}
	kind := volumes
	if request.GetVolumeContentSource().GetSnapshot() != nil {
		kind = snapshots
	}
	want.Source = sourceID(request)
	from, err := d.pool.get(kind, want.Source)
	if err != nil {
		return nil, failed(err)
	}
	if from.Block != want.Block {
		return nil, status.Errorf(codes.InvalidArgument, "%s has another volume mode", from.ID)
	}
	if from.Bytes > want.Bytes {
		return nil, status.Errorf(codes.OutOfRange, "%d bytes are less than the %d of %s", want.Bytes,
			from.Bytes, from.ID)
	}
	return &origin{record: from, kind: kind}, nil
}

// fits is an error if the pool has no room for so many more bytes.
func (d *Driver) fits(name string, capacity, more int64) error {
	booked, err := d.pool.booked(name)
	if err != nil {
		return failed(err)
	}
	if booked+more > capacity {
		return status.Errorf(codes.ResourceExhausted, "pool %s is full: %d bytes more than its %d bytes", name,
			booked+more-capacity, capacity)
	}
	return nil
}

// fill makes the content of a volume.
func fill(content, source string, want record) error {
	if source != "" {
		if err := copyTree(source, content); err != nil {
			return err
		}
	} else if !want.Block {
		if err := os.Mkdir(content, 0o777); err != nil {
			return err
		}
		// Pods of any user write to it; kubelet gives it to their group where the pod has one.
		return os.Chmod(content, 0o777)
	}
	if !want.Block {
		return nil
	}
	file, err := os.OpenFile(content, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(file.Truncate(want.Bytes), file.Close())
}

func created(volume record, request *csi.CreateVolumeRequest) *csi.CreateVolumeResponse {
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{
		VolumeId: volume.ID, CapacityBytes: volume.Bytes, ContentSource: request.GetVolumeContentSource(),
	}}
}

// DeleteVolume implements csi.ControllerServer.
func (d *Driver) DeleteVolume(_ context.Context, request *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	if request.GetVolumeId() == "" {
		return nil, status.Error(codes.InvalidArgument, "which volume?")
	}
	d.pool.mutex.Lock()
	defer d.pool.mutex.Unlock()
	volume, err := d.pool.get(volumes, request.GetVolumeId())
	if errors.Is(err, errNotThere) {
		return &csi.DeleteVolumeResponse{}, nil
	}
	if err != nil {
		return nil, failed(err)
	}
	if volume.Block {
		// A node that died could not give its device back.
		if err := loop.Detach(d.pool.content(volume.ID)); err != nil {
			return nil, failed(err)
		}
	}
	if err := d.pool.remove(volumes, volume.ID); err != nil {
		return nil, failed(err)
	}
	return &csi.DeleteVolumeResponse{}, nil
}

// ValidateVolumeCapabilities implements csi.ControllerServer.
func (d *Driver) ValidateVolumeCapabilities(
	_ context.Context, request *csi.ValidateVolumeCapabilitiesRequest,
) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if request.GetVolumeId() == "" {
		return nil, status.Error(codes.InvalidArgument, "which volume?")
	}
	block, err := isBlock(request.GetVolumeCapabilities())
	if err != nil {
		return nil, err
	}
	volume, err := d.pool.get(volumes, request.GetVolumeId())
	if err != nil {
		return nil, failed(err)
	}
	if volume.Block != block {
		return &csi.ValidateVolumeCapabilitiesResponse{Message: "the volume has the other volume mode"}, nil
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeContext: request.GetVolumeContext(), VolumeCapabilities: slices.Clone(request.GetVolumeCapabilities()),
		Parameters: request.GetParameters(),
	}}, nil
}

// GetCapacity implements csi.ControllerServer.
func (d *Driver) GetCapacity(_ context.Context, request *csi.GetCapacityRequest) (*csi.GetCapacityResponse, error) {
	name, capacity := defaultPool, d.options.Capacity
	if given := request.GetParameters()["pool"]; given != "" {
		name = given
	}
	if text := request.GetParameters()["poolBytes"]; text != "" {
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "parameter poolBytes %q: %v", text, err)
		}
		capacity = quantity.Value()
	}
	booked, err := d.pool.booked(name)
	if err != nil {
		return nil, failed(err)
	}
	return &csi.GetCapacityResponse{AvailableCapacity: max(capacity-booked, 0)}, nil
}

// failed turns an error of the pool into one of CSI.
func failed(err error) error {
	if errors.Is(err, errNotThere) {
		return status.Error(codes.NotFound, err.Error())
	}
	return status.Error(codes.Internal, err.Error())
}
