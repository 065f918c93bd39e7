package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/novasphere/wukong/e2e/devcluster/artifact"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/internal/cluster"
	"github.com/novasphere/wukong/e2e/devcluster/internal/component"
	"github.com/novasphere/wukong/e2e/devcluster/internal/coredns"
	"github.com/novasphere/wukong/e2e/devcluster/progress"
)

const (
	maximumNodes = 2
	// everyAddon is what --without takes to leave the core alone.
	everyAddon = "all"
)

func newUpCommand(session *session) *cobra.Command {
	var nodes int
	var without []string
	var meanwhile string
	command := &cobra.Command{
		Use:   "up",
		Short: "Start the cluster, or what of it does not run",
		Long: "Start the cluster, or what of it does not run. The first start builds everything from source, which " +
			"takes long; later\n" +
			"ones find it in the cache. It can be interrupted and run again at any time.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if nodes < 1 || nodes > maximumNodes {
				return fmt.Errorf("--nodes is %d; it can be 1 to %d", nodes, maximumNodes)
			}
			chosen, err := choose(addons(), without)
			if err != nil {
				return err
			}
			one, err := session.cluster()
			if err != nil {
				return err
			}
			options := parts(chosen)
			options.Nodes = nodes
			if meanwhile != "" {
				options.Meanwhile = session.shell(command, meanwhile)
			}
			if err := one.Up(command.Context(), options); err != nil {
				return err
			}
			fmt.Fprintf(command.OutOrStdout(), "The cluster is up:\n  export KUBECONFIG=%s\n", one.Kubeconfig())
			return nil
		},
	}
	command.Flags().IntVar(&nodes, "nodes", 1, "number of nodes, 1 or 2")
	command.Flags().StringSliceVar(&without, "without", nil,
		"add-ons to leave out: "+everyAddon+", or some of "+strings.Join(addonNames(), ", "))
	command.Flags().StringVar(&meanwhile, "meanwhile", "",
		"a command for the shell, to run when all add-ons are installed, while they become ready")
	return command
}

// shell returns what runs a command line, and shows what it printed when it has ended.
func (s *session) shell(command *cobra.Command, line string) func(context.Context) error {
	return func(ctx context.Context) error {
		var output []byte
		err := s.report.Run(line, func(*progress.Step) error {
			var err error
			output, err = exec.CommandContext(ctx, "/bin/sh", "-c", line).CombinedOutput()
			return err
		})
		fmt.Fprintf(command.OutOrStdout(), "%s", output)
		if err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
		return nil
	}
}

func newDownCommand(session *session) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "End the cluster and remove all that it made, except the cache",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			one, err := session.cluster()
			if err != nil {
				return err
			}
			return one.Down(command.Context())
		},
	}
}

// parts are what a cluster with the chosen add-ons is made of.
func parts(chosen []addon.Addon) cluster.Options {
	return cluster.Options{
		Addons: append([]addon.Addon{coredns.Addon{}}, chosen...),
		Images: []*artifact.Recipe{component.PauseArchive(), component.ProbeArchive()},
	}
}

// choose returns the add-ons whose names are not among those to leave out.
func choose(all []addon.Addon, without []string) ([]addon.Addon, error) {
	if slices.Equal(without, []string{everyAddon}) {
		return nil, nil
	}
	names := addonNames()
	for _, name := range without {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("no add-on %q to leave out; there are %s", name, strings.Join(names, ", "))
		}
	}
	var chosen []addon.Addon
	for _, one := range all {
		if !slices.Contains(without, one.Name()) {
			chosen = append(chosen, one)
		}
	}
	return chosen, nil
}

func addonNames() []string {
	var names []string
	for _, one := range addons() {
		names = append(names, one.Name())
	}
	return names
}
