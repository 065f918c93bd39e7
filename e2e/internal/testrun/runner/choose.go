package runner

import (
	"context"
	"fmt"
	"path"

	"github.com/novasphere/wukong/e2e/internal/testrun/selection"
	"github.com/novasphere/wukong/e2e/internal/testrun/suites"
)

// choose decides at which depth each suite runs, and prints it.
func (r *Run) choose(ctx context.Context) error {
	choices, err := r.decide(ctx)
	if err != nil {
		return err
	}
	r.choices = map[string]selection.Choice{}
	fmt.Fprintln(r.out, "=== end-to-end suites")
	for _, choice := range choices {
		r.choices[choice.Suite] = choice
		fmt.Fprintf(r.out, "    %s: %s, because %s\n", choice.Suite, choice.Depth, choice.Because)
	}
	return nil
}

func (r *Run) decide(ctx context.Context) ([]selection.Choice, error) {
	known := make([]selection.Suite, 0, len(r.suites))
	for _, suite := range r.suites {
		known = append(known, selection.Suite{
			Name: suite.Name, Operator: suite.Needs == suites.NeedsOperator,
			Folder: path.Join(suites.Folder, suite.Name),
		})
	}
	if r.options.ChangedSince == "" || r.options.Depth == selection.Whole {
		return selection.All(known, r.options.Depth, "that is what was asked for"), nil
	}
	commit, err := selection.ReadTested(ctx, r.options.Root, r.options.ChangedSince)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return selection.All(known, selection.Whole, err.Error()), nil
	}
	changed, err := selection.Changed(ctx, r.options.Root, commit)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(r.out, "=== %d files changed since %.12s, of which all tests passed\n", len(changed), commit)
	for index := range known {
		one := &known[index]
		one.Sources, err = selection.Sources(ctx, r.options.Root, "./"+one.Folder, one.Operator)
		if err != nil {
			return nil, fmt.Errorf("which packages suite %s tests: %w", one.Name, err)
		}
	}
	return selection.Choose(known, selection.WithoutTests(changed)), nil
}
