package registry

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/image"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// startPatience is how long the registry may take to listen while its image is made.
const startPatience = time.Minute

//go:embed config.yml
var serverConfig string

// server is the image of the registry. The images that it serves are in it: this machine has no way to a pod's address,
// and a pod that starts anew has them again.
func server() *artifact.Recipe {
	binaries := artifact.GoTools(serverName, artifact.GoOptions{Programs: map[string]string{serverName: "."}})
	disk := tinyDisk()
	return &artifact.Recipe{
		Name:  "registry-image",
		Key:   []string{serverImage, strconv.Itoa(serverUser), serverConfig, "layout 2"},
		Needs: []*artifact.Recipe{binaries, disk},
		Build: func(ctx context.Context, build *artifact.Build) error {
			root := filepath.Join(build.Out, "root")
			program := filepath.Join(root, serverName)
			source := filepath.Join(build.Deps[binaries.Name], "bin", serverName)
			if err := build.Run(
				ctx, artifact.Command{Args: []string{"install", "-D", "-m", "0755", source, program}},
			); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(root, "config.yml"), []byte(serverConfig), 0o644); err != nil {
				return err
			}
			archive := filepath.Join(build.Deps[disk.Name], image.Archive)
			if err := fill(ctx, build, program, filepath.Join(root, "data"), archive); err != nil {
				return fmt.Errorf("fill the registry: %w", err)
			}
			config := image.Config{
				User: strconv.Itoa(serverUser), Entrypoint: []string{"/" + serverName, "serve", "/config.yml"},
			}
			if err := image.FromRootfs(filepath.Join(build.Out, image.Archive), serverImage, root, config); err != nil {
				return err
			}
			return artifact.RemoveTree(root)
		},
	}
}

// fill runs the registry on a folder, on a socket of its own, and pushes the image of the archive.
func fill(ctx context.Context, build *artifact.Build, program, folder, archive string) (err error) {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	// The path of a socket has to be short.
	temporary, err := os.MkdirTemp("", "registry-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	socket, config := filepath.Join(temporary, "socket"), filepath.Join(temporary, "config.yml")
	if err := os.WriteFile(config, []byte(serverConfig), 0o644); err != nil {
		return err
	}
	process := exec.CommandContext(ctx, program, "serve", config)
	process.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none", "REGISTRY_HTTP_NET=unix",
		"REGISTRY_HTTP_ADDR="+socket, "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="+folder)
	process.Stdout, process.Stderr = build.Log, build.Log
	if err := process.Start(); err != nil {
		return err
	}
	defer func() {
		_ = process.Process.Kill()
		_ = process.Wait() // it was killed, so its status says nothing
	}()
	if err := push(ctx, archive, socket); err != nil {
		return err
	}
	return giveAway(folder)
}

// push writes the image of an archive to the registry behind a socket, when that listens.
func push(ctx context.Context, archive, socket string) error {
	target, err := name.NewTag(testbed.TinyContainerDisk(), name.Insecure)
	if err != nil {
		return err
	}
	source, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		return fmt.Errorf("read %s: %w", archive, err)
	}
	err = addon.WaitFor(ctx, startPatience, "start the registry", func(context.Context) (string, error) {
		if _, err := os.Stat(socket); err != nil {
			return err.Error(), nil
		}
		return "", nil
	})
	if err != nil {
		return err
	}
	dialer := net.Dialer{}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	return remote.Write(target, source, remote.WithContext(ctx), remote.WithTransport(transport))
}

// giveAway makes the server's user in the image the owner of what was stored, so that images can be pushed there too.
func giveAway(folder string) error {
	return filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, serverUser, serverUser)
	})
}
