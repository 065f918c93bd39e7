package addon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/internal/imagestore"
)

// Node is one machine of the cluster: a set of namespaces on this host.
type Node struct {
	// Name is its name in Kubernetes.
	Name string `json:"name"`
	// Address is its address on the cluster's bridge.
	Address string `json:"address"`
	// PodSubnet is the CIDR from which its pods get addresses.
	PodSubnet string `json:"podSubnet"`
	// PID is the node's init process, as the host counts.
	PID int `json:"pid"`
	// Started is the start time of the init process (field 22 of /proc/PID/stat), which tells it from a later process
	// that got the same PID.
	Started uint64 `json:"started"`
	// Since is when the node was started, to the second.
	Since time.Time `json:"since"`
}

// Root is the node's root folder as seen from the host.
func (n Node) Root() string { return filepath.Join("/proc", strconv.Itoa(n.PID), "root") }

// Path is a path on the node as seen from the host. Absolute symbolic links inside the node lead into the host's files:
// use Exec for paths that may be links.
func (n Node) Path(inside string) string { return filepath.Join(n.Root(), inside) }

// WriteFile writes a file on the node, and the folders above it.
func (n Node) WriteFile(inside string, data []byte, mode os.FileMode) error {
	path := n.Path(inside)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	if err := os.WriteFile(path+".new", data, mode); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	return os.Rename(path+".new", path)
}

// Command prepares a command that runs in all namespaces of the node. Killing it kills what it started.
func (n Node) Command(ctx context.Context, arguments ...string) *exec.Cmd {
	enter := []string{"--target", strconv.Itoa(n.PID), "--all", "--"}
	command := exec.CommandContext(ctx, "nsenter", append(enter, arguments...)...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = 5 * time.Second
	command.Env = []string{"PATH=/opt/wukong/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root"}
	return command
}

// Exec runs a command in the node and returns its standard output. The error has its standard error.
func (n Node) Exec(ctx context.Context, arguments ...string) (string, error) {
	return n.ExecInput(ctx, nil, arguments...)
}

// ExecInput is Exec with a standard input.
func (n Node) ExecInput(ctx context.Context, input io.Reader, arguments ...string) (string, error) {
	var output, complaint bytes.Buffer
	command := n.Command(ctx, arguments...)
	command.Stdin, command.Stdout, command.Stderr = input, &output, &complaint
	if err := command.Run(); err != nil {
		return output.String(), fmt.Errorf("node %s: %s: %w: %s", n.Name, strings.Join(arguments, " "), err,
			strings.TrimSpace(complaint.String()))
	}
	return output.String(), nil
}

// ImportImages imports an image archive into the node's containerd, where kubelet finds it.
func (n Node) ImportImages(ctx context.Context, archive string) error {
	file, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	defer file.Close()
	return imagestore.At("", n.ExecInput).Import(ctx, file)
}

// ImageDigests are the digests of the images on the node, by their references.
func (n Node) ImageDigests(ctx context.Context) (map[string]string, error) {
	return imagestore.At("", n.ExecInput).Digests(ctx)
}
