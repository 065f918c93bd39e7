package selection

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// What the suites test, beside their own packages.
var (
	operatorPackages = []string{"./cmd/manager", "./mover"}
	clusterPackages  = []string{"./e2e/devcluster/..."}
)

// Sources returns the folders of the project's packages that are linked into a suite and into what it tests, from the
// root of the project.
func Sources(ctx context.Context, root, suitePackage string, operator bool) (map[string]bool, error) {
	tested := clusterPackages
	if operator {
		tested = operatorPackages
	}
	// The suite with its tests, and what it tests without theirs.
	sources := map[string]bool{}
	for _, arguments := range [][]string{{"-test", suitePackage}, tested} {
		folders, err := dependencies(ctx, root, arguments)
		if err != nil {
			return nil, err
		}
		for _, folder := range folders {
			sources[folder] = true
		}
	}
	return sources, nil
}

func dependencies(ctx context.Context, root string, arguments []string) ([]string, error) {
	all := append([]string{"list", "-deps", "-tags", "e2e", "-f", "{{if not .Standard}}{{.Dir}}{{end}}"}, arguments...)
	command := exec.CommandContext(ctx, "go", all...)
	command.Dir = root
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", strings.Join(all, " "), explain(err))
	}
	return within(root, string(output)), nil
}

// within keeps the folders below the root, as paths from there.
func within(root, listed string) []string {
	var folders []string
	for line := range strings.Lines(listed) {
		folder, err := filepath.Rel(root, strings.TrimSpace(line))
		if err == nil && filepath.IsLocal(folder) {
			folders = append(folders, filepath.ToSlash(folder))
		}
	}
	return folders
}
