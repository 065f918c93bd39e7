package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func newStatusCommand(session *session) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say what runs; the exit status is 1 when something does not",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			one, err := session.cluster()
			if err != nil {
				return err
			}
			lines, healthy, err := one.Status(command.Context())
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(command.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, line := range lines {
				fmt.Fprintf(table, "%s\t%s\t%s\n", line.Name, line.State, line.Detail)
			}
			if err := table.Flush(); err != nil {
				return err
			}
			if !healthy {
				return fmt.Errorf("not everything runs; `devcluster up` starts what does not")
			}
			return nil
		},
	}
}

func newKubeconfigCommand(session *session) *cobra.Command {
	return &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of the administrator's kubeconfig",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			one, err := session.cluster()
			if err != nil {
				return err
			}
			if err := one.Open(); err != nil {
				return err
			}
			fmt.Fprintln(command.OutOrStdout(), one.Kubeconfig())
			return nil
		},
	}
}

func newLogsCommand(session *session) *cobra.Command {
	return &cobra.Command{
		Use:   "logs [COMPONENT]",
		Short: "Print the log of a component, or list the components that have one",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			one, err := session.cluster()
			if err != nil {
				return err
			}
			logs, err := one.Logs()
			if err != nil {
				return err
			}
			if len(arguments) == 0 {
				for _, log := range logs {
					fmt.Fprintln(command.OutOrStdout(), log.Component)
				}
				return nil
			}
			found := false
			for _, log := range logs {
				if log.Component != arguments[0] && filepath.Base(log.Component) != arguments[0] {
					continue
				}
				found = true
				if err := printFile(command.OutOrStdout(), log.Path); err != nil {
					return err
				}
			}
			if !found {
				return fmt.Errorf("no component %q; `devcluster logs` lists them", arguments[0])
			}
			return nil
		},
	}
}

func printFile(out io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	defer file.Close()
	_, err = io.Copy(out, file)
	return err
}

func newLoadImageCommand(session *session) *cobra.Command {
	return &cobra.Command{
		Use:   "load-image ARCHIVE...",
		Short: "Import image archives (OCI or docker) into every node",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, archives []string) error {
			one, err := session.cluster()
			if err != nil {
				return err
			}
			if err := one.Open(); err != nil {
				return err
			}
			for _, archive := range archives {
				if err := one.LoadImage(command.Context(), archive); err != nil {
					return fmt.Errorf("load %s: %w", strings.TrimSpace(archive), err)
				}
			}
			return nil
		},
	}
}
