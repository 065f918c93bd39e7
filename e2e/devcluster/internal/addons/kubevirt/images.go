package kubevirt

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/debian"
	"github.com/novasphere/wukong/e2e/devcluster/image"
)

const (
	// repository is where image names begin; no registry answers there, the images are imported.
	repository = "localhost/kubevirt"
	// nonRoot is the user of KubeVirt's own images that are not privileged.
	nonRoot = "1001"
)

// controlPrograms are static. virt-operator also prints the installation of everything else, in a Job.
var controlPrograms = []string{"virt-operator", "virt-api", "virt-controller", "virt-exportproxy"}

// launcherPrograms run in the image with libvirt and QEMU.
var launcherPrograms = []string{
	"virt-handler", "virt-chroot", "virt-launcher", "virt-launcher-monitor", "virt-freezer", "virt-probe", "virt-tail",
	"virt-exportserver",
}

// launcherPackages are what the launcher and the handler run, and what their image is made with.
var launcherPackages = []string{
	"libvirt-daemon", "libvirt-daemon-driver-qemu", "libvirt-daemon-log", "libvirt-clients", "qemu-system-x86",
	"qemu-utils",
	"passt", "swtpm", "swtpm-tools", "virtiofsd", "seabios", "ovmf", "nftables", "iproute2", "procps", "xorriso",
	"dmidecode", "ca-certificates", "libcap2-bin",
}

//go:embed launcher.sh
var launcherScript string

//go:embed all:launcher
var launcherFiles embed.FS

func reference(program string) string { return repository + "/" + program + ":" + Version }

func controlImage() *artifact.Recipe {
	programs := Programs()
	return &artifact.Recipe{
		Name:  "kubevirt-control-image",
		Key:   append([]string{repository, Version, nonRoot, "layout 3"}, controlPrograms...),
		Needs: []*artifact.Recipe{programs},
		Build: func(ctx context.Context, build *artifact.Build) error {
			root := filepath.Join(build.Out, "root")
			if err := installPrograms(
				ctx, build, filepath.Join(build.Deps[programs.Name], "bin"), root, controlPrograms,
			); err != nil {
				return err
			}
			// virt-api keeps its own certificate there.
			tmp := filepath.Join(root, "tmp")
			if err := build.Run(ctx, artifact.Command{Args: []string{"install", "-d", "-m", "1777", tmp}}); err != nil {
				return err
			}
			variants := map[string]image.Config{}
			for _, program := range controlPrograms {
				variants[reference(program)] = image.Config{
					User: nonRoot, Entrypoint: []string{"/usr/bin/" + program}, Env: []string{"PATH=/usr/bin"},
				}
			}
			if err := image.FromRootfsVariants(filepath.Join(build.Out, image.Archive), root, variants); err != nil {
				return err
			}
			return artifact.RemoveTree(root)
		},
	}
}

func launcherImage() *artifact.Recipe {
	programs, files, rootfs := Programs(), moduleFiles(), debian.Rootfs("kubevirt", launcherPackages...)
	return &artifact.Recipe{
		Name: "kubevirt-launcher-image",
		Key: append([]string{repository, Version, nonRoot, "layout 2", launcherScript, launcherFilesKey()},
			launcherPrograms...),
		Needs: []*artifact.Recipe{programs, files, rootfs},
		Build: func(ctx context.Context, build *artifact.Build) error {
			root := filepath.Join(build.Out, "root")
			if err := debian.Unpack(
				ctx, build, filepath.Join(build.Deps[rootfs.Name], debian.Archive), root,
			); err != nil {
				return err
			}
			if err := fillLauncherRoot(
				ctx, build, root, build.Deps[programs.Name], build.Deps[files.Name],
			); err != nil {
				return err
			}
			if err := image.FromRootfsVariants(
				filepath.Join(build.Out, image.Archive), root, launcherVariants(),
			); err != nil {
				return err
			}
			return artifact.RemoveTree(root)
		},
	}
}

func launcherVariants() map[string]image.Config {
	path := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	return map[string]image.Config{
		reference("virt-handler"):      {Entrypoint: []string{"/usr/bin/virt-handler"}, Env: path},
		reference("virt-launcher"):     {Entrypoint: []string{"/usr/bin/virt-launcher"}, Env: path},
		reference("virt-exportserver"): {Entrypoint: []string{"/usr/bin/virt-exportserver"}, Env: path, User: nonRoot},
	}
}

func fillLauncherRoot(ctx context.Context, build *artifact.Build, root, programs, files string) error {
	if err := installPrograms(ctx, build, filepath.Join(programs, "bin"), root, launcherPrograms); err != nil {
		return err
	}
	for _, one := range [][2]string{
		{"container-disk", "usr/bin/container-disk"}, {"qemu-hook", "etc/libvirt/hooks/qemu"},
	} {
		arguments := []string{"install", "-D", "-m", "0755", filepath.Join(files, one[0]), filepath.Join(root, one[1])}
		if err := build.Run(ctx, artifact.Command{Args: arguments}); err != nil {
			return err
		}
	}
	if err := writeLauncherFiles(root); err != nil {
		return fmt.Errorf("write the launcher's configuration: %w", err)
	}
	// The epoch is the date of the passwords of the users that the script adds, which would differ from day to day.
	return build.Run(ctx, artifact.Command{
		Env:  []string{"SOURCE_DATE_EPOCH=0"},
		Args: []string{"chroot", root, "/bin/sh", "-ec", launcherScript},
	})
}

func installPrograms(ctx context.Context, build *artifact.Build, bin, root string, programs []string) error {
	arguments := []string{"install", "-D", "-m", "0755", "-t", filepath.Join(root, "usr/bin")}
	for _, program := range programs {
		arguments = append(arguments, filepath.Join(bin, program))
	}
	return build.Run(ctx, artifact.Command{Args: arguments})
}

// eachLauncherFile calls visit with the path in the image and the content of every file in the folder launcher.
func eachLauncherFile(visit func(path string, content []byte) error) error {
	return fs.WalkDir(launcherFiles, "launcher", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := launcherFiles.ReadFile(path)
		if err != nil {
			return err
		}
		return visit(strings.TrimPrefix(path, "launcher/"), content)
	})
}

func writeLauncherFiles(root string) error {
	return eachLauncherFile(func(path string, content []byte) error {
		target := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
}

func launcherFilesKey() string {
	var parts []string
	err := eachLauncherFile(func(path string, content []byte) error {
		parts = append(parts, path+"\n"+string(content))
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("the embedded launcher files cannot be read: %v", err))
	}
	sort.Strings(parts)
	return strings.Join(parts, "\n")
}
