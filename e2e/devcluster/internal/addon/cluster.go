package addon

import (
	"context"
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/pooldisk"
	"github.com/novasphere/wukong/e2e/devcluster/progress"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// FieldManager owns the fields that the dev cluster applies.
const FieldManager = "devcluster"

// Cluster is the running cluster, as add-ons see it.
type Cluster struct {
	// Config reaches the API server as cluster-admin.
	Config *rest.Config
	// Client reads from the API server without a cache. Unstructured objects work for every kind; the typed ones are
	// those of client-go's scheme.
	Client client.Client
	// Nodes are the machines of the cluster, in order of their numbers.
	Nodes []Node
	// ImageDigests are those of the images on the nodes, by their references; nil before they are imported.
	ImageDigests map[string]string
	// StateDir is <repository>/.devcluster, which `down` removes.
	StateDir string
	// SharedDir is a folder on the host that every node sees as SharedMount: a file system that both nodes share.
	SharedDir string
	// Pool is the kind of the file system of volumes, which every node sees at PoolMount.
	Pool pooldisk.Kind
	// KVM says whether virtual machines can use /dev/kvm here. If not, they are emulated.
	KVM bool
	// Store builds and caches what the add-on needs.
	Store *artifact.Store
	// Report shows progress.
	Report *progress.Reporter
}

// Places on each node.
const (
	// SharedMount is where each node sees Cluster.SharedDir.
	SharedMount = testbed.SharedMount
	// PoolMount is the folder of volumes.
	PoolMount = SharedMount + "/volumes"
)

// Connect fills in Config and Client from the kubeconfig file of the cluster's administrator.
func (c *Cluster) Connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		return fmt.Errorf("read %s: %w", c.Kubeconfig(), err)
	}
	config.QPS, config.Burst = -1, 0
	config.WarningHandler = rest.NoWarnings{}
	c.Config = config
	if c.Client, err = client.New(config, client.Options{}); err != nil {
		return fmt.Errorf("connect to %s: %w", config.Host, err)
	}
	return nil
}

// Kubeconfig is the path of the administrator's kubeconfig.
func (c *Cluster) Kubeconfig() string { return testbed.At(c.StateDir).Kubeconfig() }

// OnEveryNode calls work for each node.
func (c *Cluster) OnEveryNode(ctx context.Context, work func(ctx context.Context, node Node) error) error {
	for _, node := range c.Nodes {
		if err := work(ctx, node); err != nil {
			return fmt.Errorf("node %s: %w", node.Name, err)
		}
	}
	return nil
}
