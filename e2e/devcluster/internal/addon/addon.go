package addon

import (
	"context"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
)

// Addon is a part that runs on the cluster.
type Addon interface {
	// Name is how people name the add-on, for example in --without.
	Name() string
	// Images are recipes that each leave an image.tar in their folder. It is imported into each node before Install.
	Images() []*artifact.Recipe
	// Install applies manifests by server-side apply. It is idempotent.
	Install(ctx context.Context, cluster *Cluster) error
	// Ready waits until the add-on works. When it gives up, its error names what is missing.
	Ready(ctx context.Context, cluster *Cluster) error
}

// WithAssets is implemented by add-ons that need other results too (a guest image, a command-line tool). They are built
// together with the images, and reached by Cluster.Store.Ensure.
type WithAssets interface {
	Assets() []*artifact.Recipe
}

// WithNodePreparation is implemented by add-ons that need something on a node before the add-ons of the cluster are
// installed, for example a binary in /opt/cni/bin. It runs once per node, after the node has started.
type WithNodePreparation interface {
	PrepareNode(ctx context.Context, cluster *Cluster, node Node) error
}
