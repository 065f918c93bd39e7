package testbed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"k8s.io/apimachinery/pkg/types"
)

// KillProgram ends the processes of a program in some pods with SIGKILL, and returns how many there were. The program
// is the first word of its command line, such as QEMU.
//
// The nodes of a dev cluster are namespaces of this machine, so that their processes are found here. Their control
// group names the pod.
func KillProgram(program string, pods ...types.UID) (int, error) {
	return killProcesses(pods, func(commandLine string) bool { return strings.HasPrefix(commandLine, program+"\x00") })
}

// KillPod ends all processes of some pods with SIGKILL, those that hold their networks too, and returns how many there
// were. kubelet sees that, and starts containers again as the pods' restart policies say.
func KillPod(pods ...types.UID) (int, error) {
	return killProcesses(pods, func(string) bool { return true })
}

func killProcesses(pods []types.UID, wanted func(commandLine string) bool) (int, error) {
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, fmt.Errorf("list processes: %w", err)
	}
	killed := 0
	var failures error
	for _, process := range processes {
		commandLine, err := os.ReadFile(filepath.Join(process, "cmdline"))
		if err != nil || !wanted(string(commandLine)) || !runsIn(process, pods) {
			continue // one that has ended meanwhile cannot be read
		}
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil {
			continue
		}
		switch err := syscall.Kill(pid, syscall.SIGKILL); {
		case err == nil:
			killed++
		case !errors.Is(err, syscall.ESRCH):
			failures = errors.Join(failures, fmt.Errorf("kill process %d: %w", pid, err))
		}
	}
	return killed, failures
}

func runsIn(process string, pods []types.UID) bool {
	groups, err := os.ReadFile(filepath.Join(process, "cgroup"))
	if err != nil {
		return false
	}
	return slices.ContainsFunc(pods, func(pod types.UID) bool {
		return pod != "" && strings.Contains(string(groups), string(pod))
	})
}
