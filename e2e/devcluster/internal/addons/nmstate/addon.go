package nmstate

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/internal/program"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

const (
	namespace     = testbed.NMStateNamespace
	name          = "nmstate-standin"
	reference     = "wukong.local/nmstate-standin:1"
	readyPatience = 2 * time.Minute
)

//go:embed manifest.yaml
var manifest []byte

// Addon installs the kinds of NMState and the stand-in.
type Addon struct{}

var (
	_ addon.Addon               = Addon{}
	_ addon.WithNodePreparation = Addon{}
)

// Name implements addon.Addon.
func (Addon) Name() string { return "nmstate" }

// Images implements addon.Addon. Changing a network needs root.
func (Addon) Images() []*artifact.Recipe {
	return []*artifact.Recipe{
		program.Image(program.Binary(name, "internal/nmstatestandin", "internal/nodeagent"), name, reference, ""),
	}
}

// PrepareNode implements addon.WithNodePreparation.
func (Addon) PrepareNode(_ context.Context, cluster *addon.Cluster, node addon.Node) error {
	return connect(cluster.Nodes, node)
}

// Install implements addon.Addon. The definitions are those that the operator's own tests use.
func (Addon) Install(ctx context.Context, cluster *addon.Cluster) error {
	definitions, err := os.ReadFile(filepath.Join(artifact.SourceRoot(), "controllers", "internal", "testenv", "crds",
		"nmstate.yaml"))
	if err != nil {
		return err
	}
	for _, one := range [][]byte{definitions, manifest} {
		if err := cluster.ApplyYAML(ctx, one); err != nil {
			return fmt.Errorf("install NMState: %w", err)
		}
	}
	return nil
}

// Ready implements addon.Addon: the stand-in has told what each node has.
func (Addon) Ready(ctx context.Context, cluster *addon.Cluster) error {
	if err := cluster.WaitWorkloads(ctx, readyPatience, namespace, name); err != nil {
		return err
	}
	state := schema.GroupVersionKind{Group: "nmstate.io", Version: "v1beta1", Kind: "NodeNetworkState"}
	return addon.WaitFor(ctx, readyPatience, "wait for NodeNetworkStates",
		func(ctx context.Context) (missing string, err error) {
			for _, node := range cluster.Nodes {
				object := &unstructured.Unstructured{}
				object.SetGroupVersionKind(state)
				err := cluster.Client.Get(ctx, client.ObjectKey{Name: node.Name}, object)
				if apierrors.IsNotFound(err) {
					return "there is none of " + node.Name, nil
				}
				if err != nil {
					return "", fmt.Errorf("get NodeNetworkState %s: %w", node.Name, err)
				}
			}
			return "", nil
		})
}
