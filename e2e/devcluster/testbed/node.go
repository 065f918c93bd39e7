package testbed

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/internal/process"
)

// nodeState is what is read of a node in the cluster's state file.
type nodeState struct {
	process.ID
	Number int `json:"number"`
}

// KillNode ends a node with everything that runs in it, at once, as a power cut does: by SIGKILL of its init. It
// returns when all of it is gone. What was written to the node's disk stays, also to the volumes. Restore brings the
// node back.
func (c Cluster) KillNode(ctx context.Context, name string) error {
	node, err := c.node(name)
	if err != nil {
		return err
	}
	if err := node.Kill(ctx); err != nil {
		return fmt.Errorf("kill %s: %w", name, err)
	}
	return nil
}

// NodeProcess is the process id of a node's init. What runs in all of its namespaces (`nsenter --target PID --all`)
// runs on the node. It is an error when the node does not run.
func (c Cluster) NodeProcess(name string) (int, error) {
	node, err := c.node(name)
	return node.PID, err
}

// Restore starts the nodes that do not run, and waits until they have their pods and Services again. It runs
// `devcluster up`, as the Makefile has built it, with as many nodes as there are and the options, which must be those
// that the cluster was started with, such as --without.
func (c Cluster) Restore(ctx context.Context, options ...string) error {
	nodes, err := c.nodes()
	if err != nil {
		return err
	}
	program := filepath.Join(Checkout(), "bin", programName)
	arguments := append([]string{"--folder", c.folder, "up", fmt.Sprintf("--nodes=%d", len(nodes))}, options...)
	output, err := exec.CommandContext(ctx, program, arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("restore the nodes of %s by %s: %w\n%s", c.folder, program, err, output)
	}
	return nil
}

// node is a running node.
func (c Cluster) node(name string) (nodeState, error) {
	nodes, err := c.nodes()
	if err != nil {
		return nodeState{}, err
	}
	for _, node := range nodes {
		if NodeName(node.Number) != name {
			continue
		}
		if !node.Alive() {
			return nodeState{}, fmt.Errorf("node %s of the cluster in %s does not run", name, c.folder)
		}
		return node, nil
	}
	return nodeState{}, fmt.Errorf("the cluster in %s has no node %s", c.folder, name)
}

func (c Cluster) nodes() ([]nodeState, error) {
	data, err := os.ReadFile(c.StateFile())
	if err != nil {
		return nil, fmt.Errorf("read the state of the cluster: %w; does it run? 'make cluster' starts it", err)
	}
	var state struct {
		Nodes []nodeState `json:"nodes"`
	}
	if err := json.Unmarshal(data, &state); err != nil {
		return nil, fmt.Errorf("read the state of the cluster %s: %w", c.StateFile(), err)
	}
	return state.Nodes, nil
}
