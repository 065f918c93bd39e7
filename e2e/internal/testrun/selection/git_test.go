package selection

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// repository makes one with a commit of two files, and returns its folder and the commit.
func repository(t *testing.T) (folder, commit string) {
	t.Helper()
	folder = t.TempDir()
	runGit(t, folder, "init", "--quiet")
	write(t, folder, "stays.go", "one")
	write(t, folder, "moves.go", "two, long enough to be known as the same file")
	runGit(t, folder, "add", ".")
	runGit(t, folder, "-c", "user.name=n", "-c", "user.email=e@example.test", "commit", "--quiet", "--message", "first")
	return folder, strings.TrimSpace(runGit(t, folder, "rev-parse", "HEAD"))
}

func runGit(t *testing.T, folder string, arguments ...string) string {
	t.Helper()
	output, err := exec.Command("git", append([]string{"-C", folder}, arguments...)...).CombinedOutput()
	require.NoError(t, err, string(output))
	return string(output)
}

func write(t *testing.T, folder, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644))
}

func TestChangedHasWhatIsNotCommitted(t *testing.T) {
	folder, commit := repository(t)
	changed, err := Changed(t.Context(), folder, commit)
	require.NoError(t, err)
	assert.Empty(t, changed)
	_, clean, err := Head(t.Context(), folder)
	require.NoError(t, err)
	assert.True(t, clean)

	write(t, folder, "stays.go", "another")
	write(t, folder, "with space.go", "new")
	runGit(t, folder, "mv", "moves.go", "moved.go")
	changed, err = Changed(t.Context(), folder, commit)
	require.NoError(t, err)
	assert.Equal(t, []string{"moved.go", "moves.go", "stays.go", "with space.go"}, changed)
	head, clean, err := Head(t.Context(), folder)
	require.NoError(t, err)
	assert.Equal(t, commit, head)
	assert.False(t, clean)
}

func TestReadTested(t *testing.T) {
	folder, commit := repository(t)
	_, err := ReadTested(t.Context(), folder, "tested")
	require.ErrorContains(t, err, "no commit is known")
	write(t, folder, "tested", "main\n")
	_, err = ReadTested(t.Context(), folder, "tested")
	require.ErrorContains(t, err, `"main", which is no commit`)
	write(t, folder, "tested", strings.Repeat("ab", 20)+"\n")
	_, err = ReadTested(t.Context(), folder, "tested")
	require.ErrorContains(t, err, "is not in this clone, which may be shallow")
	write(t, folder, "tested", commit+"\n")
	found, err := ReadTested(t.Context(), folder, "tested")
	require.NoError(t, err)
	assert.Equal(t, commit, found)
}
