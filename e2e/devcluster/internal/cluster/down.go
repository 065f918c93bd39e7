package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/host"
	"github.com/novasphere/wukong/e2e/devcluster/internal/loop"
	"github.com/novasphere/wukong/e2e/devcluster/internal/network"
	"github.com/novasphere/wukong/e2e/devcluster/internal/pooldisk"
	"github.com/novasphere/wukong/e2e/devcluster/internal/process"
	"github.com/novasphere/wukong/e2e/devcluster/internal/sandbox"
	"github.com/novasphere/wukong/e2e/devcluster/progress"
)

// endPatience is how long the kernel may take to end all processes of a sandbox.
const endPatience = time.Minute

// Down ends the cluster and removes all that it made, except what is in the cache.
func (c *Cluster) Down(ctx context.Context) error {
	if err := host.Check(); err != nil {
		return err
	}
	release, err := c.lock()
	if err != nil {
		return err
	}
	defer release()
	loaded, err := loadState(c.place)
	if err != nil {
		return err
	}
	return c.report.Run("take the cluster down", func(*progress.Step) error { return c.remove(ctx, loaded) })
}

// remove removes everything of a cluster, as far as it exists. The state is optional: without it no process can be
// left, since a sandbox whose state was not written ends with the program that made it.
func (c *Cluster) remove(ctx context.Context, left *state) error {
	ctx, cancel := context.WithTimeout(ctx, endPatience)
	defer cancel()
	if left != nil {
		if err := endSandboxes(ctx, left); err != nil {
			return err
		}
	}
	if left != nil && left.Pool != pooldisk.Folder {
		if err := left.Pool.Detach(ctx, c.place.pool()); err != nil {
			return err
		}
	}
	if err := loop.DetachBelow(c.place.root); err != nil {
		return err
	}
	if err := network.RemoveHostLink(network.Plan{Link: c.place.link()}); err != nil {
		return err
	}
	if err := c.removeCgroups(ctx); err != nil {
		return err
	}
	if left != nil {
		sandbox.RestoreCgroups(left.Controllers)
	}
	if err := artifact.RemoveTree(c.place.root); err != nil {
		return fmt.Errorf("remove %s: %w", c.place.root, err)
	}
	return nil
}

func endSandboxes(ctx context.Context, left *state) error {
	var ids []process.ID
	for _, node := range left.Nodes {
		ids = append(ids, node.ID)
	}
	if left.ControlPlane != nil {
		ids = append(ids, *left.ControlPlane)
	}
	var failures []error
	for _, id := range ids {
		failures = append(failures, id.Kill(ctx))
	}
	return errors.Join(failures...)
}

// removeCgroups removes the cgroups of all sandboxes of this cluster.
func (c *Cluster) removeCgroups(ctx context.Context) error {
	names := map[string]bool{}
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		found, err := filepath.Glob(pattern + c.place.cgroup("*"))
		if err != nil {
			return err
		}
		for _, path := range found {
			names[filepath.Base(path)] = true
		}
	}
	for name := range names {
		if !strings.HasPrefix(name, c.place.cgroup("")) {
			continue
		}
		if err := sandbox.RemoveCgroup(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
