package suites

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEachTestSaysHowDeepItBelongs: the first line of each end-to-end test marks it as essential or thorough, so that
// none is left out unseen.
func TestEachTestSaysHowDeepItBelongs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/*_test.go")
	require.NoError(t, err)
	found := 0
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declaration := range file.Decls {
			test, isFunction := declaration.(*ast.FuncDecl)
			if !isFunction || !strings.HasPrefix(test.Name.Name, "Test") || test.Name.Name == "TestMain" {
				continue
			}
			found++
			assert.Contains(t, []string{"harness.Essential", "harness.Thorough"}, firstCall(test),
				"the first line of %s in %s", test.Name.Name, path)
		}
	}
	assert.Greater(t, found, 40)
}

// firstCall is the function that a function calls first, as PACKAGE.NAME; empty when it begins with something else.
func firstCall(function *ast.FuncDecl) string {
	if len(function.Body.List) == 0 {
		return ""
	}
	statement, isExpression := function.Body.List[0].(*ast.ExprStmt)
	if !isExpression {
		return ""
	}
	call, isCall := statement.X.(*ast.CallExpr)
	if !isCall {
		return ""
	}
	selector, isSelector := call.Fun.(*ast.SelectorExpr)
	if !isSelector {
		return ""
	}
	pkg, isName := selector.X.(*ast.Ident)
	if !isName {
		return ""
	}
	return pkg.Name + "." + selector.Sel.Name
}
