package imagestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/image"
	"github.com/novasphere/wukong/e2e/devcluster/internal/component"
)

const (
	// startPatience is how long containerd may take to answer, and to end when it is asked to.
	startPatience = 30 * time.Second
	pollInterval  = 50 * time.Millisecond
)

// settings is the configuration of the containerd that fills the folder: what a node's has, as far as images are
// concerned, and the kubelet's side left out.
const settings = `version = 3
root = %q
state = %q
imports = []
disabled_plugins = ["io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.devmapper", ` +
	`"io.containerd.tracing.processor.v1.otlp",
  "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", ` +
	`"io.containerd.cri.v1.runtime", "io.containerd.nri.v1.nri"]

[grpc]
  address = %q
`

// kept are the folders of containerd's root that hold images: the blobs, what is known of them, and the file systems. A
// node makes the others itself.
var kept = []string{"io.containerd.content.v1.content", "io.containerd.metadata.v1.bolt",
	"io.containerd.snapshotter.v1.overlayfs"}

// Recipe makes a folder with the images of all recipes, each of which leaves an archive.
func Recipe(images ...*artifact.Recipe) *artifact.Recipe {
	containerd := component.Containerd()
	// The order in which the add-ons name their images makes no difference.
	sorted := slices.Clone(images)
	slices.SortFunc(sorted, func(a, b *artifact.Recipe) int { return strings.Compare(a.Name, b.Name) })
	return &artifact.Recipe{
		Name:  "node-images",
		Key:   []string{settings, strings.Join(kept, " "), "layout 1"},
		Needs: append([]*artifact.Recipe{containerd}, sorted...),
		Build: func(ctx context.Context, build *artifact.Build) error {
			archives := make([]string, 0, len(sorted))
			for _, one := range sorted {
				archives = append(archives, filepath.Join(build.Deps[one.Name], image.Archive))
			}
			return fill(ctx, build, filepath.Join(build.Deps[containerd.Name], "bin"), archives)
		},
	}
}

// fill runs containerd on the folder and imports the archives.
func fill(ctx context.Context, build *artifact.Build, programs string, archives []string) (err error) {
	// The path of a socket has to be short.
	state, err := os.MkdirTemp("", "images-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(state)) }()
	socket := filepath.Join(state, "socket")
	stop, err := start(ctx, build, filepath.Join(programs, "containerd"), state, socket)
	if err != nil {
		return err
	}
	images := At(socket, func(ctx context.Context, input io.Reader, arguments ...string) (string, error) {
		return runProgram(ctx, programs, input, arguments...)
	})
	return errors.Join(importAll(ctx, images, archives), stop(), prune(build.Out))
}

// start starts containerd and returns what ends it, when everything is written.
func start(ctx context.Context, build *artifact.Build, program, state, socket string) (stop func() error, err error) {
	config := filepath.Join(state, "containerd.toml")
	text := fmt.Sprintf(settings, build.Out, filepath.Join(state, "run"), socket)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	process := exec.CommandContext(ctx, program, "--config="+config)
	process.Env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
	process.Stdout, process.Stderr = build.Log, build.Log
	// In a mount namespace of its own, so that its mounts end with it however it ends; not in the group of a terminal's
	// Ctrl-C.
	process.SysProcAttr = &syscall.SysProcAttr{
		Setpgid: true, Pdeathsig: syscall.SIGKILL, Unshareflags: syscall.CLONE_NEWNS,
	}
	process.WaitDelay = startPatience
	if err := process.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	return func() error {
		if err := process.Process.Signal(unix.SIGTERM); err != nil {
			return fmt.Errorf("end containerd: %w", err)
		}
		select {
		case err := <-ended:
			return err
		case <-time.After(startPatience):
			return errors.Join(errors.New("containerd does not end"), process.Process.Kill())
		}
	}, nil
}

func importAll(ctx context.Context, images Images, archives []string) error {
	if err := await(ctx, images); err != nil {
		return err
	}
	for _, path := range archives {
		if err := importOne(ctx, images, path); err != nil {
			return fmt.Errorf("import %s: %w", path, err)
		}
	}
	return nil
}

func importOne(ctx context.Context, images Images, path string) error {
	archive, err := os.Open(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	return images.Import(ctx, archive)
}

// await waits until containerd answers.
func await(ctx context.Context, images Images) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		_, err := images.Digests(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("start containerd: %w", err)
		case <-time.After(pollInterval):
		}
	}
}

// prune removes what containerd made beside the images.
func prune(root string) error {
	items, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, item := range items {
		if !slices.Contains(kept, item.Name()) {
			err = errors.Join(err, artifact.RemoveTree(filepath.Join(root, item.Name())))
		}
	}
	return err
}

func runProgram(ctx context.Context, folder string, input io.Reader, arguments ...string) (string, error) {
	var output, complaint bytes.Buffer
	command := exec.CommandContext(ctx, filepath.Join(folder, arguments[0]), arguments[1:]...)
	command.Stdin, command.Stdout, command.Stderr = input, &output, &complaint
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(arguments, " "), err, strings.TrimSpace(complaint.String()))
	}
	return output.String(), nil
}
