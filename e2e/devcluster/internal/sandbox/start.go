package sandbox

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/novasphere/wukong/e2e/devcluster/internal/process"
)

// readyMessage is what init writes to the status pipe when the parent may connect the network.
const readyMessage = "ready"

// statusDescriptor is the file descriptor on which init tells the parent how it goes.
const statusDescriptor = 3

// Sandbox is a started sandbox whose programs do not run yet.
type Sandbox struct {
	process.ID
	release io.WriteCloser
}

// Start makes the namespaces and the root of a sandbox. The Spec is kept as the file specPath. Programs start on
// Release; if this process ends before, so does the sandbox.
func Start(ctx context.Context, spec Spec, specPath, initLog string) (_ *Sandbox, err error) {
	data, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("sandbox %s: %w", spec.Name, err)
	}
	if err := errors.Join(
		os.MkdirAll(filepath.Dir(specPath), 0o755), os.MkdirAll(filepath.Dir(initLog), 0o755),
	); err != nil {
		return nil, fmt.Errorf("sandbox %s: %w", spec.Name, err)
	}
	if err := os.WriteFile(specPath, data, 0o600); err != nil {
		return nil, fmt.Errorf("sandbox %s: %w", spec.Name, err)
	}
	log, err := os.OpenFile(initLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("sandbox %s: %w", spec.Name, err)
	}
	defer log.Close()
	status, statusWriter, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("sandbox %s: %w", spec.Name, err)
	}
	defer status.Close()
	defer statusWriter.Close()

	command := exec.Command("/proc/self/exe", InitArgument, specPath)
	command.Stdout, command.Stderr = log, log
	command.ExtraFiles = []*os.File{statusWriter}
	command.SysProcAttr = &syscall.SysProcAttr{
		Setsid: true,
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET |
			syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	release, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("sandbox %s: %w", spec.Name, err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("sandbox %s: start: %w", spec.Name, err)
	}
	statusWriter.Close()
	id, err := process.Find(command.Process.Pid)
	if err != nil {
		return nil, fmt.Errorf("sandbox %s: %w", spec.Name, err)
	}
	go func() { _ = command.Wait() }() // reaps init if it ends while this process runs
	if err := awaitReady(ctx, status); err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox %s (log: %s): %w", spec.Name, initLog, err),
			id.Kill(context.WithoutCancel(ctx)))
	}
	return &Sandbox{ID: id, release: release}, nil
}

// awaitReady reads the status line of init.
func awaitReady(ctx context.Context, status *os.File) error {
	stop := context.AfterFunc(ctx, func() { status.Close() })
	defer stop()
	line, err := bufio.NewReader(status).ReadString('\n')
	switch line = strings.TrimSpace(line); {
	case ctx.Err() != nil:
		return ctx.Err()
	case line == readyMessage:
		return nil
	case line != "":
		return errors.New(line)
	default:
		return fmt.Errorf("init ended early: %w", err)
	}
}

// Release lets the sandbox start its programs and live on its own.
func (s *Sandbox) Release() error {
	if _, err := io.WriteString(s.release, "go\n"); err != nil {
		return fmt.Errorf("release sandbox: %w", err)
	}
	return s.release.Close()
}
