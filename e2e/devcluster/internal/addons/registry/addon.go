package registry

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

const (
	readyPatience = 2 * time.Minute
)

//go:embed manifest.yaml
var manifest []byte

// Addon serves container images.
type Addon struct{}

var _ addon.Addon = Addon{}

// Name implements addon.Addon.
func (Addon) Name() string { return "registry" }

// Images implements addon.Addon.
func (Addon) Images() []*artifact.Recipe { return []*artifact.Recipe{server(), tinyDisk()} }

// Install implements addon.Addon.
func (Addon) Install(ctx context.Context, cluster *addon.Cluster) error {
	if err := cluster.ApplyYAML(ctx, manifest); err != nil {
		return fmt.Errorf("install the registry: %w", err)
	}
	return nil
}

// Ready implements addon.Addon.
func (Addon) Ready(ctx context.Context, cluster *addon.Cluster) error {
	return cluster.WaitWorkloads(ctx, readyPatience, testbed.ServersNamespace, serverName)
}
