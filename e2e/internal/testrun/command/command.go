package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// grace is how long an interrupted program may take to end, with its children.
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

	grace time.Duration // of tests; 0 is as above
}

// String is the command line as a person would write it.
func (c Command) String() string { return strings.Join(c.Arguments, " ") }

// Run runs the program until it ends. When the context ends first, the program and its children are interrupted, and
// the context's error is returned.
func (c Command) Run(ctx context.Context) error {
	process, end := c.prepare(ctx)
	defer end()
	errors := c.Errors
	if errors == nil {
		errors = c.Output
	}
	process.Stdout, process.Stderr = c.Output, errors
	return c.explain(ctx, process.Run())
}

// Read runs the program as Run does, and gives its first output to a function while it comes.
func (c Command) Read(ctx context.Context, read func(io.Reader) error) error {
	process, end := c.prepare(ctx)
	defer end()
	process.Stderr = c.Errors
	output, err := process.StdoutPipe()
	if err != nil {
		return fmt.Errorf("run %s: %w", c, err)
	}
	if err := process.Start(); err != nil {
		return fmt.Errorf("run %s: %w", c, err)
	}
	wrong := read(output)
	if err := c.explain(ctx, process.Wait()); err != nil {
		return err
	}
	return wrong
}

// prepare returns the process, and what is to be called when it has ended. A child of a shell that runs in the
// background ignores an interruption (POSIX.1-2017, Shell Command Language, 2.11), and holds the outputs: so the group
// is killed when the grace is over.
func (c Command) prepare(ctx context.Context) (process *exec.Cmd, end func()) {
	arguments := c.Arguments
	if c.Gently {
		arguments = append([]string{"nice", "-n", "19"}, arguments...)
	}
	patience := grace
	if c.grace > 0 {
		patience = c.grace
	}
	process = exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	process.Dir = c.Folder
	process.Env = append(os.Environ(), c.Environment...)
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	ended := make(chan struct{})
	process.Cancel = func() error {
		group := -process.Process.Pid
		go func() {
			select {
			case <-ended:
			case <-time.After(patience):
			}
			_ = syscall.Kill(group, syscall.SIGKILL) // mostly nothing is left of it
		}()
		return syscall.Kill(group, syscall.SIGINT)
	}
	return process, sync.OnceFunc(func() { close(ended) })
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
