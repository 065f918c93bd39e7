package images

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/internal/guest"
	"github.com/novasphere/wukong/e2e/devcluster/internal/program"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

const (
	serverProgram = "image-server"
	serverImage   = "wukong.local/image-server:1"
	// folder is below the folder that all nodes share.
	folder        = "images"
	readyPatience = 2 * time.Minute
)

//go:embed manifest.yaml
var manifest []byte

// Addon serves guest images over HTTP.
type Addon struct{}

var (
	_ addon.Addon      = Addon{}
	_ addon.WithAssets = Addon{}
)

// Name implements addon.Addon.
func (Addon) Name() string { return "images" }

// Images implements addon.Addon.
func (Addon) Images() []*artifact.Recipe {
	server := program.Binary(serverProgram, "internal/imageserver", "internal/pki", "internal/relay")
	return []*artifact.Recipe{program.Image(server, serverProgram, serverImage, "65532:65532"),
		guest.Busybox(testbed.Busybox)}
}

// Assets implements addon.WithAssets.
func (Addon) Assets() []*artifact.Recipe { return []*artifact.Recipe{guest.Debian(), guest.Tiny()} }

// Install implements addon.Addon.
func (Addon) Install(ctx context.Context, cluster *addon.Cluster) error {
	target := filepath.Join(cluster.SharedDir, folder)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return fmt.Errorf("install guest images: %w", err)
	}
	for _, one := range []struct {
		recipe *artifact.Recipe
		names  []string
	}{{guest.Debian(), []string{testbed.DebianImage}}, {guest.Tiny(), []string{testbed.TinyImage, testbed.TinyRaw}}} {
		source, err := cluster.Store.Ensure(ctx, one.recipe)
		if err != nil {
			return err
		}
		for _, name := range one.names {
			if err := place(filepath.Join(source, name), filepath.Join(target, name)); err != nil {
				return fmt.Errorf("install guest image %s: %w", name, err)
			}
		}
	}
	if err := cluster.ApplyYAML(ctx, manifest); err != nil {
		return fmt.Errorf("install the image server: %w", err)
	}
	return nil
}

// Ready implements addon.Addon.
func (Addon) Ready(ctx context.Context, cluster *addon.Cluster) error {
	return cluster.WaitWorkloads(ctx, readyPatience, testbed.ServersNamespace, testbed.ImageService)
}

// place puts a copy of a file of the cache into the shared folder, unless the same one is there. It is never a link:
// what runs in the cluster must not be able to change the cache.
func place(source, target string) (err error) {
	want, err := os.Stat(source)
	if err != nil {
		return err
	}
	have, err := os.Stat(target)
	if err == nil && have.Size() == want.Size() && have.ModTime().Equal(want.ModTime()) {
		return nil
	}
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(target+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err := errors.Join(err, to.Close()); err != nil {
		return err
	}
	if err := os.Chtimes(target+".new", want.ModTime(), want.ModTime()); err != nil {
		return err
	}
	return os.Rename(target+".new", target)
}
