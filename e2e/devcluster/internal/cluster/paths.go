package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// paths are the places of one cluster.
type paths struct{ root string }

// DefaultFolder is the folder of the cluster of this checkout.
func DefaultFolder() string { return filepath.Join(artifact.SourceRoot(), testbed.FolderName) }

func (p paths) state() string              { return testbed.At(p.root).StateFile() }
func (p paths) kubeconfig() string         { return testbed.At(p.root).Kubeconfig() }
func (p paths) audit() string              { return testbed.At(p.root).AuditFolder() }
func (p paths) programs() string           { return testbed.At(p.root).Programs() }
func (p paths) shared() string             { return filepath.Join(p.root, "shared") }
func (p paths) pool() string               { return filepath.Join(p.root, "pool.img") }
func (p paths) etcd() string               { return filepath.Join(p.root, "etcd") }
func (p paths) control() string            { return filepath.Join(p.root, "control-plane") }
func (p paths) pki(name string) string     { return filepath.Join(p.root, "pki", name) }
func (p paths) node(name string) string    { return filepath.Join(p.root, "nodes", name) }
func (p paths) logs(name string) string    { return filepath.Join(p.root, "logs", name) }
func (p paths) program(name string) string { return filepath.Join(p.programs(), name) }

// containerd is the root folder of a node's containerd, with its images.
func (p paths) containerd(name string) string { return filepath.Join(p.node(name), "containerd") }

// scheduler is the scheduler's configuration.
func (p paths) scheduler() string { return p.pki("scheduler.yaml") }

// log is the log file of one program of one sandbox.
func (p paths) log(sandbox, program string) string {
	return filepath.Join(p.logs(sandbox), program+".log")
}

// identity is a short name for this cluster among others on the same machine.
func (p paths) identity() string {
	digest := sha256.Sum256([]byte(p.root))
	return hex.EncodeToString(digest[:3])
}

// link is the name of the host's link to the cluster; Linux allows 15 characters.
func (p paths) link() string { return "wk-" + p.identity() }

// cgroup is the name of a sandbox's cgroup.
func (p paths) cgroup(sandbox string) string { return "wukong-" + p.identity() + "-" + sandbox }
