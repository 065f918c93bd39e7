// Package selection says at which depth a suite has to run after a change: whole when the change touches something that
// the suite tests, and essential otherwise. What is Go is looked up among the dependencies of the suite and of what it
// tests; what is not Go, in a table by path (rules.go). A file that is neither makes all suites run whole, so that
// nothing is left out because nobody thought of it.
package selection
