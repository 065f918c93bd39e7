//go:build e2e && linux

package devcluster

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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
	for _, pattern := range []string{
		"/sys/fs/cgroup/*", "/sys/fs/cgroup/*/*", "/etc/*", "/opt/*", "/var/lib/*",
		"/run/*", "/var/log/*", "/var/run/*", "/usr/libexec/*",
	} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		machine["files "+pattern] = found
	}
	for _, name := range []string{
		"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward",
	} {
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
