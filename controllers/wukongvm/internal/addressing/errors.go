package addressing

import "strings"

// InvalidError says why an interface cannot have what spec asks for.
type InvalidError struct {
	// Interface is the name in spec.networks.
	Interface string
	// Problems are all that is wrong, each a sentence that names the address or route and what to do.
	Problems []string
}

// Error returns all problems.
func (e *InvalidError) Error() string { return strings.Join(e.Problems, ". ") }
