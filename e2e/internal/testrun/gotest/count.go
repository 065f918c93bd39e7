package gotest

// Count is how many tests ended how. Subtests count as their parents do.
type Count struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	// Left are those that only `make test-all` runs.
	Left int `json:"left,omitempty"`
}

// Plus adds two counts.
func (c Count) Plus(other Count) Count {
	return Count{
		Passed: c.Passed + other.Passed, Failed: c.Failed + other.Failed,
		Skipped: c.Skipped + other.Skipped, Left: c.Left + other.Left,
	}
}

// CountOf counts tests. A package that failed without a failed test, such as one that does not compile, counts as one.
func CountOf(packages []Package, tests []Test) Count {
	var count Count
	failed := map[string]bool{}
	for _, test := range tests {
		switch {
		case test.Failed():
			count.Failed++
			failed[test.Package] = true
		case test.Result == Skip:
			count.Skipped++
		case test.Result == Left:
			count.Left++
		default:
			count.Passed++
		}
	}
	for _, pkg := range packages {
		if pkg.Result != Pass && pkg.Result != Skip && !failed[pkg.Name] {
			count.Failed++
		}
	}
	return count
}
