package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/internal/network"
	"github.com/novasphere/wukong/e2e/devcluster/internal/pooldisk"
	"github.com/novasphere/wukong/e2e/devcluster/internal/process"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// state is what is known about a running cluster. It is written after each change.
type state struct {
	Plan network.Plan `json:"plan"`
	// Programs are the folders of the cache that the cluster runs from.
	Programs []string `json:"programs"`
	// Controllers are the cgroup controllers that were enabled for this cluster.
	Controllers  []string    `json:"controllers,omitempty"`
	ControlPlane *process.ID `json:"controlPlane,omitempty"`
	Nodes        []nodeState `json:"nodes,omitempty"`
	// Pool is the kind of the file system of volumes.
	Pool pooldisk.Kind `json:"pool,omitempty"`
}

// nodeState is one node of a running cluster.
type nodeState struct {
	process.ID
	Number int `json:"number"`
	// Since is when the node was started last, to the second, as Kubernetes writes times.
	Since time.Time `json:"since"`
	// Images are the archives that its containerd has.
	Images []string `json:"images,omitempty"`
	// Prepared are the add-ons that have prepared the node.
	Prepared []string `json:"prepared,omitempty"`
}

func nodeName(number int) string { return testbed.NodeName(number) }

// loadState returns nil when there is no cluster.
func loadState(place paths) (*state, error) {
	data, err := os.ReadFile(place.state())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the cluster's state: %w", err)
	}
	loaded := &state{}
	if err := json.Unmarshal(data, loaded); err != nil {
		return nil, fmt.Errorf("read the cluster's state %s: %w", place.state(), err)
	}
	return loaded, nil
}

func (s *state) save(place paths) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write the cluster's state: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(place.state()), 0o755); err != nil {
		return fmt.Errorf("write the cluster's state: %w", err)
	}
	if err := os.WriteFile(place.state()+".new", data, 0o600); err != nil {
		return fmt.Errorf("write the cluster's state: %w", err)
	}
	return os.Rename(place.state()+".new", place.state())
}

func (s *state) controlPlaneAlive() bool { return s.ControlPlane != nil && s.ControlPlane.Alive() }

// node returns the node with the number, or nil.
func (s *state) node(number int) *nodeState {
	for index := range s.Nodes {
		if s.Nodes[index].Number == number {
			return &s.Nodes[index]
		}
	}
	return nil
}

// setNode adds or replaces a node.
func (s *state) setNode(node nodeState) {
	if existing := s.node(node.Number); existing != nil {
		*existing = node
		return
	}
	s.Nodes = append(s.Nodes, node)
}
