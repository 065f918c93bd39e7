// Package networkpolicy is the add-on that enforces NetworkPolicies: see package policystandin.
package networkpolicy

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/internal/program"
)

const (
	namespace     = "network-policy"
	name          = "network-policy-standin"
	reference     = "wukong.local/network-policy-standin:1"
	readyPatience = 2 * time.Minute
)

//go:embed manifest.yaml
var manifest []byte

// Addon installs the stand-in.
type Addon struct{}

var _ addon.Addon = Addon{}

// Name implements addon.Addon.
func (Addon) Name() string { return "networkpolicy" }

// Images implements addon.Addon. Changing the firewall needs root.
func (Addon) Images() []*artifact.Recipe {
	return []*artifact.Recipe{
		program.Image(program.Binary(name, "internal/policystandin", "internal/nodeagent"), name, reference, ""),
	}
}

// Install implements addon.Addon.
func (Addon) Install(ctx context.Context, cluster *addon.Cluster) error {
	if err := cluster.ApplyYAML(ctx, manifest); err != nil {
		return fmt.Errorf("install the stand-in for network policies: %w", err)
	}
	return nil
}

// Ready implements addon.Addon.
func (Addon) Ready(ctx context.Context, cluster *addon.Cluster) error {
	return cluster.WaitWorkloads(ctx, readyPatience, namespace, name)
}
