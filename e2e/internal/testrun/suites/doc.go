// Package suites says which end-to-end suites there are, what each needs, and what it may take.
package suites
