package kubevirt

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

const (
	// Namespace is where KubeVirt runs.
	Namespace     = testbed.KubeVirtNamespace
	manifestsFile = "operator.yaml"
)

// manifests has what must be applied for virt-operator to run.
func manifests() *artifact.Recipe {
	programs := Programs()
	return &artifact.Recipe{
		Name:  "kubevirt-manifests",
		Key:   []string{Namespace, repository, Version},
		Needs: []*artifact.Recipe{programs},
		Build: func(ctx context.Context, build *artifact.Build) error {
			var output bytes.Buffer
			generator := exec.CommandContext(ctx, filepath.Join(build.Deps[programs.Name], "bin", "operator-manifests"),
				"-namespace", Namespace, "-repository", repository, "-version", Version)
			generator.Stdout, generator.Stderr = &output, build.Log
			if err := generator.Run(); err != nil {
				return fmt.Errorf("make the operator's manifests: %w", err)
			}
			return os.WriteFile(filepath.Join(build.Out, manifestsFile), output.Bytes(), 0o644)
		},
	}
}
