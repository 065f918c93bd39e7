package csidriver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// Version is what the driver says of itself.
const Version = "1"

// Options of a driver.
type Options struct {
	// Name is the driver's name, which classes and volumes carry.
	Name string
	// NodeID is the name of the node that this process serves.
	NodeID string
	// PoolFolder is where volumes and snapshots are kept: the same on every node.
	PoolFolder string
	// Capacity is how many bytes can be booked in the default pool.
	Capacity int64
	// Controller says that this process is the one that provisions.
	Controller bool
	// Log takes calls that failed. The zero value drops them.
	Log logr.Logger
}

// Driver serves the Identity, Controller and Node services of CSI, and GroupController where the pool can be cut in one
// act.
type Driver struct {
	csi.UnimplementedIdentityServer
	csi.UnimplementedControllerServer
	csi.UnimplementedGroupControllerServer
	csi.UnimplementedNodeServer

	options Options
	pool    *pool
}

// New opens the pool.
func New(options Options) (*Driver, error) {
	if options.Name == "" {
		return nil, errors.New("the driver needs a name: the provisioner of its StorageClasses")
	}
	pool, err := openPool(options.PoolFolder, options.Controller)
	if err != nil {
		return nil, err
	}
	if !pool.atomic {
		options.Log.Info("no snapshots of groups: they need a pool that is a Btrfs subvolume, to cut all volumes in "+
			"one act", "pool", pool.folder)
	}
	return &Driver{options: options, pool: pool}, nil
}

// Serve answers on a UNIX socket until ctx ends.
func (d *Driver) Serve(ctx context.Context, socket string) error {
	server := grpc.NewServer(grpc.UnaryInterceptor(d.logFailures))
	csi.RegisterIdentityServer(server, d)
	csi.RegisterControllerServer(server, d)
	csi.RegisterNodeServer(server, d)
	if d.pool.atomic {
		csi.RegisterGroupControllerServer(server, d)
	}
	return serveSocket(ctx, server, socket)
}

// serveSocket replaces a socket that an earlier process left.
func serveSocket(ctx context.Context, server *grpc.Server, socket string) error {
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("listen on %s: %w", socket, err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", socket, err)
	}
	stop := context.AfterFunc(ctx, server.GracefulStop)
	defer stop()
	if err := server.Serve(listener); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve %s: %w", socket, err)
	}
	return nil
}

// logFailures logs what kubelet and the sidecars otherwise only repeat.
func (d *Driver) logFailures(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (any, error) {
	response, err := handler(ctx, request)
	if err != nil {
		d.options.Log.Info("call failed", "method", info.FullMethod, "code", status.Code(err).String(), "error",
			err.Error())
	}
	return response, err
}
