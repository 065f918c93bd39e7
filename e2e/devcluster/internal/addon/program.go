package addon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// OfferProgram puts a program of the cache beside the cluster's kubectl, for people and tests. One of the same name
// that was there before is replaced.
func (c *Cluster) OfferProgram(source string) error {
	target := testbed.At(c.StateDir).Program(filepath.Base(source))
	if same(source, target) {
		return nil
	}
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("replace %s: %w", target, err)
	}
	if err := LinkProgram(source, target); err != nil {
		return fmt.Errorf("offer %s: %w", target, err)
	}
	return nil
}

func same(source, target string) bool {
	one, err := os.Stat(source)
	if err != nil {
		return false
	}
	other, err := os.Stat(target)
	return err == nil && os.SameFile(one, other)
}

// LinkProgram makes a hard link to a program, or a copy where the target is on another file system. The target must not
// exist.
func LinkProgram(source, target string) error {
	if os.Link(source, target) == nil {
		return nil
	}
	return CopyProgram(source, target)
}

// CopyProgram leaves no half of a program when it is interrupted.
func CopyProgram(source, target string) error {
	data, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	part := target + ".part"
	if err := os.WriteFile(part, data, 0o755); err != nil {
		return err
	}
	return os.Rename(part, target)
}
