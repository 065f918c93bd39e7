package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/novasphere/wukong/e2e/internal/testrun/runner"
	"github.com/novasphere/wukong/e2e/internal/testrun/selection"
)

// suiteTimeout ends a suite that does not end.
const suiteTimeout = 45 * time.Minute

// reportFile is where the last report is, from the root of the project.
const reportFile = "dist/test-times.json"

func newRunCommand() *cobra.Command {
	options := runner.Options{}
	depth := ""
	command := &cobra.Command{
		Use:   "run [-- FLAGS OF GO TEST]",
		Short: "Run the layers of test, print where the time was spent, and write it to " + reportFile,
		RunE: func(command *cobra.Command, arguments []string) error {
			root, err := findRoot()
			if err != nil {
				return err
			}
			options.Root, options.Arguments, options.Depth = root, arguments, selection.Depth(depth)
			options.Report = absolute(root, options.Report)
			run, err := runner.New(options, command.OutOrStdout())
			if err != nil {
				return err
			}
			return run.Do(command.Context())
		},
	}
	flags := command.Flags()
	flags.StringVar(&depth, "depth", string(selection.Essential), "of end-to-end suites: essential, or whole")
	flags.StringVar(&options.ChangedSince, "changed-since", "",
		"file with a commit: suites that test what changed since then run whole")
	flags.StringSliceVar(&options.Layers, "layers", nil,
		"some of "+strings.Join(runner.LayerNames, ", ")+"; all when empty")
	flags.StringSliceVar(&options.Suites, "suites", nil, "end-to-end suites, the folders of e2e/suites; all when empty")
	flags.BoolVar(&options.KeepCluster, "keep-cluster", false,
		"leave the cluster running although the tests started it")
	flags.StringVar(&options.Record, "record", "",
		"file that takes the commit when everything passed on a clean work tree")
	flags.DurationVar(&options.Timeout, "timeout", suiteTimeout, "ends a suite that does not end")
	flags.IntVar(&options.Parallel, "parallel", 0, "how many tests of a suite run at a time; 0 is as the suite has it")
	flags.StringVar(&options.Report, "report", reportFile, "file that takes the report")
	flags.BoolVar(&options.BudgetsCount, "budgets", false, "fail when a suite needs more than its budget")
	return command
}

// findRoot is the working folder, or the nearest one above it, that joins the modules of the project. The dev cluster
// has such a function too, but this program is to be compiled without any of it, before everything else.
func findRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the folder of the project: %w", err)
	}
	for ; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.work")); err == nil {
			return folder, nil
		}
	}
	return "", errors.New("this is not in the folder of the project; change to it and try again")
}

// absolute is a path that may be one from the root of the project.
func absolute(root, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, path)
}

// overBudget is the error of a report in which suites need more than they may.
func overBudget(over []string) error {
	return fmt.Errorf("%d budgets are exceeded:\n  %s", len(over), strings.Join(over, "\n  "))
}
