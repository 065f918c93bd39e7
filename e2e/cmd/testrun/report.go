package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/novasphere/wukong/e2e/internal/testrun/report"
)

func newReportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "report FILE [FILE]",
		Short: "Print the tables of a report as Markdown; of two, compare the first with the second",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(command *cobra.Command, files []string) error {
			var reports []*report.Report
			for _, file := range files {
				one, err := report.Load(file)
				if err != nil {
					return err
				}
				reports = append(reports, one)
			}
			if len(reports) == 2 {
				report.Compare(command.OutOrStdout(), reports[0], reports[1])
				return nil
			}
			reports[0].Write(command.OutOrStdout())
			return nil
		},
	}
}

func newBudgetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "budget FILE",
		Short: "Fail when a suite of a report needs more than its budget",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, files []string) error {
			root, err := findRoot()
			if err != nil {
				return err
			}
			one, err := report.Load(files[0])
			if err != nil {
				return err
			}
			if err := one.UseBudgets(root); err != nil {
				return err
			}
			one.WriteBudgets(command.OutOrStdout())
			if over := one.OverBudget(); len(over) > 0 {
				return overBudget(over)
			}
			fmt.Fprintln(command.OutOrStdout(), "all suites are within their budgets")
			return nil
		},
	}
}
