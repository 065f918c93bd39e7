package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/sys/unix"
)

// mountAll makes the mounts of the sandbox and makes them the only ones that its processes see.
func mountAll(spec Spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if spec.Root == nil {
		return mountProc("/")
	}
	all, err := hierarchies()
	if err != nil {
		return err
	}
	root := filepath.Join(spec.Root.Folder, "merged")
	steps := []func() error{
		func() error { return overlayHost(spec.Root.Folder, root) },
		func() error { return mountKernel(root) },
		func() error { return mountCgroups(root, all) },
		func() error { return mountFolders(root, spec.Root) },
		func() error { return pivot(root) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("make the root file system: %w", err)
		}
	}
	return nil
}

func mountProc(root string) error {
	if err := unix.Mount(
		"proc", filepath.Join(root, "proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "",
	); err != nil {
		return fmt.Errorf("mount proc: %w", err)
	}
	return nil
}

// overlayHost mounts the host's files, each of its disk file systems on its own, with an overlay that takes all writes.
func overlayHost(folder, root string) error {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for index, mountPoint := range diskMounts(string(data)) {
		target := filepath.Join(root, mountPoint)
		upper := filepath.Join(folder, "written", fmt.Sprint(index))
		work := filepath.Join(folder, "work", fmt.Sprint(index))
		for _, path := range []string{target, upper, work} {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return err
			}
		}
		options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", mountPoint, upper, work)
		if err := unix.Mount("overlay", target, "overlay", 0, options); err != nil {
			return fmt.Errorf("mount overlay over %s at %s: %w", mountPoint, target, err)
		}
	}
	return nil
}

// diskMounts returns the mount points of file systems that hold files of the host, parents first.
func diskMounts(mountinfo string) []string {
	kinds := map[string]bool{
		"ext4": true, "ext3": true, "ext2": true, "xfs": true, "btrfs": true, "f2fs": true, "zfs": true,
		"overlay": true,
	}
	unique := map[string]bool{"/": true}
	for line := range strings.Lines(mountinfo) {
		before, after, ok := strings.Cut(line, " - ")
		fields, super := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(super) < 1 || !kinds[super[0]] || strings.Contains(fields[4], `\`) {
			continue
		}
		if info, err := os.Stat(fields[4]); err == nil && info.IsDir() {
			unique[fields[4]] = true
		}
	}
	var found []string
	for path := range unique {
		found = append(found, path)
	}
	sort.Strings(found)
	return found
}

// mountKernel mounts what the kernel offers. The devices are the host's.
func mountKernel(root string) error {
	if err := mountProc(root); err != nil {
		return err
	}
	if err := unix.Mount(
		"sysfs", filepath.Join(root, "sys"), "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "",
	); err != nil {
		return fmt.Errorf("mount sysfs: %w", err)
	}
	if err := unix.Mount("/dev", filepath.Join(root, "dev"), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind /dev: %w", err)
	}
	for _, name := range []string{"shm", "mqueue"} {
		target := filepath.Join(root, "dev", name)
		if _, err := os.Stat(target); errors.Is(err, os.ErrNotExist) {
			continue
		}
		kind := map[string]string{"shm": "tmpfs", "mqueue": "mqueue"}[name]
		if err := unix.Mount(kind, target, kind, unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
			return fmt.Errorf("mount /dev/%s: %w", name, err)
		}
	}
	return nil
}

func mountFolders(root string, from *Root) error {
	for _, target := range from.Temporary {
		path := filepath.Join(root, target)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", path, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
			return fmt.Errorf("mount tmpfs at %s: %w", target, err)
		}
	}
	for source, target := range from.Binds {
		path := filepath.Join(root, target)
		if err := errors.Join(os.MkdirAll(source, 0o755), os.MkdirAll(path, 0o755)); err != nil {
			return err
		}
		if err := unix.Mount(source, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind %s at %s: %w", source, target, err)
		}
	}
	for _, one := range from.Mounts {
		path := filepath.Join(root, one.Target)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(one.Device, path, one.Kind, unix.MS_NOATIME, one.Options); err != nil {
			return fmt.Errorf("mount %s at %s: %w", one.Device, one.Target, err)
		}
	}
	return nil
}

// pivot makes root the root of this mount namespace and drops all other mounts. What is mounted from now on is seen by
// mount namespaces made from this one, as kubelet and volumes with mount propagation need.
func pivot(root string) error {
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the host's root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share mounts: %w", err)
	}
	return nil
}
