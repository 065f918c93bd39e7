package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// grace is how long an interrupted program may take to end.
const grace = 30 * time.Second

// Command is a program to run.
type Command struct {
	Arguments []string
	// Folder is where it runs; empty is here.
	Folder string
	// Environment is added to that of this program.
	Environment []string
	// Output takes what it prints to both of its outputs, unless Errors takes the second.
	Output, Errors io.Writer
	// Gently gives it only what other programs leave of the processors.
	Gently bool
}

// String is the command line as a person would write it.
func (c Command) String() string { return strings.Join(c.Arguments, " ") }

// Run runs the program until it ends. When the context ends first, the program and its children are interrupted, and the context's error is returned.
func (c Command) Run(ctx context.Context) error {
	process := c.prepare(ctx)
	errors := c.Errors
	if errors == nil {
		errors = c.Output
	}
	process.Stdout, process.Stderr = c.Output, errors
	err := process.Run()
	killRest(ctx, process)
	return c.explain(ctx, err)
}

// Read runs the program as Run does, and gives its first output to a function while it comes.
func (c Command) Read(ctx context.Context, read func(io.Reader) error) error {
	process := c.prepare(ctx)
	process.Stderr = c.Errors
	output, err := process.StdoutPipe()
	if err != nil {
		return fmt.Errorf("run %s: %w", c, err)
	}
	if err := process.Start(); err != nil {
		return fmt.Errorf("run %s: %w", c, err)
	}
	wrong := read(output)
	err = process.Wait()
	killRest(ctx, process)
	if err := c.explain(ctx, err); err != nil {
		return err
	}
	return wrong
}

func (c Command) prepare(ctx context.Context) *exec.Cmd {
	arguments := c.Arguments
	if c.Gently {
		arguments = append([]string{"nice", "-n", "19"}, arguments...)
	}
	process := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	process.Dir = c.Folder
	process.Env = append(os.Environ(), c.Environment...)
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	process.Cancel = func() error { return syscall.Kill(-process.Process.Pid, syscall.SIGINT) }
	process.WaitDelay = grace
	return process
}

// killRest ends what is left of an interrupted program's children.
func killRest(ctx context.Context, process *exec.Cmd) {
	if ctx.Err() != nil && process.Process != nil {
		_ = syscall.Kill(-process.Process.Pid, syscall.SIGKILL) // mostly nothing is left
	}
}

func (c Command) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("run %s: %w", c, context.Cause(ctx))
	}
	return fmt.Errorf("run %s: %w", c, err)
}
