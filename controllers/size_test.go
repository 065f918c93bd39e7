package controllers

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// size is how much code a package has, without its tests.
type size struct{ files, lines int }

// sizeLimit is what a reader can keep in mind. A package that outgrows it gets parts as packages of their own, with
// explicit inputs (docs/contributing.md, "How to add a part to a controller").
var sizeLimit = size{files: 12, lines: 1500}

func TestPackagesAreSmall(t *testing.T) {
	sizes := packageSizes(t)
	assert.Greater(t, len(sizes), 40, "or this test looks in the wrong folder")
	for path, actual := range sizes {
		assert.LessOrEqual(t, actual.files, sizeLimit.files, "files of controllers/%s", path)
		assert.LessOrEqual(t, actual.lines, sizeLimit.lines, "lines of controllers/%s", path)
	}
}

// packageSizes are the sizes of the packages below this folder, by their paths.
func packageSizes(t *testing.T) map[string]size {
	t.Helper()
	sizes := map[string]size{}
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(path))
		known := sizes[folder]
		sizes[folder] = size{known.files + 1, known.lines + bytes.Count(content, []byte("\n"))}
		return nil
	}))
	return sizes
}
