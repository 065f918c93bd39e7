package cloudinit

import (
	"fmt"
	"strings"
)

// SecretMissingError reports that a Secret, or a key of it, does not exist.
type SecretMissingError struct {
	// Secret is the name of the Secret.
	Secret string
	// Key that is missing; empty when the Secret itself does not exist. Several alternatives are separated by commas.
	Key string
	// Field of the WukongVM that refers to the Secret.
	Field string
}

// Error names the Secret and the fix.
func (e *SecretMissingError) Error() string {
	switch {
	case e.Key == "":
		return fmt.Sprintf("Secret %s does not exist; create it, or correct %s", e.Secret, e.Field)
	case strings.Contains(e.Key, ","):
		return fmt.Sprintf("Secret %s has none of the keys %s; add one, or name the key in %s", e.Secret, e.Key, e.Field)
	default:
		return fmt.Sprintf("Secret %s has no key %s; add it, or correct %s", e.Secret, e.Key, e.Field)
	}
}

// SecretInvalidError reports that the content of a Secret cannot be used. It never contains the content.
type SecretInvalidError struct {
	// Secret is the name of the Secret.
	Secret string
	// Key within the Secret.
	Key string
	// Reason explains what is wrong and what to put there instead.
	Reason string
}

// Error names the Secret, the key and what to put there.
func (e *SecretInvalidError) Error() string {
	return fmt.Sprintf("key %s of Secret %s: %s", e.Key, e.Secret, e.Reason)
}

// SpecInvalidError reports that a field of the WukongVM cannot be implemented, which admission could not check.
type SpecInvalidError struct {
	// Field of the WukongVM.
	Field string
	// Reason explains what is wrong and how to fix it.
	Reason string
}

// Error names the field and the fix.
func (e *SpecInvalidError) Error() string { return e.Field + ": " + e.Reason }

// problems is every error of one rendering, so that a user can fix them all at once. errors.As finds each.
type problems []error

func (p problems) Error() string {
	messages := make([]string, len(p))
	for i, err := range p {
		messages[i] = err.Error()
	}
	return strings.Join(messages, ". ")
}

// Unwrap implements the interface that errors.As and errors.Is walk.
func (p problems) Unwrap() []error { return p }

// join returns nil without errors, a single one unchanged, and otherwise all of them.
func join(errs []error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	default:
		return problems(errs)
	}
}
