package suites

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Budget is what one suite may take at one depth.
type Budget struct {
	// Minutes on the reference machine; a machine that is twice as slow may take twice as long.
	Minutes float64 `json:"minutes"`
	// Boots is how many guests it may boot.
	Boots int `json:"boots"`
}

// Budgets are those of a suite by depth. A depth that is absent has none.
type Budgets map[string]Budget

// BudgetFile is the name of the file beside a suite.
const BudgetFile = "budget.json"

// ReadBudgets reads the budgets of a suite. A suite without the file has none.
func ReadBudgets(root, suite string) (Budgets, error) {
	path := filepath.Join(root, Folder, suite, BudgetFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the budget of a suite: %w", err)
	}
	budgets, err := parseBudgets(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return budgets, nil
}

func parseBudgets(data []byte) (Budgets, error) {
	var budgets Budgets
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&budgets); err != nil {
		return nil,
			fmt.Errorf("it is to be {\"essential\": {\"minutes\": 4, \"boots\": 10}, \"whole\": {...}}: %w", err)
	}
	for depth, budget := range budgets {
		if depth != "essential" && depth != "whole" {
			return nil, fmt.Errorf("no depth %q; there are \"essential\" and \"whole\"", depth)
		}
		if budget.Minutes <= 0 || budget.Boots < 0 {
			return nil, fmt.Errorf("%s: %v minutes and %d boots; minutes are more than 0, and boots not less", depth,
				budget.Minutes, budget.Boots)
		}
	}
	return budgets, nil
}

// Exceeded says what is over the budget on a machine that is slower by the factor; empty when nothing is.
func (b Budget) Exceeded(seconds float64, boots int, factor float64) []string {
	var over []string
	if allowed := b.Minutes * max(1, factor); seconds > allowed*60 {
		over = append(over, fmt.Sprintf("takes %.1f minutes, %.1f are allowed", seconds/60, allowed))
	}
	if boots > b.Boots {
		over = append(over, fmt.Sprintf("boots %d guests, %d are allowed", boots, b.Boots))
	}
	return over
}
