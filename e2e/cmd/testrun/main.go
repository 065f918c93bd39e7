// Command testrun runs the tests of the project, says where their time was spent, and runs as much of them as a change
// needs.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/novasphere/wukong/e2e/internal/testrun/repeat"
	"github.com/novasphere/wukong/e2e/internal/testrun/runner"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := newCommand().ExecuteContext(ctx)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		os.Exit(130)
	case errors.Is(err, runner.ErrFailed):
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "testrun",
		Short:         "Runs the tests, says where their time was spent, and runs as much as a change needs",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newRunCommand(), newReportCommand(), newBudgetCommand(), newRepeatCommand(), newBusyCommand())
	return root
}

func newBusyCommand() *cobra.Command {
	return &cobra.Command{
		Use: repeat.BusyCommand, Short: "Keep a processor busy until the input ends", Hidden: true, Args: cobra.NoArgs,
		Run: func(*cobra.Command, []string) { repeat.Spin(os.Stdin) },
	}
}
