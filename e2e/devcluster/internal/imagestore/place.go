package imagestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
)

// databases are the files that containerd writes to, below its root.
const databases = "*/*.db"

// Place gives a node what a Recipe has made: target becomes the root folder of its containerd. It appears when it is
// complete, so a node has all of it or nothing, however this ends. A target that exists is left as it is.
func Place(ctx context.Context, source, target string) error {
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	part := target + ".part"
	if err := errors.Join(artifact.RemoveTree(part), os.MkdirAll(filepath.Dir(target), 0o755)); err != nil {
		return fmt.Errorf("place images: %w", err)
	}
	linked, err := sameFileSystem(source, filepath.Dir(target))
	if err != nil {
		return fmt.Errorf("place images: %w", err)
	}
	// cp keeps modes, owners, times and extended attributes, of links and devices too.
	arguments := []string{"--archive", "--link"}
	if !linked {
		arguments = []string{"--archive", "--reflink=auto"}
	}
	if err := copyWith(ctx, append(arguments, source, part)...); err != nil {
		return fmt.Errorf("place images: %w", err)
	}
	if linked {
		if err := separate(ctx, part); err != nil {
			return fmt.Errorf("place images: %w", err)
		}
	}
	return os.Rename(part, target)
}

// separate turns links to databases into copies.
func separate(ctx context.Context, root string) error {
	found, err := filepath.Glob(filepath.Join(root, databases))
	if err != nil {
		return err
	}
	for _, path := range found {
		if err := copyWith(ctx, "--archive", path, path+".copy"); err != nil {
			return err
		}
		if err := os.Rename(path+".copy", path); err != nil {
			return err
		}
	}
	return nil
}

func copyWith(ctx context.Context, arguments ...string) error {
	output, err := exec.CommandContext(ctx, "cp", arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cp %s: %w: %s", strings.Join(arguments, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}

func sameFileSystem(one, other string) (bool, error) {
	var first, second unix.Stat_t
	if err := errors.Join(unix.Stat(one, &first), unix.Stat(other, &second)); err != nil {
		return false, err
	}
	return first.Dev == second.Dev, nil
}
