package controllers

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Kinds talk only through objects: no code of one, tests included, knows another, and what they share knows none.
func TestKindsKnowNoOtherKind(t *testing.T) {
	const kinds = "github.com/novasphere/wukong/controllers/wukong"
	looked := 0
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		folder, _, below := strings.Cut(filepath.ToSlash(path), "/")
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || !below {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			rest, of := strings.CutPrefix(imported, kinds)
			name, _, _ := strings.Cut(rest, "/")
			assert.False(t, of && "wukong"+name != folder, "%s imports %s", path, imported)
		}
		looked++
		return nil
	}))
	assert.Greater(t, looked, 100)
}
