package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/cluster"
	"github.com/novasphere/wukong/e2e/devcluster/progress"
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
	session := &session{report: report}
	root.PersistentFlags().StringVar(&session.folder, "folder", cluster.DefaultFolder(),
		"where the state of the cluster is kept; clusters in different folders run side by side")
	root.AddCommand(
		newUpCommand(session), newDownCommand(session), newStatusCommand(session), newKubeconfigCommand(session),
		newLogsCommand(session),
		newLoadImageCommand(session), newBuildCommand(report), newImageCommand(),
	)
	return root
}

// session is what commands that work on a cluster share.
type session struct {
	report *progress.Reporter
	folder string
}

func (s *session) cluster() (*cluster.Cluster, error) {
	store, err := artifact.NewStore(s.report)
	if err != nil {
		return nil, err
	}
	return cluster.New(s.folder, store, s.report)
}
