package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var kind = regexp.MustCompile(`(?m)^    kind: (\w+)$`)

// The generator of the reference writes an empty page, and no error, when it cannot read a marker.
func TestTheReferenceTellsEveryKind(t *testing.T) {
	reference, err := os.ReadFile(filepath.Join("reference", "api.md"))
	require.NoError(t, err)
	definitions, err := filepath.Glob(filepath.Join("..", "config", "crd", "bases", "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, definitions)
	for _, file := range definitions {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		match := kind.FindStringSubmatch(string(text))
		require.NotNil(t, match, file)
		assert.Contains(t, string(reference), "\n#### "+match[1]+"\n", "make generate-docs")
	}
}
