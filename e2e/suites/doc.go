// Package suites has the end-to-end suites, one folder each, and a test of what their sources say.
package suites
