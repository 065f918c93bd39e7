package harness

import (
	"fmt"
	"os"
	"testing"
)

// depthVariable chooses which tests of a suite run: "whole", which is the default, or "essential".
const (
	depthVariable  = "WUKONG_TEST_DEPTH"
	depthWhole     = "whole"
	depthEssential = "essential"
)

// Essential marks a test of a promise that people read in the README or in docs/: it always runs. Each test begins with
// this or with Thorough.
func Essential(t *testing.T) { t.Helper() }

// Thorough marks a test that 'make test' leaves to 'make test-all', because an essential one has the same promise, or
// because nothing of it is promised in so many words.
func Thorough(t *testing.T) {
	t.Helper()
	if os.Getenv(depthVariable) == depthEssential {
		t.Skip(leftOut)
	}
}

// leftOut is what a thorough test says at the depth "essential". The report of 'make test' knows it by these words.
const leftOut = "left for make test-all"

func checkDepth() error {
	switch depth := os.Getenv(depthVariable); depth {
	case "", depthWhole, depthEssential:
		return nil
	default:
		return fmt.Errorf("%s is %q; it is %q or %q", depthVariable, depth, depthEssential, depthWhole)
	}
}
