//go:build e2e && linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/internal/component"
)

// pods write to the node's disk and to memory, serve each other, and hold a mount of every kind that kubelet makes itself.
const pods = `
apiVersion: v1
kind: Pod
metadata: {name: one, labels: {app: probe}}
spec:
  nodeName: node1
  terminationGracePeriodSeconds: 1
  containers:
    - name: probe
      image: ` + component.ProbeImage + `
      args: [serve, ":8080"]
      volumeMounts:
        - {name: memory, mountPath: /memory}
        - {name: disk, mountPath: /disk}
        - {name: host, mountPath: /host}
  volumes:
    - {name: memory, emptyDir: {medium: Memory}}
    - {name: disk, emptyDir: {}}
    - {name: host, hostPath: {path: /var/lib/left-by-a-pod, type: DirectoryOrCreate}}
---
apiVersion: v1
kind: Pod
metadata: {name: two}
spec:
  nodeName: node2
  terminationGracePeriodSeconds: 1
  containers:
    - name: probe
      image: ` + component.ProbeImage + `
      args: [serve, ":8080"]
      securityContext: {privileged: true}
---
apiVersion: v1
kind: Service
metadata: {name: probe}
spec: {selector: {app: probe}, ports: [{port: 80, targetPort: 8080}]}
`

// TestUpDownLeavesNothing starts a cluster with two nodes, interrupts that, starts it again, lets pods talk across nodes, and takes
// it down: the machine is then as it was.
func TestUpDownLeavesNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		require.Empty(t, os.Getenv("CI"), "CI runs this test as root")
		t.Skip("needs root: it starts a cluster")
	}
	one := buildTestCluster(t)
	one.run(t, "build", "kubernetes", "etcd", "containerd", "runc", "cni", "coredns", "pods")
	before := inspectMachine(t)

	one.interruptUp(t)
	one.run(t, one.up()...)
	one.run(t, one.up()...)
	require.Contains(t, one.run(t, "status"), "node2")

	one.kubectlInput(t, pods, "apply", "-f", "-")
	one.kubectl(t, "wait", "--for=condition=Ready", "pod/one", "pod/two", "--timeout=60s")
	require.Equal(t, "one\n", one.kubectl(t, "exec", "two", "--", "/probe", "get", "http://probe.default.svc.cluster.local"))
	require.Contains(t, one.kubectl(t, "logs", "one"), "serving on :8080")
	require.NoDirExists(t, "/var/lib/left-by-a-pod", "a host path of a pod is on the node and not on the host")
	audit, err := os.ReadFile(filepath.Join(one.folder, "audit", "audit.log"))
	require.NoError(t, err)
	require.Contains(t, string(audit), `"name":"two"`)

	one.run(t, "down")
	require.NoDirExists(t, one.folder)
	require.Empty(t, processesOf(t, one.folder))
	after := inspectMachine(t)
	for what := range before {
		require.Equal(t, before[what], after[what], what)
	}
	one.run(t, "down") // taking down what is not there is no error
}

// testCluster is the program under test with a cluster of its own.
type testCluster struct{ program, folder string }

func buildTestCluster(t *testing.T) testCluster {
	t.Helper()
	folder := t.TempDir()
	one := testCluster{program: filepath.Join(folder, "program", "devcluster"), folder: filepath.Join(folder, "cluster")}
	output, err := exec.Command("go", "build", "-o", one.program, ".").CombinedOutput()
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
	return []string{"up", "--nodes", "2", "--without", everyAddon}
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

// inspectMachine returns what a cluster could leave behind on this machine, by kind.
func inspectMachine(t *testing.T) map[string][]string {
	t.Helper()
	machine := map[string][]string{
		"links":        lines(t, "ip", "-oneline", "link", "show"),
		"addresses":    lines(t, "ip", "-oneline", "address", "show"),
		"routes":       lines(t, "ip", "route", "show", "table", "all"),
		"nft rules":    lines(t, "nft", "list", "ruleset"),
		"loop devices": lines(t, "losetup", "--noheadings", "--list", "--output", "NAME,BACK-FILE"),
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	machine["mounts"] = strings.Split(string(mounts), "\n")
	for _, pattern := range []string{"/sys/fs/cgroup/*", "/sys/fs/cgroup/*/*", "/etc/*", "/opt/*", "/var/lib/*", "/run/*", "/var/log/*", "/var/run/*", "/usr/libexec/*"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		machine["files "+pattern] = found
	}
	for _, name := range []string{"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward"} {
		value, err := os.ReadFile("/proc/sys/" + name)
		require.NoError(t, err)
		machine["kernel parameter "+name] = []string{string(value)}
	}
	return machine
}

func lines(t *testing.T, arguments ...string) []string {
	t.Helper()
	output, err := exec.Command(arguments[0], arguments[1:]...).CombinedOutput()
	require.NoError(t, err, string(output))
	var found []string
	for line := range strings.Lines(string(output)) {
		// What is left of the lifetime of an address is no property of it.
		line, _, _ = strings.Cut(line, "valid_lft")
		found = append(found, strings.TrimSpace(line))
	}
	sort.Strings(found)
	return found
}

// processesOf returns the processes that mention the cluster's folder, or are in a mount namespace that does.
func processesOf(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var left []string
	for _, process := range found {
		command, err := os.ReadFile(filepath.Join(process, "cmdline"))
		if err != nil {
			continue // it has ended
		}
		mounts, _ := os.ReadFile(filepath.Join(process, "mountinfo"))
		if bytes.Contains(command, []byte(folder)) || bytes.Contains(mounts, []byte(folder)) {
			left = append(left, fmt.Sprintf("%s %s", process, bytes.ReplaceAll(command, []byte{0}, []byte(" "))))
		}
	}
	return left
}
