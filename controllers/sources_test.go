package controllers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// forEachFile parses the Go files in the folders below this one.
func forEachFile(t *testing.T, mode parser.Mode, look func(path string, file *ast.File)) {
	t.Helper()
	looked := 0
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || filepath.Dir(path) == "." {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, mode)
		require.NoError(t, err)
		look(filepath.ToSlash(path), file)
		looked++
		return nil
	}))
	assert.Greater(t, looked, 100)
}

// Kinds talk only through objects: no code of one, tests included, knows another, and what they share knows none.
func TestKindsKnowNoOtherKind(t *testing.T) {
	const kinds = "github.com/novasphere/wukong/controllers/wukong"
	forEachFile(t, parser.ImportsOnly, func(path string, file *ast.File) {
		folder, _, _ := strings.Cut(path, "/")
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			rest, of := strings.CutPrefix(imported, kinds)
			name, _, _ := strings.Cut(rest, "/")
			assert.False(t, of && "wukong"+name != folder, "%s imports %s", path, imported)
		}
	})
}

// A unit test that makes an object of which the cache keeps a part only, and makes it whole, does not see that its
// reader misses a field.
func TestUnitTestsGetObjectsAsTheCacheKeepsThem(t *testing.T) {
	inPart, live := map[string]bool{}, map[string]bool{}
	for _, kind := range Kinds {
		for _, read := range kind.Reads {
			of := reflect.TypeOf(read.Of).Elem().Name()
			inPart[of] = inPart[of] || read.Keep != nil
			live[kind.Name+"/"+of] = read.Live
		}
	}
	require.True(t, inPart["VirtualMachineInstance"])
	forEachFile(t, parser.SkipObjectResolution, func(path string, file *ast.File) {
		name, isTest := strings.CutSuffix(path, "_test.go")
		if !isTest || strings.HasSuffix(name, "_controlplane") || exempt(path) {
			return
		}
		folder, _, _ := strings.Cut(path, "/") // of a kind that reads some types live, and so as they are
		for _, declaration := range file.Decls {
			whole, passed := "", false
			ast.Inspect(declaration, func(node ast.Node) bool {
				switch typed := node.(type) {
				case *ast.CompositeLit:
					if of, ok := typed.Type.(*ast.SelectorExpr); ok && inPart[of.Sel.Name] &&
						!live[folder+"/"+of.Sel.Name] {
						whole = of.Sel.Name
					}
				case *ast.SelectorExpr:
					of, ok := typed.X.(*ast.Ident)
					passed = passed || ok && of.Name == "keeptest" && typed.Sel.Name == "Object"
				}
				return true
			})
			assert.False(t, whole != "" && !passed,
				"%s makes a %s: pass it through keeptest.Object, with the Keep of its reader", path, whole)
		}
	})
}

// exempt reports whether a test is of what reads live, or of the cache itself.
func exempt(path string) bool {
	return strings.HasPrefix(path, "internal/dvstate/") || strings.HasPrefix(path, "internal/kind/")
}
