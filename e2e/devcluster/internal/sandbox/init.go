package sandbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// joinedVariable says, in the environment of init, that it has joined its cgroup and was executed again.
const joinedVariable = "WUKONG_SANDBOX_JOINED"

// Init is the main function of a sandbox's init process. It returns only when it cannot go on.
func Init(specPath string) error {
	status := os.NewFile(statusDescriptor, "status")
	if err := run(specPath, status); err != nil {
		fmt.Fprintln(status, strings.ReplaceAll(err.Error(), "\n", "; "))
		return err
	}
	return nil
}

func run(specPath string, status *os.File) error {
	data, err := os.ReadFile(specPath)
	if err != nil {
		return err
	}
	var spec Spec
	if err := json.Unmarshal(data, &spec); err != nil {
		return fmt.Errorf("read %s: %w", specPath, err)
	}
	if os.Getenv(joinedVariable) == "" {
		return join(spec, specPath)
	}
	unix.CloseOnExec(statusDescriptor)
	if err := unix.Sethostname([]byte(spec.Name)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	logs, err := openLogs(spec.Programs)
	if err != nil {
		return err
	}
	if err := mountAll(spec); err != nil {
		return err
	}
	if err := setSysctls(spec); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(status, readyMessage); err != nil {
		return err
	}
	status.Close()
	if line, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return fmt.Errorf("the program that started this sandbox ended before it was complete (%q): %w", line, err)
	}
	return newSupervisor(spec, logs).run()
}

// join enters the sandbox's cgroup and a cgroup namespace with that as its root, and executes this program again.
func join(spec Spec, specPath string) error {
	runtime.LockOSThread()
	if err := enterCgroup(spec.Cgroup); err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("unshare cgroup namespace: %w", err)
	}
	environment := append(os.Environ(), joinedVariable+"=true")
	return fmt.Errorf("execute again: %w",
		unix.Exec("/proc/self/exe", []string{"devcluster", InitArgument, specPath}, environment))
}

// openLogs opens the log files while their paths still mean the host's files.
func openLogs(programs []Program) (map[string]*os.File, error) {
	logs := map[string]*os.File{}
	for _, program := range programs {
		if err := os.MkdirAll(filepath.Dir(program.Log), 0o755); err != nil {
			return nil, err
		}
		file, err := os.OpenFile(program.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, err
		}
		logs[program.Name] = file
	}
	return logs, nil
}

func setSysctls(spec Spec) error {
	for name, value := range spec.Sysctls {
		if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o644); err != nil {
			return fmt.Errorf("set kernel parameter %s: %w", name, err)
		}
	}
	if len(spec.ShieldedSysctls) == 0 {
		return nil
	}
	const folder = "/run/wukong/sysctl"
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, value := range spec.ShieldedSysctls {
		target := filepath.Join("/proc/sys", name)
		if _, err := os.Stat(target); errors.Is(err, os.ErrNotExist) {
			continue
		}
		file := filepath.Join(folder, strings.ReplaceAll(name, "/", "."))
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := unix.Mount(file, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("shield kernel parameter %s: %w", name, err)
		}
	}
	return nil
}
