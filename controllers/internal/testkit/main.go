package testkit

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// shared is the control plane of the package whose tests run in this process.
var shared *testenv.Environment

// Main is for TestMain: it starts the control plane of a package, runs its tests, stops it, and exits.
func Main(m *testing.M, options testenv.Options) { os.Exit(run(m, options)) }

func run(m *testing.M, options testenv.Options) int {
	var err error
	if shared, err = start(options); err != nil {
		fmt.Fprintln(os.Stderr, "start the test environment:", err)
		return 1
	}
	code := m.Run()
	if err := shared.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the test environment:", err)
		return 1
	}
	return code
}

func start(options testenv.Options) (*testenv.Environment, error) {
	var err error
	if options.Patience, err = factor(); err != nil {
		return nil, err
	}
	return testenv.Start(options)
}

// Apart returns a fixture with a control plane of its own, which ends with the test: for tests in which APIs are
// missing at first.
func Apart(t *testing.T, options testenv.Options) *Fixture {
	t.Helper()
	environment, err := start(options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, environment.Stop()) })
	return newFixture(t, environment)
}
