// Package harness is what the end-to-end suites share: a client as a user has it, waiting for conditions with a cause
// when it takes too long, namespaces that show what was in them when a test fails, and the count of the operator's
// requests by the API server's audit log.
package harness
