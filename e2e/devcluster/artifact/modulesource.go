package artifact

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// ModuleSource is the folder with the source of a Go module that a tool module requires, downloaded if need be: for
// what a project has beside Go programs.
func ModuleSource(ctx context.Context, toolModule, modulePath string) (string, error) {
	if _, err := goCommand(ctx, toolModule, "mod", "download", modulePath); err != nil {
		return "", fmt.Errorf("find the source of %s: %w", modulePath, err)
	}
	folder, err := goCommand(ctx, toolModule, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", modulePath)
	if err != nil {
		return "", fmt.Errorf("find the source of %s: %w", modulePath, err)
	}
	return folder, nil
}

func goCommand(ctx context.Context, folder string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = folder
	command.Env = append(command.Environ(), "GOWORK=off")
	var complaint strings.Builder
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(arguments, " "), err, strings.TrimSpace(complaint.String()))
	}
	return strings.TrimSpace(string(output)), nil
}
