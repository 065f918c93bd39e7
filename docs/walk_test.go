package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	// walkHeading begins the section of architecture.md with the walk.
	walkHeading = "## One WukongVM from apply to Ready\n"
	// walkLimit is how many files of a controller a reader has to open to follow one object.
	walkLimit = 12
)

var (
	walkRow = regexp.MustCompile(`(?m)^\| (\d+) \| .*\|$`)
	walkHop = regexp.MustCompile("^\\| \\d+ \\| [A-Z] \\| `(controllers/[^`]+\\.go)` \\| `([A-Za-z]+)` \\|")
	// inText is a name in code style, such as the function that a row mentions besides its own.
	inText = regexp.MustCompile("`([a-z][A-Za-z]+)`")
)

// parsed is a file of the walk: the functions, types and variables that it declares, and the names that it uses.
type parsed struct {
	declared map[string]bool
	used     map[string]bool
}

func parse(t *testing.T, path string) *parsed {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", path), nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	result := &parsed{declared: map[string]bool{}, used: map[string]bool{}}
	own := map[*ast.Ident]bool{}
	for _, declaration := range file.Decls {
		switch typed := declaration.(type) {
		case *ast.FuncDecl:
			own[typed.Name] = true
		case *ast.GenDecl:
			for _, spec := range typed.Specs {
				if value, ok := spec.(*ast.ValueSpec); ok {
					for _, name := range value.Names {
						own[name] = true
					}
				}
			}
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		if name, ok := node.(*ast.Ident); ok {
			if own[name] {
				result.declared[name.Name] = true
			} else {
				result.used[name.Name] = true
			}
		}
		return true
	})
	return result
}

// The walk of one object through the code is true: each function exists where the table has it, a file of the walk or
// the declaration of the kind uses it, and a reader has to open few files.
func TestTheWalkOfAWukongVM(t *testing.T) {
	text, err := os.ReadFile("architecture.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), walkHeading)
	require.True(t, found, "architecture.md has no section %q", walkHeading)
	section, _, _ = strings.Cut(section, "\n## ")

	files := map[string]*parsed{}
	var hops [][]string
	for i, row := range walkRow.FindAllStringSubmatch(section, -1) {
		assert.Equal(t, strconv.Itoa(i+1), row[1], "the hops are numbered in their order")
		hop := walkHop.FindStringSubmatch(row[0])
		if hop == nil {
			continue // another controller
		}
		if files[hop[1]] == nil {
			files[hop[1]] = parse(t, hop[1])
		}
		hops = append(hops, hop)
	}
	require.Greater(t, len(hops), 10, "or this test does not find the rows")
	assert.LessOrEqual(t, len(files), walkLimit, "the walk enters more files")

	entry := parse(t, "controllers/wukongvm/kind.go")
	for i, hop := range hops {
		path, function := hop[1], hop[2]
		assert.True(t, files[path].declared[function], "%s declares no %s", path, function)
		isCalled := entry.used[function] || i == 0 // controller-runtime calls the first
		for _, file := range files {
			isCalled = isCalled || file.used[function]
		}
		assert.True(t, isCalled, "no file of the walk uses %s", function)
	}
	for _, name := range inText.FindAllStringSubmatch(section, -1) {
		known := false
		for _, file := range files {
			known = known || file.declared[name[1]]
		}
		assert.True(t, known, "the walk mentions %s, which none of its files declares", name[1])
	}
}
