package artifact

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const buildPrefix = ".build-"

// removeInterrupted removes the temporary folders of builds that did not end. The caller holds the recipe's lock, so no
// build of it is running.
func removeInterrupted(home string) error {
	left, err := filepath.Glob(filepath.Join(home, buildPrefix+"*"))
	if err != nil {
		return err
	}
	for _, folder := range left {
		if err := RemoveTree(folder); err != nil {
			return err
		}
	}
	return nil
}

// touch marks a result as used, so that prune keeps the results that are in use.
func (s *Store) touch(place place) error {
	now := time.Now()
	return os.Chtimes(place.manifest, now, now)
}

// prune keeps the newest results of a recipe and removes the others.
func prune(home string) error {
	manifests, err := filepath.Glob(filepath.Join(home, "*.manifest"))
	if err != nil {
		return err
	}
	used := map[string]time.Time{}
	for _, path := range manifests {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		used[path] = info.ModTime()
	}
	sort.Slice(manifests, func(a, b int) bool { return used[manifests[a]].After(used[manifests[b]]) })
	for _, path := range manifests[min(keptResults, len(manifests)):] {
		base := strings.TrimSuffix(path, ".manifest")
		if err := errors.Join(os.Remove(path), RemoveTree(base), os.RemoveAll(base+".log")); err != nil {
			return fmt.Errorf("prune %s: %w", base, err)
		}
	}
	return nil
}

// RemoveTree removes a folder that may still have mounts in it (a root file system under construction has the machine's
// own folders bound into it): it detaches these first, deepest first, and removes nothing when one of them stays.
func RemoveTree(folder string) error {
	for range 3 {
		mounted, err := mountsBelow(folder)
		if err != nil {
			return err
		}
		if len(mounted) == 0 {
			return os.RemoveAll(folder)
		}
		for _, target := range mounted {
			if err := unix.Unmount(target, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
				return fmt.Errorf("unmount %s: %w", target, err)
			}
		}
	}
	return fmt.Errorf("%s still has mounts in it", folder)
}

// mountsBelow returns the mount points at or below folder, deepest first.
func mountsBelow(folder string) ([]string, error) {
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var found []string
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		target := unescape.Replace(fields[4])
		if target == absolute || strings.HasPrefix(target, absolute+"/") {
			found = append(found, target)
		}
	}
	sort.Slice(found, func(a, b int) bool { return len(found[a]) > len(found[b]) })
	return found, nil
}
