package report

import (
	"fmt"
	"io"

	"github.com/novasphere/wukong/e2e/internal/testrun/suites"
)

// budgetTable has what each suite may take beside what it took.
func (r *Report) budgetTable() *table {
	budgets := &table{
		title: "Budgets", header: []string{"suite", "depth", "time", "allowed here", "boots", "allowed", ""},
	}
	for _, suite := range r.suites() {
		if suite.Budget == nil {
			continue
		}
		verdict := "within"
		if len(suite.OverBudget()) > 0 {
			verdict = "OVER"
		}
		budgets.add(suite.Name, suite.Depth, duration(suite.Seconds),
			duration(suite.Budget.Minutes*60*max(1, suite.Factor)),
			fmt.Sprint(suite.Boots()), fmt.Sprint(suite.Budget.Boots), verdict)
	}
	return budgets
}

// OverBudget says what is over the budget of a suite; empty when nothing is, or there is none.
func (s Suite) OverBudget() []string {
	if s.Budget == nil {
		return nil
	}
	return s.Budget.Exceeded(s.Seconds, s.Boots(), s.Factor)
}

// OverBudget says which suites need more than they may, and which have no budget. A report of no suite at all is an
// error too: nothing was measured.
func (r *Report) OverBudget() []string {
	var over []string
	measured := false
	for _, suite := range r.suites() {
		if suite.Depth == "" || suite.Partial {
			continue
		}
		measured = true
		if suite.Budget == nil {
			over = append(over, fmt.Sprintf("%s: has no budget for the depth %q", suite.Name, suite.Depth))
		}
		for _, what := range suite.OverBudget() {
			over = append(over, suite.Name+": "+what)
		}
	}
	if !measured {
		over = append(over, "no end-to-end suite ran in full")
	}
	return over
}

// WriteBudgets prints what each suite may take beside what it took.
func (r *Report) WriteBudgets(out io.Writer) { r.budgetTable().write(out) }

// UseBudgets gives the suites of a stored report the budgets of today.
func (r *Report) UseBudgets(root string) error {
	for _, layer := range r.Layers {
		for index := range layer.Suites {
			if err := layer.Suites[index].UseBudget(root); err != nil {
				return err
			}
		}
	}
	return nil
}

// UseBudget gives a suite the budget of today. A part of a suite has none.
func (s *Suite) UseBudget(root string) error {
	s.Budget = nil
	if s.Depth == "" || s.Partial {
		return nil
	}
	budgets, err := suites.ReadBudgets(root, s.Name)
	if err != nil {
		return err
	}
	if budget, exists := budgets[s.Depth]; exists {
		s.Budget = &budget
	}
	return nil
}
