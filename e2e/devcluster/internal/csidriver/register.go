package csidriver

import (
	"context"
	"fmt"
	"path/filepath"

	"google.golang.org/grpc"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

// registrar tells kubelet where the driver is. Kubelet finds it by its socket in the folder plugins_registry.
type registrar struct {
	registration.UnimplementedRegistrationServer
	// name is the driver's.
	name string
	// endpoint is the driver's socket, as kubelet sees it.
	endpoint string
	failed   chan error
}

// Register serves kubelet's registration of the driver of a name until ctx ends. It returns an error if kubelet refuses
// the driver.
func Register(ctx context.Context, name, folder, endpoint string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	service := &registrar{name: name, endpoint: endpoint, failed: make(chan error, 1)}
	server := grpc.NewServer()
	registration.RegisterRegistrationServer(server, service)
	served := make(chan error, 1)
	go func() { served <- serveSocket(ctx, server, filepath.Join(folder, name+"-reg.sock")) }()
	select {
	case err := <-service.failed:
		cancel()
		<-served
		return err
	case err := <-served:
		return err
	}
}

// GetInfo implements registration.RegistrationServer.
func (r *registrar) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{
		Type: registration.CSIPlugin, Name: r.name, Endpoint: r.endpoint, SupportedVersions: []string{"1.0.0"},
	}, nil
}

// NotifyRegistrationStatus implements registration.RegistrationServer.
func (r *registrar) NotifyRegistrationStatus(
	_ context.Context, outcome *registration.RegistrationStatus,
) (*registration.RegistrationStatusResponse, error) {
	if !outcome.GetPluginRegistered() {
		select {
		case r.failed <- fmt.Errorf("kubelet refuses the driver: %s", outcome.GetError()):
		default:
		}
	}
	return &registration.RegistrationStatusResponse{}, nil
}
