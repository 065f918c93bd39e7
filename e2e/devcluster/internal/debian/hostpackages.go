package debian

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sort"
	"strings"

	"github.com/novasphere/wukong/e2e/devcluster/internal/artifact"
)

// EnsureHostPackages installs what is missing on this machine: needs maps a file, or the name of a program, to the Debian
// package that has it. Where there is no apt-get the error says what to install.
func EnsureHostPackages(ctx context.Context, build *artifact.Build, needs map[string]string) error {
	missing := missingPackages(needs)
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("this machine lacks %s, and has no apt-get to install them: install them by hand", strings.Join(missing, ", "))
	}
	quiet := []string{"DEBIAN_FRONTEND=noninteractive"}
	install := append([]string{"apt-get", "install", "--yes", "--quiet", "--no-install-recommends"}, missing...)
	if build.Run(ctx, artifact.Command{Env: quiet, Args: install}) == nil {
		return nil
	}
	// The usual cause is a list of packages that is missing or old.
	if err := build.Run(ctx, artifact.Command{Env: quiet, Args: []string{"apt-get", "update"}}); err != nil {
		return fmt.Errorf("update the list of packages: %w", err)
	}
	if err := build.Run(ctx, artifact.Command{Env: quiet, Args: install}); err != nil {
		return fmt.Errorf("install %s on this machine: %w", strings.Join(missing, ", "), err)
	}
	return nil
}

func missingPackages(needs map[string]string) []string {
	found := map[string]bool{}
	for need, name := range needs {
		if strings.HasPrefix(need, "/") {
			if _, err := os.Stat(need); err == nil {
				continue
			}
		} else if _, err := exec.LookPath(need); err == nil {
			continue
		}
		found[name] = true
	}
	missing := make([]string, 0, len(found))
	for name := range found {
		missing = append(missing, name)
	}
	sort.Strings(missing)
	return missing
}
