package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const cgroupRoot = "/sys/fs/cgroup"

// hierarchy is one mounted cgroup file system: the only one on version 2, one per group of controllers on version 1.
type hierarchy struct {
	path    string // for example /sys/fs/cgroup/memory
	unified bool   // version 2
	options string // what to give to mount(2), for example "memory" or "none,name=systemd"
}

// hierarchies lists the cgroup file systems of this machine.
func hierarchies() ([]hierarchy, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return parseHierarchies(string(data)), nil
}

func parseHierarchies(mountinfo string) []hierarchy {
	var found []hierarchy
	for line := range strings.Lines(mountinfo) {
		before, after, ok := strings.Cut(line, " - ")
		if !ok {
			continue
		}
		fields, super := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(super) < 3 {
			continue
		}
		if path := fields[4]; path != cgroupRoot && !strings.HasPrefix(path, cgroupRoot+"/") {
			continue
		}
		switch super[0] {
		case "cgroup2":
			found = append(found, hierarchy{path: fields[4], unified: true})
		case "cgroup":
			found = append(found, hierarchy{path: fields[4], options: versionOneOptions(super[2])})
		}
	}
	return found
}

// versionOneOptions keeps the names of controllers from the options of a mounted hierarchy.
func versionOneOptions(super string) string {
	var kept []string
	for option := range strings.SplitSeq(super, ",") {
		switch {
		case strings.HasPrefix(option, "name="):
			kept = append(kept, "none", option)
		case option == "rw" || option == "ro" || option == "xattr" || option == "clone_children" ||
			strings.Contains(option, "="):
		default:
			kept = append(kept, option)
		}
	}
	return strings.Join(kept, ",")
}

// enterCgroup makes the cgroup in each hierarchy and moves this process there.
func enterCgroup(name string) error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("no cgroup file system is mounted at %s", cgroupRoot)
	}
	for _, one := range all {
		folder := filepath.Join(one.path, name)
		if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("make cgroup: %w", err)
		}
		if err := inheritCPUs(one, folder); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, "cgroup.procs"), []byte("0"), 0o644); err != nil {
			return fmt.Errorf("enter cgroup: %w", err)
		}
	}
	return nil
}

// inheritCPUs fills in what a version 1 cpuset needs before a process may enter it.
func inheritCPUs(one hierarchy, folder string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(one.path, file))
		if errors.Is(err, os.ErrNotExist) || one.unified {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, file), value, 0o644); err != nil {
			return fmt.Errorf("set %s: %w", file, err)
		}
	}
	return nil
}

// mountCgroups mounts the hierarchies as this cgroup namespace sees them: the sandbox's cgroup is their root.
func mountCgroups(root string, all []hierarchy) error {
	target := filepath.Join(root, cgroupRoot)
	if len(all) == 1 && all[0].unified && all[0].path == cgroupRoot {
		if err := unix.Mount("cgroup2", target, "cgroup2", 0, ""); err != nil {
			return fmt.Errorf("mount cgroup2: %w", err)
		}
		return delegateControllers(target)
	}
	if err := unix.Mount(
		"tmpfs", target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=755",
	); err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	for _, one := range all {
		folder := filepath.Join(root, one.path)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		kind := "cgroup"
		if one.unified {
			kind = "cgroup2"
		}
		if err := unix.Mount(kind, folder, kind, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, one.options); err != nil {
			return fmt.Errorf("mount cgroup %s (%s): %w", folder, one.options, err)
		}
	}
	return copyLinks(cgroupRoot, target)
}

// copyLinks copies links such as cpu -> cpu,cpuacct.
func copyLinks(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, item := range entries {
		if item.Type() != fs.ModeSymlink {
			continue
		}
		target, err := os.Readlink(filepath.Join(from, item.Name()))
		if err != nil {
			return err
		}
		if err := os.Symlink(target, filepath.Join(to, item.Name())); err != nil {
			return err
		}
	}
	return nil
}

// delegateControllers moves this process out of the root of a version 2 hierarchy, whose children may have controllers
// only when it has no processes itself, and enables all controllers for them.
func delegateControllers(root string) error {
	leaf := filepath.Join(root, "init")
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make cgroup: %w", err)
	}
	if err := os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte("0"), 0o644); err != nil {
		return fmt.Errorf("enter cgroup init: %w", err)
	}
	_, err := enableControllers(root)
	return err
}

// enableControllers gives the children of a version 2 cgroup all controllers that it has itself, and returns those that
// they did not have before.
func enableControllers(cgroup string) ([]string, error) {
	available, err := os.ReadFile(filepath.Join(cgroup, "cgroup.controllers"))
	if err != nil {
		return nil, err
	}
	control := filepath.Join(cgroup, "cgroup.subtree_control")
	enabled, err := os.ReadFile(control)
	if err != nil {
		return nil, err
	}
	before := map[string]bool{}
	for name := range strings.FieldsSeq(string(enabled)) {
		before[name] = true
	}
	var added []string
	for name := range strings.FieldsSeq(string(available)) {
		if before[name] {
			continue
		}
		if err := os.WriteFile(control, []byte("+"+name), 0o644); err != nil {
			return added, fmt.Errorf("enable cgroup controller %s: %w", name, err)
		}
		added = append(added, name)
	}
	return added, nil
}

// PrepareCgroups enables all version 2 controllers for the children of the host's root cgroup, and returns those that
// were not enabled before, for RestoreCgroups.
func PrepareCgroups() ([]string, error) {
	all, err := hierarchies()
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		if one.unified && one.path == cgroupRoot {
			return enableControllers(one.path)
		}
	}
	return nil, nil
}

// RestoreCgroups disables what PrepareCgroups enabled. A controller that someone else uses by now stays.
func RestoreCgroups(controllers []string) {
	for _, name := range controllers {
		_ = os.WriteFile(filepath.Join(cgroupRoot, "cgroup.subtree_control"), []byte("-"+name), 0o644)
	}
}

// RemoveCgroup removes the cgroup of a sandbox that has ended, in every hierarchy.
func RemoveCgroup(ctx context.Context, name string) error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	var failures []error
	for _, one := range all {
		if err := removeCgroupTree(ctx, filepath.Join(one.path, name)); err != nil {
			failures = append(failures, fmt.Errorf("remove cgroup: %w", err))
		}
	}
	return errors.Join(failures...)
}

// removeCgroupTree removes cgroups from the deepest up: the files in them go with the folder.
func removeCgroupTree(ctx context.Context, root string) error {
	var folders []string
	err := filepath.WalkDir(root, func(path string, item fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil && item.IsDir() {
			folders = append(folders, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	sort.Slice(folders, func(a, b int) bool { return len(folders[a]) > len(folders[b]) })
	for _, folder := range folders {
		if err := removeCgroup(ctx, folder); err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
	}
	return nil
}

// removeCgroup removes one cgroup. A process that has ended counts as a member until the kernel has cleaned up after
// it.
func removeCgroup(ctx context.Context, folder string) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := unix.Rmdir(folder)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}
