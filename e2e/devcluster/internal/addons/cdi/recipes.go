package cdi

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/debian"
	"github.com/novasphere/wukong/e2e/devcluster/image"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

const (
	// Version is the version of CDI; tools/cdi/go.mod pins the module.
	Version = "v1.61.1"
	// Namespace is where CDI runs.
	Namespace = testbed.CDINamespace

	// repository is where image names begin; no registry answers there, the images are imported.
	repository    = "localhost/cdi"
	user          = "1001"
	manifestsFile = "operator.yaml"
	clonerScript  = "cloner_startup.sh"
)

// packages are what CDI's programs run: qemu-img converts and resizes, nbdkit reads from HTTP and unpacks on the way.
var packages = []string{"qemu-utils", "nbdkit", "ca-certificates"}

// entrypoints are the images' names and what they run.
var entrypoints = map[string][]string{
	"cdi-operator":     {"/usr/bin/cdi-operator"},
	"cdi-apiserver":    {"/usr/bin/cdi-apiserver", "-alsologtostderr"},
	"cdi-controller":   {"/usr/bin/cdi-controller", "-alsologtostderr"},
	"cdi-uploadproxy":  {"/usr/bin/cdi-uploadproxy", "-alsologtostderr"},
	"cdi-uploadserver": {"/usr/bin/cdi-uploadserver", "-alsologtostderr"},
	"cdi-importer":     {"/usr/bin/cdi-importer", "-alsologtostderr"},
	"cdi-cloner":       {"/usr/bin/" + clonerScript},
}

// programs have no image of their own beside those of entrypoints: pods of the importer's image run them.
var programs = []string{
	"cdi-operator", "cdi-apiserver", "cdi-controller", "cdi-uploadproxy", "cdi-uploadserver", "cdi-importer",
	"cdi-cloner", "cdi-containerimage-server", "cdi-image-size-detection", "cdi-source-update-poller",
}

func reference(program string) string { return repository + "/" + program + ":" + Version }

// binaries has CDI's programs and the generator of its manifests. Signatures of registry images are checked in Go,
// since the usual library is C.
func binaries() *artifact.Recipe {
	return artifact.GoTools("cdi", artifact.GoOptions{Tags: []string{"containers_image_openpgp"}})
}

func imageRecipe() *artifact.Recipe {
	built, rootfs := binaries(), debian.Rootfs("cdi", packages...)
	return &artifact.Recipe{
		Name:  "cdi-image",
		Key:   append([]string{repository, Version, user, fmt.Sprint(entrypoints), "layout 1"}, programs...),
		Needs: []*artifact.Recipe{built, rootfs},
		Build: func(ctx context.Context, build *artifact.Build) error {
			root := filepath.Join(build.Out, "root")
			if err := debian.Unpack(
				ctx, build, filepath.Join(build.Deps[rootfs.Name], debian.Archive), root,
			); err != nil {
				return err
			}
			if err := installPrograms(ctx, build, filepath.Join(build.Deps[built.Name], "bin"), root); err != nil {
				return err
			}
			variants := map[string]image.Config{}
			for name, entrypoint := range entrypoints {
				variants[reference(name)] = image.Config{
					User: user, Entrypoint: entrypoint,
					Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
				}
			}
			if err := image.FromRootfsVariants(filepath.Join(build.Out, image.Archive), root, variants); err != nil {
				return err
			}
			return artifact.RemoveTree(root)
		},
	}
}

func installPrograms(ctx context.Context, build *artifact.Build, bin, root string) error {
	source, err := artifact.ModuleSource(ctx, filepath.Join(artifact.ToolsFolder(), "cdi"),
		"kubevirt.io/containerized-data-importer")
	if err != nil {
		return err
	}
	arguments := []string{
		"install", "-D", "-m", "0755", "-t", filepath.Join(root, "usr/bin"),
		filepath.Join(source, "cmd/cdi-cloner", clonerScript),
	}
	for _, program := range programs {
		arguments = append(arguments, filepath.Join(bin, program))
	}
	return build.Run(ctx, artifact.Command{Args: arguments})
}

// manifests has what must be applied for cdi-operator to run, without its namespace.
func manifests() *artifact.Recipe {
	built := binaries()
	arguments := []string{
		"-resource-type=operator", "-resource-group=everything", "-namespace=" + Namespace,
		"-operator-version=" + Version, "-pull-policy=IfNotPresent", "-verbosity=1", "-deploy-cluster-resources=true",
		"-operator-image=" + reference("cdi-operator"), "-controller-image=" + reference("cdi-controller"),
		"-importer-image=" + reference("cdi-importer"), "-cloner-image=" + reference("cdi-cloner"),
		"-apiserver-image=" + reference("cdi-apiserver"), "-uploadproxy-image=" + reference("cdi-uploadproxy"),
		"-uploadserver-image=" + reference("cdi-uploadserver"),
		// Imports from oVirt need an image with its own tools, which there is not; the operator wants a name all the
		// same.
		"-ovirt-populator-image=" + reference("ovirt-populator"),
	}
	return &artifact.Recipe{
		Name:  "cdi-manifests",
		Key:   []string{strings.Join(arguments, " ")},
		Needs: []*artifact.Recipe{built},
		Build: func(ctx context.Context, build *artifact.Build) error {
			var output bytes.Buffer
			generator := exec.CommandContext(ctx, filepath.Join(build.Deps[built.Name], "bin", "manifest-generator"),
				arguments...)
			generator.Stdout, generator.Stderr = &output, build.Log
			if err := generator.Run(); err != nil {
				return fmt.Errorf("make the operator's manifests: %w", err)
			}
			return os.WriteFile(filepath.Join(build.Out, manifestsFile), output.Bytes(), 0o644)
		},
	}
}
