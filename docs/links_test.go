package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	makeTarget = regexp.MustCompile("(?:^|[`\\s])make ([a-z][a-z0-9-]*)((?: [a-z][a-z0-9-]*)*)")
	testName   = regexp.MustCompile("`(Test[A-Za-z0-9]+)(?:\\.\\.\\.)?`")
	pathName   = regexp.MustCompile("`((?:apis|charts|cmd|config|controllers|docs|e2e|tools)/[-_./a-z0-9A-Z]*)`")
	codeBlock  = regexp.MustCompile("(?s)```sh\n(.*?)```|`([^`\n]+)`")
)

// documents are those that are written by hand: the reference is generated, and links into itself.
func documents(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.md")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return append(files, filepath.Join("..", "README.md"))
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			target, _, _ := strings.Cut(match[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			_, err := os.Stat(filepath.Join(filepath.Dir(file), target))
			assert.NoError(t, err, "%s links to %s", file, target)
		}
	}
}

// A command that is written in a document and does not exist is the first thing that a newcomer meets.
func TestEveryMakeTargetExists(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join("..", "Makefile"))
	require.NoError(t, err)
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, code := range codeBlock.FindAllStringSubmatch(string(text), -1) {
			for _, match := range makeTarget.FindAllStringSubmatch(code[1]+code[2], -1) {
				for _, target := range strings.Fields(match[1] + match[2]) {
					assert.Contains(t, string(makefile), "\n"+target+":", "%s names make %s", file, target)
				}
			}
		}
	}
}

func TestEveryPathExists(t *testing.T) {
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range pathName.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(match[1], "NAME") {
				continue
			}
			_, err := os.Stat(filepath.Join("..", match[1]))
			assert.NoError(t, err, "%s names %s", file, match[1])
		}
	}
}

// A test that a document names as the proof of a promise may not go away quietly. Names that end in dots are the first
// part of several.
func TestEveryTestThatIsNamedExists(t *testing.T) {
	var source strings.Builder
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != ".." && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		source.Write(text)
		return err
	}))
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range testName.FindAllStringSubmatch(string(text), -1) {
			assert.True(t, strings.Contains(source.String(), "\nfunc "+match[1]), "%s names %s", file, match[1])
		}
	}
}
