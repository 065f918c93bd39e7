package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/novasphere/wukong/e2e/devcluster/internal/progress"
)

// newCommand is the command line with all its subcommands.
func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "devcluster",
		Short:         "A real Kubernetes with a real KubeVirt on this machine, built from source",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	report := progress.New(os.Stderr)
	root.AddCommand(
		newUpCommand(report), newDownCommand(report), newStatusCommand(report), newKubeconfigCommand(report), newLogsCommand(report),
		newLoadImageCommand(report), newBuildCommand(report), newImageCommand(),
	)
	return root
}
