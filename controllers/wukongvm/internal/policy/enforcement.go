package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Enforcement tells whether the cluster's network plugin enforces NetworkPolicies. No object of Kubernetes does, so that whoever installs
// Wukong has to.
type Enforcement string

const (
	// Unknown is for a cluster of which nobody told.
	Unknown Enforcement = "Unknown"
	// Enforced is for one whose network plugin enforces policies.
	Enforced Enforcement = "Enforced"
	// None is for one whose network plugin ignores policies.
	None Enforcement = "None"
)

// Enforcements are what a manager can be told of the cluster's network plugin: Unknown, which is the default, Enforced and None.
func Enforcements() []string {
	return []string{string(Unknown), string(Enforced), string(None)}
}

// Parse reads what a manager was told; empty is Unknown.
func Parse(text string) (Enforcement, error) {
	text = cmp.Or(text, string(Unknown))
	if !slices.Contains(Enforcements(), text) {
		return "", fmt.Errorf("network policy enforcement %q is none of %s", text, strings.Join(Enforcements(), ", "))
	}
	return Enforcement(text), nil
}
