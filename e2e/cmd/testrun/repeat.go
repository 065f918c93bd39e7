package main

import (
	"github.com/spf13/cobra"

	"github.com/novasphere/wukong/e2e/internal/testrun/repeat"
)

func newRepeatCommand() *cobra.Command {
	options := repeat.Options{}
	command := &cobra.Command{
		Use:   "repeat",
		Short: "Run tests of a suite again and again on the cluster that runs",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			root, err := findRoot()
			if err != nil {
				return err
			}
			options.Root = root
			return repeat.Run(command.Context(), options, command.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.Suite, "suite", "", "end-to-end suite, a folder of e2e/suites")
	flags.StringVar(&options.Tests, "tests", "", "regular expression of the tests' names")
	flags.IntVar(&options.Count, "count", 10, "how many times")
	flags.IntVar(&options.Busy, "busy", 0, "how many programs keep a processor busy meanwhile")
	flags.DurationVar(&options.Timeout, "timeout", suiteTimeout, "ends a round that does not end")
	return command
}
