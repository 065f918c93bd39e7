package artifact

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/progress"
)

// counted is a recipe that writes one file and counts its builds.
func counted(name string, content string, builds *int, needs ...*Recipe) *Recipe {
	return &Recipe{Name: name, Key: []string{content}, Needs: needs,
		Build: func(_ context.Context, build *Build) error {
			*builds++
			return os.WriteFile(filepath.Join(build.Out, "file"), []byte(content), 0o644)
		}}
}

func newStore(t *testing.T, root string) *Store {
	t.Helper()
	return NewStoreAt(root, progress.Discard())
}

func TestResultIsBuiltOnceAndFoundByTheNextProcess(t *testing.T) {
	root, builds := t.TempDir(), 0
	first, err := newStore(t, root).Ensure(t.Context(), counted("tool", "one", &builds))
	require.NoError(t, err)
	second, err := newStore(t, root).Ensure(t.Context(), counted("tool", "one", &builds))
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Equal(t, 1, builds)
}

func TestKeyOfANeedIsPartOfTheKey(t *testing.T) {
	root, inner, outer := t.TempDir(), 0, 0
	for _, content := range []string{"one", "two", "one"} {
		_, err := newStore(t, root).Ensure(t.Context(),
			counted("image", "same", &outer, counted("binaries", content, &inner)))
		require.NoError(t, err)
	}
	require.Equal(t, 2, inner)
	require.Equal(t, 2, outer)
}

func TestInputFolderDecidesTheKey(t *testing.T) {
	folder := t.TempDir()
	recipe := &Recipe{Name: "tool", Inputs: []string{folder}}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go.sum"), []byte("a"), 0o644))
	before, err := recipe.hash()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go.sum"), []byte("b"), 0o644))
	after, err := recipe.hash()
	require.NoError(t, err)
	require.NotEqual(t, before, after)
}

func TestDamagedResultIsBuiltAgain(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, folder string){
		"content changed": func(t *testing.T, folder string) {
			require.NoError(t, os.WriteFile(filepath.Join(folder, "file"), []byte("eno"), 0o644))
		},
		"file removed": func(t *testing.T, folder string) {
			require.NoError(t, os.Remove(filepath.Join(folder, "file")))
		},
		"file added": func(t *testing.T, folder string) {
			require.NoError(t, os.WriteFile(filepath.Join(folder, "other"), nil, 0o644))
		},
	} {
		t.Run(name, func(t *testing.T) {
			root, builds := t.TempDir(), 0
			folder, err := newStore(t, root).Ensure(t.Context(), counted("tool", "one", &builds))
			require.NoError(t, err)
			damage(t, folder)
			folder, err = newStore(t, root).Ensure(t.Context(), counted("tool", "one", &builds))
			require.NoError(t, err)
			require.Equal(t, 2, builds)
			content, err := os.ReadFile(filepath.Join(folder, "file"))
			require.NoError(t, err)
			require.Equal(t, "one", string(content))
			require.NoFileExists(t, filepath.Join(folder, "other"))
		})
	}
}

func TestTouchedResultIsNotBuiltAgain(t *testing.T) {
	root, builds := t.TempDir(), 0
	folder, err := newStore(t, root).Ensure(t.Context(), counted("tool", "one", &builds))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "file"), []byte("one"), 0o644))
	_, err = newStore(t, root).Ensure(t.Context(), counted("tool", "one", &builds))
	require.NoError(t, err)
	require.Equal(t, 1, builds)
}

func TestFailedAndInterruptedBuildsLeaveNoResult(t *testing.T) {
	root, builds := t.TempDir(), 0
	failing := &Recipe{Name: "tool", Key: []string{"one"}, Build: func(_ context.Context, build *Build) error {
		return errors.Join(os.WriteFile(filepath.Join(build.Out, "half"), nil, 0o644), errors.New("out of luck"))
	}}
	_, err := newStore(t, root).Ensure(t.Context(), failing)
	require.ErrorContains(t, err, "out of luck")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "tool", buildPrefix+"killed"), 0o755))

	folder, err := newStore(t, root).Ensure(t.Context(), counted("tool", "one", &builds))
	require.NoError(t, err)
	require.Equal(t, 1, builds)
	require.NoFileExists(t, filepath.Join(folder, "half"))
	require.NoDirExists(t, filepath.Join(root, "tool", buildPrefix+"killed"))
}

func TestOnlyTheNewestResultsAreKept(t *testing.T) {
	root, builds := t.TempDir(), 0
	folders := map[string]string{}
	for _, content := range []string{"one", "two", "three"} {
		folder, err := newStore(t, root).Ensure(t.Context(), counted("tool", content, &builds))
		require.NoError(t, err)
		folders[content] = folder
	}
	require.NoDirExists(t, folders["one"])
	require.DirExists(t, folders["two"])
	require.DirExists(t, folders["three"])
}

func TestTwoProcessesBuildOnce(t *testing.T) {
	root, builds := t.TempDir(), 0
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			_, err := newStore(t, root).Ensure(t.Context(), counted("tool", "one", &builds))
			require.NoError(t, err)
		})
	}
	group.Wait()
	require.Equal(t, 1, builds)
}

// A recipe that waits for what another one builds keeps no third one from being built.
func TestARecipeThatWaitsTakesNoPlace(t *testing.T) {
	third := make(chan struct{})
	slow := &Recipe{Name: "slow", Build: func(ctx context.Context, _ *Build) error {
		select {
		case <-third:
			return nil
		case <-ctx.Done():
			return errors.New("the third was not built meanwhile")
		}
	}}
	nothing := func(context.Context, *Build) error { return nil }
	recipes := []*Recipe{slow}
	for _, name := range []string{"one", "two", "three"} { // more than are built at a time
		recipes = append(recipes, &Recipe{Name: name, Needs: []*Recipe{slow}, Build: nothing})
	}
	recipes = append(recipes, &Recipe{Name: "third", Build: func(context.Context, *Build) error {
		close(third)
		return nil
	}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := newStore(t, t.TempDir()).EnsureAll(ctx, recipes...)
	require.NoError(t, err)
}
