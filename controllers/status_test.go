package controllers_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const apis = "github.com/novasphere/wukong/apis/v1alpha1"

// A controller computes the status of its objects from what it observes in each pass. It reads back only fields that
// are marked in the API, with what is lost when status is lost, as after a restore from a backup of the cluster
// (docs/architecture.md, "What status is").
func TestAControllerReadsBackOnlyMarkedFieldsOfItsStatus(t *testing.T) {
	marked := markedFields(t)
	read := map[string]bool{}
	for _, pkg := range listed(t) {
		kind := strings.Split(strings.TrimPrefix(pkg.ImportPath, "github.com/novasphere/wukong/controllers/"), "/")[0]
		for field, position := range pkg.statusReads(t, kind) {
			read[field] = true
			assert.Contains(t, marked, field,
				"%s reads %s, which is not marked as +wukong:ledger, +wukong:handshake or +wukong:hint",
				position, field)
		}
	}
	assert.Greater(t, len(read), 10, "or this test looks at the wrong expressions")
}

var (
	mark   = regexp.MustCompile(`^\+wukong:(ledger|handshake|hint)$`)
	kindOf = regexp.MustCompile(`^Wukong[A-Za-z]*Status$`)
)

// markedFields are those of the API, as Type.Field.
func markedFields(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../apis/v1alpha1/*_types.go")
	require.NoError(t, err)
	marked := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			declared, ok := node.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if structure, ok := declared.Type.(*ast.StructType); ok {
				for _, field := range structure.Fields.List {
					if isMarked(field) {
						marked[declared.Name.Name+"."+field.Names[0].Name] = true
					}
				}
			}
			return false
		})
	}
	require.NotEmpty(t, marked)
	return marked
}

func isMarked(field *ast.Field) bool {
	if field.Doc == nil {
		return false
	}
	for _, line := range field.Doc.List {
		if mark.MatchString(strings.TrimSpace(strings.TrimPrefix(line.Text, "//"))) {
			return true
		}
	}
	return false
}

// goPackage is what `go list` says of a package.
type goPackage struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	DepOnly                 bool
	exports                 map[string]string
}

// listed are the packages of the kinds, with the compiled form of all that they import.
func listed(t *testing.T) []*goPackage {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps",
		"-json=ImportPath,Dir,Export,GoFiles,DepOnly", "./wukong...")
	var failure bytes.Buffer
	command.Stderr = &failure
	output, err := command.Output()
	require.NoError(t, err, failure.String())
	exports, kinds := map[string]string{}, []*goPackage(nil)
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		pkg := &goPackage{exports: exports}
		err := decoder.Decode(pkg)
		if errors.Is(err, io.EOF) {
			return kinds
		}
		require.NoError(t, err)
		exports[pkg.ImportPath] = pkg.Export
		if !pkg.DepOnly {
			kinds = append(kinds, pkg)
		}
	}
}

// statusReads are the fields of the status of the package's own kind that it reads, as Type.Field, and where.
func (p *goPackage) statusReads(t *testing.T, kind string) map[string]string {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	info := &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}}
	config := types.Config{Importer: importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(p.exports[path])
	})}
	_, err := config.Check(p.ImportPath, set, files, info)
	require.NoError(t, err)
	written := map[ast.Expr]bool{}
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			if assignment, ok := node.(*ast.AssignStmt); ok {
				for _, target := range assignment.Lhs {
					written[target] = true
				}
			}
			return true
		})
	}
	reads := map[string]string{}
	for selector, selection := range info.Selections {
		if owner := statusOf(selection.Recv()); selection.Kind() == types.FieldVal && !written[selector] &&
			ofAnObject(selector) && !inWatches(set, selector) && strings.EqualFold(owner, kind+"Status") {
			if field := declaredField(selection); field != "" {
				reads[field] = set.Position(selector.Pos()).String()
			}
		}
	}
	return reads
}

// inWatches reports whether a selector is in a predicate, which compares two versions of an object and decides nothing.
func inWatches(set *token.FileSet, selector *ast.SelectorExpr) bool {
	return filepath.Base(set.Position(selector.Pos()).Filename) == "watches.go"
}

// ofAnObject reports whether a selector is object.Status.Field: a status that is being computed is a variable of its
// own.
func ofAnObject(selector *ast.SelectorExpr) bool {
	status, ok := selector.X.(*ast.SelectorExpr)
	return ok && status.Sel.Name == "Status"
}

// statusOf is the name of a type that is the status of a kind; empty for any other.
func statusOf(receiver types.Type) string {
	if pointer, ok := receiver.(*types.Pointer); ok {
		receiver = pointer.Elem()
	}
	named, ok := receiver.(*types.Named)
	if !ok || named.Obj().Pkg() == nil || named.Obj().Pkg().Path() != apis || !kindOf.MatchString(named.Obj().Name()) {
		return ""
	}
	return named.Obj().Name()
}

// declaredField is a field with the struct that declares it, which may be embedded; empty for an embedded struct as a
// whole.
func declaredField(selection *types.Selection) string {
	field := selection.Obj().(*types.Var)
	if field.Embedded() {
		return ""
	}
	if len(selection.Index()) > 1 {
		return "OperationStatus." + field.Name()
	}
	return statusOf(selection.Recv()) + "." + field.Name()
}
