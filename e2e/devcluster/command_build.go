package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/internal/component"
	"github.com/novasphere/wukong/e2e/devcluster/internal/imagestore"
	"github.com/novasphere/wukong/e2e/devcluster/progress"
)

// controlPlanePrograms are what control-plane tests need: controller-runtime's envtest looks for them in
// KUBEBUILDER_ASSETS.
var controlPlanePrograms = []string{"kube-apiserver", "kube-controller-manager", "etcd", "kubectl"}

func newBuildCommand(report *progress.Reporter) *cobra.Command {
	var assetsFolder string
	command := &cobra.Command{
		Use:   "build [RECIPE...]",
		Short: "Build parts of the cluster into the cache, and print where they are (all parts when none is named)",
		Long: "Build parts of the cluster into the cache, and print where they are.\n\n" +
			"With --assets-dir the programs of a control plane are linked into that folder, for " +
			"KUBEBUILDER_ASSETS.\n\n" +
			"Recipes: " + strings.Join(recipeNames(), ", "),
		RunE: func(command *cobra.Command, names []string) error {
			store, err := artifact.NewStore(report)
			if err != nil {
				return err
			}
			if assetsFolder != "" && len(names) == 0 {
				names = []string{"kubernetes", "etcd"}
			}
			if len(names) == 0 {
				names = recipeNames()
			}
			folders, err := buildRecipes(command.Context(), store, names)
			if err != nil {
				return err
			}
			for index, name := range names {
				fmt.Fprintf(command.OutOrStdout(), "%s\t%s\n", name, folders[index])
			}
			if assetsFolder == "" {
				return nil
			}
			return linkPrograms(assetsFolder, folders, controlPlanePrograms)
		},
	}
	command.Flags().StringVar(&assetsFolder, "assets-dir", "",
		"link "+strings.Join(controlPlanePrograms, ", ")+
			" into this folder; builds kubernetes and etcd when no recipe is named")
	return command
}

// recipes returns every recipe of the core and of the add-ons by name.
func recipes() map[string]*artifact.Recipe {
	all := component.All()
	for _, one := range addons() {
		for _, recipe := range addonRecipes(one) {
			all[recipe.Name] = recipe
		}
	}
	images := imagestore.Recipe(parts(addons()).AllImages()...)
	all[images.Name] = images
	return all
}

func addonRecipes(one addon.Addon) []*artifact.Recipe {
	needed := append([]*artifact.Recipe{}, one.Images()...)
	if more, ok := one.(addon.WithAssets); ok {
		needed = append(needed, more.Assets()...)
	}
	return needed
}

func recipeNames() []string {
	var names []string
	for name := range recipes() {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func buildRecipes(ctx context.Context, store *artifact.Store, names []string) ([]string, error) {
	known := recipes()
	wanted := make([]*artifact.Recipe, 0, len(names))
	for _, name := range names {
		recipe, exists := known[name]
		if !exists {
			return nil, fmt.Errorf("no recipe %q; there are %s", name, strings.Join(recipeNames(), ", "))
		}
		wanted = append(wanted, recipe)
	}
	return store.EnsureAll(ctx, wanted...)
}

// linkPrograms makes symbolic links to programs of the cache.
func linkPrograms(target string, folders, programs []string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", target, err)
	}
	for _, program := range programs {
		source, err := findProgram(folders, program)
		if err != nil {
			return err
		}
		link := filepath.Join(target, program)
		if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("replace %s: %w", link, err)
		}
		if err := os.Symlink(source, link); err != nil {
			return fmt.Errorf("link %s: %w", program, err)
		}
	}
	return nil
}

func findProgram(folders []string, program string) (string, error) {
	for _, folder := range folders {
		path := filepath.Join(folder, "bin", program)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is in none of the recipes that were named", program)
}
