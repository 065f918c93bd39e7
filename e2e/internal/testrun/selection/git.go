package selection

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var commitName = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// ReadTested returns the commit that a file names. Its error says why there is none, in words that follow "because".
func ReadTested(ctx context.Context, root, file string) (string, error) {
	data, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return "", fmt.Errorf("no commit is known of which all tests passed: %w", err)
	}
	commit := strings.TrimSpace(string(data))
	if !commitName.MatchString(commit) {
		return "", fmt.Errorf("%s has %q, which is no commit", file, commit)
	}
	if _, err := git(ctx, root, "cat-file", "-e", commit+"^{commit}"); err != nil {
		return "", fmt.Errorf("commit %.12s of %s is not in this clone, which may be shallow", commit, file)
	}
	return commit, nil
}

// Changed returns the files that differ between a commit and the work tree, deleted and untracked ones included, in
// order.
func Changed(ctx context.Context, root, commit string) ([]string, error) {
	// Without renames a file that moved is one that was deleted and one that is new.
	tracked, err := git(ctx, root, "diff", "--name-only", "--no-renames", "-z", commit)
	if err != nil {
		return nil, err
	}
	untracked, err := git(ctx, root, "ls-files", "--others", "--exclude-standard", "-z")
	if err != nil {
		return nil, err
	}
	changed := strings.FieldsFunc(tracked+untracked, func(character rune) bool { return character == 0 })
	slices.Sort(changed)
	return slices.Compact(changed), nil
}

// Head returns the commit of the work tree, and whether nothing is there that is not in it.
func Head(ctx context.Context, root string) (commit string, clean bool, err error) {
	commit, err = git(ctx, root, "rev-parse", "HEAD")
	if err != nil {
		return "", false, err
	}
	status, err := git(ctx, root, "status", "--porcelain")
	if err != nil {
		return "", false, err
	}
	return strings.TrimSpace(commit), status == "", nil
}

func git(ctx context.Context, root string, arguments ...string) (string, error) {
	// Continuous integration may run as root in the checkout of someone else, of which git would not speak.
	all := append([]string{"-c", "safe.directory=*", "-C", root}, arguments...)
	output, err := exec.CommandContext(ctx, "git", all...).Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(arguments, " "), explain(err))
	}
	return string(output), nil
}

// explain adds what a program said to the error that it ended with.
func explain(err error) error {
	var ended *exec.ExitError
	if errors.As(err, &ended) && len(ended.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(ended.Stderr)))
	}
	return err
}
