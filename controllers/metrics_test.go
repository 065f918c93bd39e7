package controllers

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTheDocumentationListsAllMetrics compares docs/metrics.md with the names in the code.
func TestTheDocumentationListsAllMetrics(t *testing.T) {
	name := regexp.MustCompile(`Name:\s+"(wukong_[a-z_]+)"`)
	var inCode []string
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range name.FindAllSubmatch(text, -1) {
			inCode = append(inCode, string(match[1]))
		}
		return err
	}))
	slices.Sort(inCode)
	text, err := os.ReadFile("../docs/metrics.md")
	require.NoError(t, err)
	var documented []string
	for _, match := range regexp.MustCompile("(?m)^\\| `(wukong_[a-z_]+)` \\|").FindAllSubmatch(text, -1) {
		documented = append(documented, string(match[1]))
	}
	assert.NotEmpty(t, inCode)
	assert.Equal(t, inCode, documented, "in the order of the alphabet")
}
