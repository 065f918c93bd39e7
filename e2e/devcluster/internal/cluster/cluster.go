package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/internal/component"
	"github.com/novasphere/wukong/e2e/devcluster/internal/host"
	"github.com/novasphere/wukong/e2e/devcluster/progress"
)

// Cluster is the cluster of one folder, running or not.
type Cluster struct {
	place  paths
	store  *artifact.Store
	report *progress.Reporter
	state  *state
	// programs are the folders of the cache with the programs that the cluster runs.
	programs programFolders
}

// programFolders are folders of binaries by what is in them.
type programFolders struct {
	kubernetes, etcd, containerd, runc, networkPlugins string
}

func (p programFolders) list() []string {
	return []string{p.kubernetes, p.etcd, p.containerd, p.runc, p.networkPlugins}
}

// New is the cluster whose state is kept in the folder.
func New(folder string, store *artifact.Store, report *progress.Reporter) (*Cluster, error) {
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	return &Cluster{place: paths{root: absolute}, store: store, report: report}, nil
}

// lock keeps two commands from changing the same cluster at the same time. The lock is in the cache, which stays: the
// cluster's own folder comes and goes under it.
func (c *Cluster) lock() (release func(), err error) {
	path := filepath.Join(c.store.Root(), ".locks", c.place.identity())
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("lock the cluster: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the cluster: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("another command is changing this cluster (%s): %w", path, err)
	}
	return func() { file.Close() }, nil
}

// buildPrograms builds or finds the programs of the core, together with whatever else is wanted.
func (c *Cluster) buildPrograms(ctx context.Context, more ...*artifact.Recipe) error {
	core := []*artifact.Recipe{
		component.Kubernetes(), component.Etcd(), component.Containerd(), component.Runc(), component.NetworkPlugins(),
	}
	folders, err := c.store.EnsureAll(ctx, append(core, more...)...)
	if err != nil {
		return err
	}
	bin := func(index int) string { return filepath.Join(folders[index], "bin") }
	c.programs = programFolders{
		kubernetes: bin(0), etcd: bin(1), containerd: bin(2), runc: bin(3), networkPlugins: bin(4),
	}
	return nil
}

// linkPrograms makes one folder with all programs that run on nodes and in the control plane. The links are hard ones:
// a node sees the files of the host but for /tmp and /run, where the cache may be.
func (c *Cluster) linkPrograms() error {
	for _, folder := range []string{c.programs.kubernetes, c.programs.etcd, c.programs.containerd, c.programs.runc} {
		if err := placePrograms(folder, c.place.programs(), addon.LinkProgram); err != nil {
			return fmt.Errorf("link programs: %w", err)
		}
	}
	return nil
}

// View is the running cluster as add-ons and commands see it.
func (c *Cluster) View() (*addon.Cluster, error) {
	view := &addon.Cluster{
		StateDir: c.place.root, SharedDir: c.place.shared(), Pool: c.state.Pool, KVM: host.HasKVM(), Store: c.store,
		Report: c.report,
	}
	for _, node := range c.state.Nodes {
		if node.Alive() {
			view.Nodes = append(view.Nodes, c.nodeView(node))
		}
	}
	return view, view.Connect()
}

func (c *Cluster) nodeView(node nodeState) addon.Node {
	return addon.Node{
		Name: nodeName(node.Number), Address: c.state.Plan.Node(node.Number).String(),
		PodSubnet: c.state.Plan.PodSubnet(node.Number).String(), PID: node.PID, Started: node.Started,
		Since: node.Since,
	}
}

// Open loads the state of a running cluster. It fails when none runs.
func (c *Cluster) Open() error {
	loaded, err := loadState(c.place)
	if err != nil {
		return err
	}
	if loaded == nil || !loaded.controlPlaneAlive() {
		return fmt.Errorf("no cluster runs here; `devcluster up` starts one")
	}
	c.state = loaded
	return nil
}

// patience with parts of the core; each takes seconds on two idle cores, but a cold start shares them with builds.
const (
	apiServerPatience = 2 * time.Minute
	nodePatience      = 3 * time.Minute
)
