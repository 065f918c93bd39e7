package artifact

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Command is one run of a tool during a build.
type Command struct {
	// Dir is the working folder; empty is Build.Out.
	Dir string
	// Env is added to the environment of this process.
	Env []string
	// Args is the program and its arguments.
	Args []string
	// Unshare runs the tool in a mount namespace of its own, so that its mounts end with it however it ends.
	Unshare bool
}

// Run runs a tool, with its output in the build's log. When ctx ends, the tool and all that it started are killed.
func (b *Build) Run(ctx context.Context, command Command) error {
	process := exec.CommandContext(ctx, command.Args[0], command.Args[1:]...)
	process.Dir = command.Dir
	if process.Dir == "" {
		process.Dir = b.Out
	}
	process.Env = append(os.Environ(), command.Env...)
	process.Stdout, process.Stderr = b.Log, b.Log
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if command.Unshare {
		// exec.Cmd makes the new namespace's mounts private, so nothing that is mounted there shows outside.
		process.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
	}
	process.Cancel = func() error { return syscall.Kill(-process.Process.Pid, syscall.SIGKILL) }
	process.WaitDelay = 5 * time.Second
	fmt.Fprintf(b.Log, "+ %s\n", strings.Join(command.Args, " "))
	if err := process.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("run %s: %w", command.Args[0], err)
	}
	return nil
}
