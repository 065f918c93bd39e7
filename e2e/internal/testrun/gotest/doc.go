// Package gotest reads what `go test -json` and `go tool test2json` print: which tests ran, how each ended, how long it
// ran, and what a failed one said.
//
// The time of a test is from its run to its end, less the time for which it was paused: a test that calls Parallel is
// paused until the tests that do not have ended and one of the places of -parallel is free. A parent's time includes
// that of its subtests, also of parallel ones. `go test` itself leaves out the latter, see tRunner in
// testing/testing.go of Go 1.26.
package gotest
