package suites

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// spelled are names of the dev cluster that package testbed states: hosts, classes, images of its own, interfaces of
// its nodes, its folder and programs.
var spelled = regexp.MustCompile(`\.svc\b|wukong-(shared|local|fixed|devcluster|storage)|wukong\.local|\.devcluster|` +
	`\bbr-lan\b|\beth[01]\b|\bnode[12]\b|/usr/bin/(qemu|virt-)|` +
	`(debian-trixie|tiny)\.(qcow2|img)|^cdi$|^cdi-|:5000\b|:7070\b`)

// Suites say what they rely on by package testbed, so that it is said in one place. Comments may name things.
func TestSuitesSpellNoNamesOfTheDevCluster(t *testing.T) {
	files := 0
	for _, folder := range []string{".", "../internal", "../cmd"} {
		require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || entry.Name() == "spelling_test.go" {
				return err
			}
			files++
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(node ast.Node) bool {
				if _, isImport := node.(*ast.ImportSpec); isImport {
					return false
				}
				if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					found := spelled.FindString(strings.Trim(literal.Value, "`\""))
					assert.Empty(t, found, "%s: import it from e2e/devcluster/testbed", set.Position(literal.Pos()))
				}
				return true
			})
			return nil
		}))
	}
	require.Greater(t, files, 30, "the suites are here")
}

// A pattern that finds nothing would guard nothing.
func TestSpellings(t *testing.T) {
	for _, text := range []string{
		"http://images.wukong-devcluster.svc/a", "wukong-shared", "wukong.local/busybox:1", ".devcluster", "br-lan",
		"eth1", "node2", "/usr/bin/qemu-system-x86_64",
		"tiny.qcow2", "cdi", "cdi-operator",
	} {
		assert.Regexp(t, spelled, text)
	}
	for _, text := range []string{"cdi.kubevirt.io/v1beta1", "wukong-system", "/disk.qcow2", "br-blue", "nodes"} {
		assert.NotRegexp(t, spelled, text)
	}
}
