package kubevirt

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
)

// readyPatience is generous: on two cores virt-operator takes about a minute to install everything.
const readyPatience = 10 * time.Minute

// workloads are what virt-operator installs, and itself.
var workloads = []string{"virt-operator", "virt-api", "virt-controller", "virt-handler", "virt-exportproxy"}

// Addon installs KubeVirt.
type Addon struct{}

var (
	_ addon.Addon      = Addon{}
	_ addon.WithAssets = Addon{}
)

// Name implements addon.Addon.
func (Addon) Name() string { return "kubevirt" }

// Images implements addon.Addon.
func (Addon) Images() []*artifact.Recipe {
	return []*artifact.Recipe{controlImage(), launcherImage()}
}

// Assets implements addon.WithAssets.
func (Addon) Assets() []*artifact.Recipe {
	return []*artifact.Recipe{Programs(), manifests()}
}

// Install implements addon.Addon.
func (Addon) Install(ctx context.Context, cluster *addon.Cluster) error {
	folder, err := cluster.Store.Ensure(ctx, manifests())
	if err != nil {
		return err
	}
	manifest, err := os.ReadFile(filepath.Join(folder, manifestsFile))
	if err != nil {
		return fmt.Errorf("install KubeVirt: %w", err)
	}
	if err := cluster.ApplyYAML(ctx, manifest); err != nil {
		return fmt.Errorf("install KubeVirt's operator: %w", err)
	}
	if err := cluster.Apply(ctx, newKubeVirt(cluster.KVM)); err != nil {
		return fmt.Errorf("install KubeVirt: %w", err)
	}
	client, err := virtctl(ctx, cluster.Store)
	if err != nil {
		return err
	}
	return cluster.OfferProgram(client)
}

// Ready implements addon.Addon.
func (Addon) Ready(ctx context.Context, cluster *addon.Cluster) error {
	// The programs first: what keeps one of their pods from running says more than KubeVirt's own conditions.
	if err := cluster.WaitWorkloads(ctx, readyPatience, Namespace, workloads...); err != nil {
		return err
	}
	return addon.WaitFor(ctx, readyPatience, "wait for KubeVirt", func(ctx context.Context) (string, error) {
		return missing(ctx, cluster)
	})
}
