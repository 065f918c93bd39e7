package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
)

// Recipe describes one thing that is built once and cached (binaries, a root file system, an image archive).
type Recipe struct {
	// Name is the folder name in the cache, for example "kubevirt-binaries". It is unique among all recipes that share
	// a cache.
	Name string
	// Key is everything that decides the result beside Inputs and Needs: script text, package lists, versions, options.
	Key []string
	// Inputs are files and folders whose names, modes and content decide the result, for example a tool module.
	Inputs []string
	// Needs are built first. Their keys are part of this recipe's key, their folders are in Build.Deps.
	Needs []*Recipe
	// Build writes into Build.Out. The folder is renamed into place only when Build returned no error, so that paths
	// into it must not be in the result. It should end soon after ctx does; what Build.Run started is killed then.
	Build func(ctx context.Context, build *Build) error
}

// Build is what a recipe's Build function works with.
type Build struct {
	// Out is an empty folder on the cache's file system.
	Out string
	// Log takes the output of tools. It goes to a file beside the result, and its last line to the progress display.
	Log io.Writer
	// Deps has the folder of each recipe in Needs, by name.
	Deps map[string]string
}

// keyLength is how much of the hash names the folder: 64 bits are enough for a handful of results per recipe.
const keyLength = 16

// hash returns the key under which the recipe's result is kept.
func (r *Recipe) hash() (string, error) {
	digest := sha256.New()
	fmt.Fprintf(digest, "name %q\n", r.Name)
	for _, part := range r.Key {
		fmt.Fprintf(digest, "key %q\n", part)
	}
	for _, input := range r.Inputs {
		if err := hashInput(digest, input); err != nil {
			return "", fmt.Errorf("recipe %s: hash input %s: %w", r.Name, input, err)
		}
	}
	for _, need := range r.Needs {
		needed, err := need.hash()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(digest, "need %q %s\n", need.Name, needed)
	}
	return hex.EncodeToString(digest.Sum(nil))[:keyLength], nil
}

// hashInput adds a file, or all files of a folder, to the digest. Only the path inside the folder counts, so that the
// same checkout in another place has the same key.
func hashInput(digest io.Writer, input string) error {
	var paths []string
	err := filepath.WalkDir(input, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	sort.Strings(paths)
	for _, path := range paths {
		relative, err := filepath.Rel(input, path)
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(digest, "input %q %q %t %x\n", filepath.Base(input), relative, info.Mode()&0o111 != 0,
			sha256.Sum256(content))
	}
	return nil
}
