// Command csi-driver serves the volumes of the dev cluster, as the controller or as a node; see package csidriver.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/go-logr/logr/funcr"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/novasphere/wukong/e2e/devcluster/internal/csidriver"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "csi-driver:", err)
		os.Exit(1)
	}
}

func run() error {
	var options csidriver.Options
	flag.StringVar(&options.Name, "name", "", "name of the driver: the provisioner of its StorageClasses")
	flag.StringVar(&options.NodeID, "node", os.Getenv("NODE_NAME"), "name of this node")
	flag.StringVar(&options.PoolFolder, "pool", "/pool", "folder with the volumes, the same on all nodes")
	flag.BoolVar(&options.Controller, "controller", false, "serve as the one controller of the cluster")
	capacity := flag.String("capacity", "200Gi", "size of the default pool")
	socket := flag.String("socket", "/csi/csi.sock", "where to listen")
	registry := flag.String("registry", "", "kubelet's folder plugins_registry, to register there")
	kubeletPlugins := flag.String("kubelet-plugins", "/var/lib/kubelet/plugins",
		"kubelet's folder with a folder for each driver, named for it, which has the socket")
	flag.Parse()

	quantity, err := resource.ParseQuantity(*capacity)
	if err != nil {
		return fmt.Errorf("--capacity %s: %w", *capacity, err)
	}
	options.Capacity = quantity.Value()
	options.Log = funcr.New(func(_, line string) { fmt.Fprintln(os.Stderr, line) }, funcr.Options{LogTimestamp: true})
	driver, err := csidriver.New(options)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return driver.Serve(ctx, *socket) })
	if *registry != "" {
		group.Go(func() error {
			return csidriver.Register(ctx, options.Name, *registry,
				filepath.Join(*kubeletPlugins, options.Name, filepath.Base(*socket)))
		})
	}
	return group.Wait()
}
