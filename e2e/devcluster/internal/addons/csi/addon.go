package csi

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

const (
	readyPatience = 3 * time.Minute
	// snapshotModule has the definitions of the snapshot kinds beside its Go code.
	snapshotModule = "github.com/kubernetes-csi/external-snapshotter/client/v8"
)

//go:embed manifest.yaml
var manifest []byte

//go:embed classes.yaml
var classes []byte

//go:embed groupclass.yaml
var groupClass []byte

// Addon installs the CSI driver and the snapshot controller.
type Addon struct{}

var _ addon.Addon = Addon{}

// Name implements addon.Addon.
func (Addon) Name() string { return "csi" }

// Images implements addon.Addon.
func (Addon) Images() []*artifact.Recipe { return []*artifact.Recipe{csiImage()} }

// Install implements addon.Addon.
func (Addon) Install(ctx context.Context, cluster *addon.Cluster) error {
	definitions, err := snapshotDefinitions(ctx)
	if err != nil {
		return err
	}
	all := [][]byte{
		definitions, manifest, bytes.ReplaceAll(classes, []byte("$(SNAPSHOTS)"), []byte(cluster.Pool.Snapshots())),
	}
	if cluster.Pool.Snapshots() == testbed.SnapshotsAtomic {
		all = append(all, groupClass)
	}
	for _, one := range all {
		if err := cluster.ApplyYAML(ctx, one); err != nil {
			return fmt.Errorf("install storage: %w", err)
		}
	}
	return nil
}

// snapshotDefinitions are the CRDs of snapshots, and of snapshots of groups: the controller wants them even where the
// driver has no groups.
func snapshotDefinitions(ctx context.Context) ([]byte, error) {
	source, err := artifact.ModuleSource(ctx, filepath.Join(artifact.ToolsFolder(), sidecarModule), snapshotModule)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(source, "config", "crd", "*snapshot.storage.k8s.io_*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no definitions of snapshots in %s", source)
	}
	var all []byte
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		all = append(append(all, []byte("\n---\n")...), content...)
	}
	return all, nil
}

// Ready implements addon.Addon.
func (Addon) Ready(ctx context.Context, cluster *addon.Cluster) error {
	err := cluster.WaitWorkloads(ctx, readyPatience, testbed.StorageNamespace, "csi-controller", "csi-node",
		"snapshot-controller")
	if err != nil {
		return err
	}
	err = addon.WaitFor(ctx, readyPatience, "wait for the CSI driver", func(ctx context.Context) (string, error) {
		return unregistered(ctx, cluster)
	})
	if err != nil {
		return err
	}
	return DescribeToCDI(ctx, cluster)
}

// unregistered names the nodes whose kubelet does not know the driver yet.
func unregistered(ctx context.Context, cluster *addon.Cluster) (string, error) {
	var missing []string
	for _, node := range cluster.Nodes {
		var found storagev1.CSINode
		err := cluster.Client.Get(ctx, client.ObjectKey{Name: node.Name}, &found)
		if err != nil && !apierrors.IsNotFound(err) {
			return "", fmt.Errorf("get CSINode %s: %w", node.Name, err)
		}
		known := false
		for _, driver := range found.Spec.Drivers {
			known = known || driver.Name == testbed.Provisioner
		}
		if !known {
			missing = append(missing, node.Name+" has not registered it")
		}
	}
	return strings.Join(missing, ", "), nil
}
