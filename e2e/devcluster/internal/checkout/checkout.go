// Package checkout finds the folder with the project's source, for tests and for the dev cluster, whose parts are built
// from it.
package checkout

import (
	"os"
	"path/filepath"
)

// Root is the working folder, or the nearest one above it, that is the root of the project; empty when none is.
func Root() string {
	folder, err := os.Getwd()
	if err != nil {
		return ""
	}
	for ; folder != "/"; folder = filepath.Dir(folder) {
		if info, err := os.Stat(filepath.Join(folder, "e2e", "devcluster", "tools")); err == nil && info.IsDir() {
			return folder
		}
	}
	return ""
}
