package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// Package is a Debian package and why it is needed. The reason is shown when it is installed.
type Package struct {
	Name   string
	Reason string
}

// installing keeps parallel recipes from running apt-get at the same time.
var installing sync.Mutex

// Ensure installs the packages that are missing, without recommended ones, and says which and why on output. Calls of
// one process wait for each other, and for apt of others up to ten minutes. Without root, the error is the command line
// that installs what is missing.
func Ensure(ctx context.Context, output io.Writer, packages ...Package) error {
	installing.Lock()
	defer installing.Unlock()
	missing, err := Missing(ctx, packages...)
	if err != nil || len(missing) == 0 {
		return err
	}
	names := make([]string, 0, len(missing))
	for _, one := range missing {
		fmt.Fprintf(output, "install %s: %s\n", one.Name, one.Reason)
		names = append(names, one.Name)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("these packages are missing, and only root can install them: apt-get install %s",
			strings.Join(names, " "))
	}
	install := append([]string{"install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=600"},
		names...)
	if err := aptGet(ctx, output, install...); err == nil {
		return nil
	}
	// The lists of a fresh machine are empty or old.
	if err := aptGet(ctx, output, "update"); err != nil {
		return err
	}
	return aptGet(ctx, output, install...)
}

// Missing returns the packages that are not installed, in the order in which they are given. It is an error when the
// machine has no dpkg.
func Missing(ctx context.Context, packages ...Package) ([]Package, error) {
	if _, err := exec.LookPath("dpkg-query"); err != nil {
		return nil, fmt.Errorf("this is no Debian or Ubuntu: install what these packages have by hand: %s",
			describe(packages))
	}
	var missing []Package
	for _, one := range packages {
		status, err := exec.CommandContext(ctx, "dpkg-query", "--show", "--showformat=${Status}", one.Name).Output()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return nil, fmt.Errorf("ask dpkg for %s: %w", one.Name, err)
		}
		if string(status) != "install ok installed" {
			missing = append(missing, one)
		}
	}
	return missing, nil
}

func describe(packages []Package) string {
	parts := make([]string, 0, len(packages))
	for _, one := range packages {
		parts = append(parts, one.Name+" ("+one.Reason+")")
	}
	return strings.Join(parts, ", ")
}

func aptGet(ctx context.Context, output io.Writer, arguments ...string) error {
	command := exec.CommandContext(ctx, "apt-get", arguments...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	command.Stdout, command.Stderr = output, output
	// Ctrl-C at the terminal must not end dpkg in the middle of a package: only ctx does, and politely.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	if err := command.Run(); err != nil {
		return fmt.Errorf("apt-get %s: %w", strings.Join(arguments, " "), err)
	}
	return nil
}
