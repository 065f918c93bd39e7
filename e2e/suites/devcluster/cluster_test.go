//go:build e2e && linux

package devcluster

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// testCluster is the program under test with a cluster of its own.
type testCluster struct {
	testbed.Cluster
	program string
}

func buildTestCluster(t *testing.T) testCluster {
	t.Helper()
	folder := t.TempDir()
	one := testCluster{
		Cluster: testbed.At(filepath.Join(folder, "cluster")), program: filepath.Join(folder, "program", "devcluster"),
	}
	build := exec.Command("go", "build", "-o", one.program, ".")
	build.Dir = filepath.Join(testbed.Checkout(), "e2e", "devcluster") // a module of its own
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	t.Cleanup(func() {
		// Whatever happened, no cluster stays.
		output, err := exec.Command(one.program, "--folder", one.Folder(), "down").CombinedOutput()
		require.NoError(t, err, string(output))
	})
	return one
}

// up is the command line that starts two nodes with nothing but the core.
func (c testCluster) up() []string {
	return []string{"up", "--nodes", "2", "--without", "all"}
}

func (c testCluster) run(t *testing.T, arguments ...string) string {
	t.Helper()
	var output, progress bytes.Buffer
	command := exec.CommandContext(t.Context(), c.program, append([]string{"--folder", c.Folder()}, arguments...)...)
	command.Stdout, command.Stderr = &output, &progress
	require.NoError(t, command.Run(), "%v\n%s", arguments, &progress)
	return output.String()
}

// interruptUp starts the cluster and sends Ctrl-C when the control plane runs and the first node starts.
func (c testCluster) interruptUp(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, c.program, append([]string{"--folder", c.Folder()}, c.up()...)...)
	output, err := command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	seen := make([]byte, 0, 4096)
	for part := make([]byte, 512); !bytes.Contains(seen, []byte("control plane at")); {
		read, err := output.Read(part)
		require.NoError(t, err, string(seen))
		seen = append(seen, part[:read]...)
	}
	require.NoError(t, command.Process.Signal(os.Interrupt))
	require.Error(t, command.Wait(), "an interrupted command does not succeed")
}

func (c testCluster) kubectl(t *testing.T, arguments ...string) string {
	t.Helper()
	return c.kubectlInput(t, "", arguments...)
}

func (c testCluster) kubectlInput(t *testing.T, input string, arguments ...string) string {
	t.Helper()
	var output, complaint bytes.Buffer
	command := exec.CommandContext(t.Context(), c.Program("kubectl"), arguments...)
	command.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig())
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &output, &complaint
	require.NoError(t, command.Run(), "kubectl %v: %s", arguments, &complaint)
	return output.String()
}

// killNode is what a power cut is to a machine.
func (c testCluster) killNode(t *testing.T, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, c.KillNode(ctx, name))
}

// onNode runs a shell command in all namespaces of a node.
func (c testCluster) onNode(t *testing.T, name, script string) {
	t.Helper()
	process, err := c.NodeProcess(name)
	require.NoError(t, err)
	output, err := exec.CommandContext(t.Context(), "nsenter", "--target", strconv.Itoa(process), "--all", "sh", "-ec",
		script).CombinedOutput()
	require.NoError(t, err, string(output))
}
