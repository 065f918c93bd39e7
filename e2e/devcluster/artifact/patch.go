package artifact

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Patch replaces one piece of text in a file of a module that a tool module requires. The module cache is not touched:
// a copy of the module is changed, and a copy of go.mod points to it.
type Patch struct {
	// Module and File name the source file, for example github.com/vishvananda/netlink and link_linux.go.
	Module, File string
	// Old must be in the file exactly once; New takes its place.
	Old, New string
}

// patched makes the changed copies in folder and returns the file for the -modfile flag of `go build`.
func patched(ctx context.Context, build *Build, folder, module string, patches []Patch) (string, error) {
	modFile := filepath.Join(folder, "go.mod")
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			return "", err
		}
	}
	for _, patch := range patches {
		copied := filepath.Join(folder, filepath.FromSlash(patch.Module))
		if err := copyModule(ctx, module, patch.Module, copied); err != nil {
			return "", err
		}
		if err := patch.apply(copied); err != nil {
			return "", err
		}
		replace := Command{Args: []string{"go", "mod", "edit", "-replace=" + patch.Module + "=" + copied, modFile}}
		if err := build.Run(ctx, replace); err != nil {
			return "", err
		}
	}
	return modFile, nil
}

// copyModule copies a module out of the cache, once: further patches go into the same copy.
func copyModule(ctx context.Context, toolModule, modulePath, target string) error {
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	source, err := ModuleSource(ctx, toolModule, modulePath)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return os.CopyFS(target, os.DirFS(source))
}

func (p Patch) apply(folder string) error {
	path := filepath.Join(folder, p.File)
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("patch %s: %w", p.Module, err)
	}
	if count := strings.Count(string(text), p.Old); count != 1 {
		return fmt.Errorf("patch %s of %s: the text to replace is there %d times, not once", p.File, p.Module, count)
	}
	if err := os.Remove(path); err != nil { // the copy is read-only, as the cache is
		return err
	}
	return os.WriteFile(path, []byte(strings.Replace(string(text), p.Old, p.New, 1)), 0o644)
}
