package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
)

// A program of our own is built again when a package that is in it changes, and not when another one does.
func TestInputsOfOurProgramsAreWhatIsInThem(t *testing.T) {
	module := artifact.ModuleFolder()
	for _, folder := range subfolders(t, filepath.Join(module, "cmd")) {
		name := filepath.Base(folder)
		recipe := find(t, name+"-binaries")
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f",
			`{{if .Module}}{{if .Module.Main}}{{.Dir}}{{end}}{{end}}`, "./cmd/"+name)
		list.Dir, list.Env = module, append(list.Environ(), "GOWORK=off")
		output, err := list.Output()
		require.NoError(t, err)
		wanted := append(strings.Fields(string(output)), filepath.Join(module, "go.mod"))
		assert.ElementsMatch(t, wanted, recipe.Inputs, "inputs of %s", name)
	}
}

func subfolders(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found
}

// find looks for a recipe among those of the cluster and what they need.
func find(t *testing.T, name string) *artifact.Recipe {
	t.Helper()
	var waiting []*artifact.Recipe
	for _, recipe := range recipes() {
		waiting = append(waiting, recipe)
	}
	for len(waiting) > 0 {
		named := func(recipe *artifact.Recipe) bool { return recipe.Name == name }
		if index := slices.IndexFunc(waiting, named); index >= 0 {
			return waiting[index]
		}
		var next []*artifact.Recipe
		for _, recipe := range waiting {
			next = append(next, recipe.Needs...)
		}
		waiting = next
	}
	require.Fail(t, "no recipe is named "+name)
	return nil
}
