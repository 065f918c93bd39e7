package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/image"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/internal/imagestore"
	"github.com/novasphere/wukong/e2e/devcluster/internal/process"
	"github.com/novasphere/wukong/e2e/devcluster/progress"
)

const containerdPatience = time.Minute

// AllImages are the recipes of all images that a node gets.
func (o Options) AllImages() []*artifact.Recipe {
	all := slices.Clone(o.Images)
	for _, one := range o.Addons {
		all = append(all, one.Images()...)
	}
	return all
}

// archives are the files with the images that a node gets.
func (c *Cluster) archives(ctx context.Context, options Options) ([]string, error) {
	folders, err := c.store.EnsureAll(ctx, options.AllImages()...)
	if err != nil {
		return nil, err
	}
	for index := range folders {
		folders[index] = filepath.Join(folders[index], image.Archive)
	}
	return folders, nil
}

// isNew is true for a node that has no images yet. One that started before keeps those that it has.
func (c *Cluster) isNew(number int) bool {
	_, err := os.Stat(c.place.containerd(nodeName(number)))
	return errors.Is(err, os.ErrNotExist)
}

// imagesOfNewNodes is the folder that new nodes get their images from; empty when there is no such node.
func (c *Cluster) imagesOfNewNodes(ctx context.Context, options Options) (string, error) {
	for number := 1; number <= options.Nodes; number++ {
		if c.isNew(number) {
			return c.store.Ensure(ctx, imagestore.Recipe(options.AllImages()...))
		}
	}
	return "", nil
}

// importImages gives each node the archives that it does not have: those that changed since it was started first.
func (c *Cluster) importImages(ctx context.Context, archives []string) error {
	var saving sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for index := range c.state.Nodes {
		node := &c.state.Nodes[index]
		if !node.Alive() {
			continue
		}
		group.Go(func() error {
			return c.importInto(ctx, node, archives, &saving)
		})
	}
	return group.Wait()
}

func (c *Cluster) importInto(ctx context.Context, node *nodeState, archives []string, saving *sync.Mutex) error {
	view := c.nodeView(*node)
	if err := c.waitContainerd(ctx, view, node.ID); err != nil {
		return err
	}
	for _, archive := range archives {
		if slices.Contains(node.Images, archive) {
			continue
		}
		name := filepath.Base(filepath.Dir(filepath.Dir(archive)))
		err := c.report.Run(fmt.Sprintf("import %s into %s", name, view.Name), func(*progress.Step) error {
			return view.ImportImages(ctx, archive)
		})
		if err != nil {
			return err
		}
		saving.Lock()
		node.Images = append(node.Images, archive)
		err = c.state.save(c.place)
		saving.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) waitContainerd(ctx context.Context, node addon.Node, id process.ID) error {
	what := "wait for containerd of " + node.Name + " (log: " + c.place.log(node.Name, "containerd") + ")"
	return addon.WaitFor(ctx, containerdPatience, what, func(ctx context.Context) (string, error) {
		_, err := node.Exec(ctx, "ctr", "version")
		if err == nil {
			return "", nil
		}
		if !id.Alive() {
			return "", errors.New("its init has ended meanwhile; the next `devcluster up` starts it again")
		}
		return err.Error(), nil
	})
}

// LoadImage imports an archive from a file into every node.
func (c *Cluster) LoadImage(ctx context.Context, archive string) error {
	view, err := c.View()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, node := range view.Nodes {
		group.Go(func() error {
			return c.report.Run("import "+filepath.Base(archive)+" into "+node.Name, func(*progress.Step) error {
				return node.ImportImages(ctx, archive)
			})
		})
	}
	return group.Wait()
}
