package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Enforcement is whether the cluster's network plugin enforces NetworkPolicies. No object of Kubernetes reports that,
// so the installer of Wukong has to.
type Enforcement string

const (
	// Unknown: the installer has not set it.
	Unknown Enforcement = "Unknown"
	// Enforced: the network plugin enforces policies.
	Enforced Enforcement = "Enforced"
	// None: the network plugin ignores policies.
	None Enforcement = "None"
)

// Enforcements returns the valid settings of a manager: Unknown, which is the default, Enforced and None.
func Enforcements() []string {
	return []string{string(Unknown), string(Enforced), string(None)}
}

// Parse reads the setting of a manager; empty is Unknown.
func Parse(text string) (Enforcement, error) {
	text = cmp.Or(text, string(Unknown))
	if !slices.Contains(Enforcements(), text) {
		return "", fmt.Errorf("network policy enforcement %q is none of %s", text, strings.Join(Enforcements(), ", "))
	}
	return Enforcement(text), nil
}
