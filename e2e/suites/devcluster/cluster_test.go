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
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testCluster is the program under test with a cluster of its own.
type testCluster struct{ program, folder string }

func buildTestCluster(t *testing.T) testCluster {
	t.Helper()
	folder := t.TempDir()
	one := testCluster{program: filepath.Join(folder, "program", "devcluster"), folder: filepath.Join(folder, "cluster")}
	output, err := exec.Command("go", "build", "-o", one.program, "github.com/novasphere/wukong/e2e/devcluster").CombinedOutput()
	require.NoError(t, err, string(output))
	t.Cleanup(func() {
		// Whatever happened, no cluster stays.
		output, err := exec.Command(one.program, "--folder", one.folder, "down").CombinedOutput()
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
	command := exec.CommandContext(t.Context(), c.program, append([]string{"--folder", c.folder}, arguments...)...)
	command.Stdout, command.Stderr = &output, &progress
	require.NoError(t, command.Run(), "%v\n%s", arguments, &progress)
	return output.String()
}

// interruptUp starts the cluster and sends Ctrl-C when the control plane runs and the first node starts.
func (c testCluster) interruptUp(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, c.program, append([]string{"--folder", c.folder}, c.up()...)...)
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
	command := exec.CommandContext(t.Context(), filepath.Join(c.folder, "bin", "kubectl"), arguments...)
	command.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(c.folder, "kubeconfig"))
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &output, &complaint
	require.NoError(t, command.Run(), "kubectl %v: %s", arguments, &complaint)
	return output.String()
}

// killNode ends the init of a node, which ends everything in it: what a power cut is to a machine. The kernel takes a moment for it.
func (c testCluster) killNode(t *testing.T, name string) {
	t.Helper()
	process := c.nodeProcess(t, name)
	require.NoError(t, syscall.Kill(process, syscall.SIGKILL))
	require.Eventually(t, func() bool { return ended(process) }, time.Minute, 10*time.Millisecond, "the init of %s does not end", name)
}

// ended tells whether a process is gone, or only waits to be reaped (proc_pid_stat(5): the state follows the name in parentheses).
func ended(process int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(process), "stat"))
	if err != nil {
		return true
	}
	_, fields, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(fields, "Z") || strings.HasPrefix(fields, "X")
}

// onNode runs a shell command in all namespaces of a node.
func (c testCluster) onNode(t *testing.T, name, script string) {
	t.Helper()
	process := strconv.Itoa(c.nodeProcess(t, name))
	output, err := exec.CommandContext(t.Context(), "nsenter", "--target", process, "--all", "sh", "-ec", script).CombinedOutput()
	require.NoError(t, err, string(output))
}

// nodeProcess is the init of a node.
func (c testCluster) nodeProcess(t *testing.T, name string) int {
	t.Helper()
	for line := range strings.Lines(c.run(t, "status")) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != name {
			continue
		}
		process, err := strconv.Atoi(fields[len(fields)-1])
		require.NoError(t, err, line)
		return process
	}
	require.Fail(t, "status does not name "+name)
	return 0
}
