package program

import (
	"context"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/internal/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/image"
)

// Binary is a recipe that builds e2e/devcluster/cmd/<name>, static, into bin/. Packages are the folders in
// e2e/devcluster/internal with its sources: the result is built again when they change.
func Binary(name string, packages ...string) *artifact.Recipe {
	module := filepath.Join(artifact.SourceRoot(), "e2e")
	devcluster := filepath.Join(module, "devcluster")
	recipe := artifact.GoTools(name, artifact.GoOptions{
		Module:   module,
		Programs: map[string]string{name: "./devcluster/cmd/" + name},
	})
	// The whole module would change with every test that someone writes.
	recipe.Inputs = []string{filepath.Join(module, "go.mod"), filepath.Join(devcluster, "cmd", name)}
	for _, one := range packages {
		recipe.Inputs = append(recipe.Inputs, filepath.Join(devcluster, "internal", one))
	}
	return recipe
}

// Image is a recipe for an image with the program of a Binary recipe as /<name>.
func Image(binary *artifact.Recipe, name, reference, user string) *artifact.Recipe {
	return &artifact.Recipe{
		Name:  name + "-image",
		Key:   []string{reference, user, "layout 1"},
		Needs: []*artifact.Recipe{binary},
		Build: func(_ context.Context, build *artifact.Build) error {
			source := filepath.Join(build.Deps[binary.Name], "bin", name)
			archive := filepath.Join(build.Out, image.Archive)
			return image.FromBinaries(archive, reference, user, []string{"/" + name}, map[string]string{"/" + name: source})
		},
	}
}
