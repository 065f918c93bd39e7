package suites

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Folder has a folder for each suite.
const Folder = "e2e/suites"

// Need is what must run before a suite.
type Need int

// What a suite needs, each including the one before.
const (
	// NeedsNothing is a suite that makes a cluster of its own.
	NeedsNothing Need = iota
	// NeedsCluster is a suite of the dev cluster, with two nodes.
	NeedsCluster
	// NeedsOperator is a suite of Wukong, installed on the dev cluster.
	NeedsOperator
)

// Suite is one folder of end-to-end tests.
type Suite struct {
	Name  string
	Needs Need
	// Parallel is how many of its tests run at a time. Most wait most of the time; those of networks are several guests
	// each.
	Parallel int
}

// Package is the path of its package from the root of the project.
func (s Suite) Package() string { return "./" + Folder + "/" + s.Name }

// special are the suites that are not as all others.
var special = map[string]Suite{
	"devcluster": {Needs: NeedsNothing, Parallel: 3},
	"platform":   {Needs: NeedsCluster, Parallel: 3},
	"networks":   {Needs: NeedsOperator, Parallel: 2},
}

// All returns the suites of the project at the root, by name.
func All(root string) ([]Suite, error) {
	entries, err := os.ReadDir(filepath.Join(root, Folder))
	if err != nil {
		return nil, fmt.Errorf("look for suites: %w", err)
	}
	var all []Suite
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		one, exists := special[entry.Name()]
		if !exists {
			one = Suite{Needs: NeedsOperator, Parallel: 3}
		}
		one.Name = entry.Name()
		all = append(all, one)
	}
	return all, nil
}

// Choose returns those of the suites with the names; all when no name is given.
func Choose(all []Suite, names []string) ([]Suite, error) {
	if len(names) == 0 {
		return all, nil
	}
	known := Names(all)
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("no suite %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(one Suite) bool { return !slices.Contains(names, one.Name) }), nil
}

// Names returns the names of suites.
func Names(all []Suite) []string {
	var names []string
	for _, one := range all {
		names = append(names, one.Name)
	}
	return names
}

// Needed is the most that any of the suites needs.
func Needed(chosen []Suite) Need {
	most := NeedsNothing
	for _, one := range chosen {
		most = max(most, one.Needs)
	}
	return most
}
