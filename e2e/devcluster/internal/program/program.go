package program

import (
	"context"
	"path/filepath"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/image"
)

// Binary is a recipe that builds cmd/<name> of the dev cluster's module, static, into bin/. Packages are the folders of
// the module with its sources, such as internal/relay: the result is built again when one of them or go.mod changes,
// and only then.
func Binary(name string, packages ...string) *artifact.Recipe {
	module := artifact.ModuleFolder()
	recipe := artifact.GoTools(name, artifact.GoOptions{
		Module:   module,
		Programs: map[string]string{name: "./cmd/" + name},
	})
	// The whole module would change with every edit of the dev cluster itself.
	recipe.Inputs = []string{filepath.Join(module, "go.mod"), filepath.Join(module, "cmd", name)}
	for _, one := range packages {
		recipe.Inputs = append(recipe.Inputs, filepath.Join(module, filepath.FromSlash(one)))
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
			return image.FromBinaries(archive, reference, user, []string{"/" + name},
				map[string]string{"/" + name: source})
		},
	}
}
