package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const conditionsFile = "../apis/v1alpha1/conditions.go"

var (
	tableRow  = regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` \\| ([^|]+) \\| ([^|]+) \\|$")
	allTables = regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` \\|")
)

// A reason without an explanation is a riddle; one that is explained and does not exist misleads.
func TestEveryReasonIsExplained(t *testing.T) {
	_, reasons := section(t, "## Reasons", "## Other questions")
	assert.ElementsMatch(t, constants(t, "Reason"), reasons)
}

func TestEveryConditionIsExplained(t *testing.T) {
	_, conditions := section(t, "## How to read a cause", "## Reasons")
	assert.ElementsMatch(t, constants(t, "Condition"), conditions)
}

// Every row tells the cause and the next step.
func TestEveryRowIsComplete(t *testing.T) {
	text, names := section(t, "## How to read a cause", "## Other questions")
	var complete []string
	for _, row := range tableRow.FindAllStringSubmatch(text, -1) {
		complete = append(complete, row[1])
	}
	assert.Equal(t, names, complete)
}

// section returns the text between two headings, and the names that begin its table rows.
func section(t *testing.T, from, to string) (text string, names []string) {
	t.Helper()
	content, err := os.ReadFile("troubleshooting.md")
	require.NoError(t, err)
	_, text, found := strings.Cut(string(content), "\n"+from+"\n")
	require.True(t, found, from)
	text, _, found = strings.Cut(text, "\n"+to+"\n")
	require.True(t, found, to)
	for _, row := range allTables.FindAllStringSubmatch(text, -1) {
		names = append(names, row[1])
	}
	return text, names
}

// constants returns the values of the constants of the API whose names begin with a prefix.
func constants(t *testing.T, prefix string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), conditionsFile, nil, 0)
	require.NoError(t, err)
	var values []string
	ast.Inspect(file, func(node ast.Node) bool {
		spec, isValue := node.(*ast.ValueSpec)
		if !isValue || !strings.HasPrefix(spec.Names[0].Name, prefix) {
			return true
		}
		literal, isLiteral := spec.Values[0].(*ast.BasicLit)
		require.True(t, isLiteral, spec.Names[0].Name)
		value, err := strconv.Unquote(literal.Value)
		require.NoError(t, err)
		values = append(values, value)
		return true
	})
	require.NotEmpty(t, values)
	slices.Sort(values)
	return values
}
