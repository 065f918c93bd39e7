package s3

import (
	"context"
	_ "embed"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/image"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

const (
	readyPatience = 2 * time.Minute

	serverName  = testbed.S3Service
	serverImage = "wukong.local/s3:1"
	serverUser  = 65532
)

//go:embed manifest.yaml
var manifest []byte

// Addon serves S3.
type Addon struct{}

var _ addon.Addon = Addon{}

// Name implements addon.Addon.
func (Addon) Name() string { return "s3" }

// Images implements addon.Addon.
func (Addon) Images() []*artifact.Recipe { return []*artifact.Recipe{server()} }

// Install implements addon.Addon.
func (Addon) Install(ctx context.Context, cluster *addon.Cluster) error {
	if err := cluster.ApplyYAML(ctx, manifest); err != nil {
		return fmt.Errorf("install the S3 server: %w", err)
	}
	return nil
}

// Ready implements addon.Addon.
func (Addon) Ready(ctx context.Context, cluster *addon.Cluster) error {
	return cluster.WaitWorkloads(ctx, readyPatience, testbed.ServersNamespace, serverName)
}

// server is the image of the server: one program on nothing.
func server() *artifact.Recipe {
	binaries := artifact.GoTools(serverName, artifact.GoOptions{})
	return &artifact.Recipe{
		Name:  "s3-image",
		Key:   []string{serverImage, strconv.Itoa(serverUser), "layout 1"},
		Needs: []*artifact.Recipe{binaries},
		Build: func(_ context.Context, build *artifact.Build) error {
			files := map[string]image.File{
				"/versitygw": {Source: filepath.Join(build.Deps[binaries.Name], "bin", "versitygw"), Mode: 0o755},
			}
			config := image.Config{User: strconv.Itoa(serverUser), Entrypoint: []string{"/versitygw"}}
			return image.FromFiles(filepath.Join(build.Out, image.Archive), serverImage, config, files)
		},
	}
}
