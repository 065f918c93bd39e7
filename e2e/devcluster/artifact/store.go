package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/novasphere/wukong/e2e/devcluster/progress"
)

// keptResults is how many results of one recipe stay in the cache: the current one, and the one of the branch before.
const keptResults = 2

// Store is the cache. It is safe for use by many goroutines and processes. Within one Store each result is verified
// once.
type Store struct {
	root   string
	report *progress.Reporter
	// slots is full when as many recipes are built as may be. One that waits for what it needs, or for another program,
	// has none.
	slots chan struct{}

	mutex  sync.Mutex
	locks  map[string]*sync.Mutex
	proven map[string]string
}

// NewStore opens the cache at its default place, see DefaultRoot.
func NewStore(report *progress.Reporter) (*Store, error) {
	root, err := DefaultRoot()
	if err != nil {
		return nil, err
	}
	return NewStoreAt(root, report), nil
}

// NewStoreAt opens the cache at the given place, a folder that need not exist yet. What the store does is shown by
// report; progress.Discard shows nothing.
func NewStoreAt(root string, report *progress.Reporter) *Store {
	return &Store{
		root: root, report: report, slots: make(chan struct{}, parallelBuilds), locks: map[string]*sync.Mutex{},
		proven: map[string]string{},
	}
}

// Root is the folder of the cache.
func (s *Store) Root() string { return s.root }

// DefaultRoot is $WUKONG_CACHE, else $XDG_CACHE_HOME/wukong, else ~/.cache/wukong.
func DefaultRoot() (string, error) {
	if root := os.Getenv("WUKONG_CACHE"); root != "" {
		return filepath.Abs(root)
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder (set WUKONG_CACHE): %w", err)
	}
	return filepath.Join(base, "wukong"), nil
}

// Ensure returns the folder with the recipe's result, built now if it is not in the cache or does not match its
// manifest. The caller must not change what is in the folder. An error names the recipe, and that of a failed build
// also has the path and the last lines of its log.
func (s *Store) Ensure(ctx context.Context, recipe *Recipe) (string, error) {
	key, err := recipe.hash()
	if err != nil {
		return "", err
	}
	lock := s.lockFor(recipe.Name)
	lock.Lock()
	defer lock.Unlock()
	if folder, known := s.provenFolder(recipe.Name + "/" + key); known {
		return folder, nil
	}
	deps := map[string]string{}
	for _, need := range recipe.Needs {
		if deps[need.Name], err = s.Ensure(ctx, need); err != nil {
			return "", err
		}
	}
	place := s.placeFor(recipe, key)
	if err := os.MkdirAll(place.home, 0o755); err != nil {
		return "", fmt.Errorf("recipe %s: %w", recipe.Name, err)
	}
	release, err := s.lockFile(ctx, place.home, recipe.Name)
	if err != nil {
		return "", fmt.Errorf("recipe %s: lock: %w", recipe.Name, err)
	}
	defer release()
	if err := s.verifyOrBuild(ctx, recipe, place, deps); err != nil {
		return "", err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.proven[recipe.Name+"/"+key] = place.folder
	return place.folder, nil
}

// parallelBuilds is how many recipes are built at the same time. A Go build uses all cores by itself; the second recipe
// uses them while the first one downloads, unpacks or writes.
const parallelBuilds = 2

// EnsureAll ensures all recipes, some at a time, and returns their folders in the same order. It returns the first
// error, and ends the other builds then.
func (s *Store) EnsureAll(ctx context.Context, recipes ...*Recipe) ([]string, error) {
	folders := make([]string, len(recipes))
	group, ctx := errgroup.WithContext(ctx)
	for index, recipe := range recipes {
		group.Go(func() (err error) {
			folders[index], err = s.Ensure(ctx, recipe)
			return err
		})
	}
	return folders, group.Wait()
}

// place is where one result of one recipe is kept.
type place struct {
	home, folder, manifest, log string
}

func (s *Store) placeFor(recipe *Recipe, key string) place {
	home := filepath.Join(s.root, recipe.Name)
	base := filepath.Join(home, key)
	return place{home: home, folder: base, manifest: base + ".manifest", log: base + ".log"}
}

func (s *Store) lockFor(name string) *sync.Mutex {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.locks[name] == nil {
		s.locks[name] = &sync.Mutex{}
	}
	return s.locks[name]
}

func (s *Store) provenFolder(id string) (string, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	folder, known := s.proven[id]
	return folder, known
}

func (s *Store) verifyOrBuild(ctx context.Context, recipe *Recipe, place place, deps map[string]string) error {
	if err := removeInterrupted(place.home); err != nil {
		return fmt.Errorf("recipe %s: remove an interrupted build: %w", recipe.Name, err)
	}
	step := s.report.Step("check %s in the cache", recipe.Name).Quiet()
	err := verify(place.folder, place.manifest)
	step.Done(nil) // a result that is missing or damaged is built: no failure
	switch {
	case err == nil:
		return s.touch(place)
	case !errors.Is(err, os.ErrNotExist):
		s.report.Printf("! %s: the cached result is damaged and is built again: %v", recipe.Name, err)
	}
	if err := s.build(ctx, recipe, place, deps); err != nil {
		return err
	}
	return prune(place.home)
}

// build runs the recipe in a temporary folder and moves the result into place.
func (s *Store) build(ctx context.Context, recipe *Recipe, place place, deps map[string]string) (err error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return fmt.Errorf("build %s: %w", recipe.Name, ctx.Err())
	}
	step := s.report.Step("build %s", recipe.Name)
	defer func() { step.Done(err) }()
	if err := errors.Join(RemoveTree(place.folder), os.RemoveAll(place.manifest)); err != nil {
		return fmt.Errorf("recipe %s: clear %s: %w", recipe.Name, place.folder, err)
	}
	work, err := os.MkdirTemp(place.home, buildPrefix)
	if err != nil {
		return fmt.Errorf("recipe %s: %w", recipe.Name, err)
	}
	defer func() { err = errors.Join(err, RemoveTree(work)) }()
	log, err := os.Create(place.log)
	if err != nil {
		return fmt.Errorf("recipe %s: %w", recipe.Name, err)
	}
	defer log.Close()
	out := filepath.Join(work, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		return fmt.Errorf("recipe %s: %w", recipe.Name, err)
	}
	build := &Build{Out: out, Log: io.MultiWriter(log, step), Deps: deps}
	if err := recipe.Build(ctx, build); err != nil {
		return fmt.Errorf("build %s (log: %s): %w%s", recipe.Name, place.log, err, tail(place.log))
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("build %s: %w", recipe.Name, err)
	}
	step.Detail("summing files")
	if err := writeManifest(out, place.manifest); err != nil {
		return fmt.Errorf("build %s: write manifest: %w", recipe.Name, err)
	}
	return os.Rename(out, place.folder)
}

// tail returns the last lines of a build's log, for the error message.
func tail(path string) string {
	const lines = 15
	data, err := os.ReadFile(path)
	if err != nil || len(data) == 0 {
		return ""
	}
	all := strings.Split(strings.TrimSpace(string(data)), "\n")
	return "\n  " + strings.Join(all[max(0, len(all)-lines):], "\n  ")
}

// List returns the names of the recipes with a result in the cache.
func (s *Store) List() ([]string, error) {
	found, err := filepath.Glob(filepath.Join(s.root, "*", "*.manifest"))
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, path := range found {
		names[filepath.Base(filepath.Dir(path))] = true
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	sort.Strings(sorted)
	return sorted, nil
}
