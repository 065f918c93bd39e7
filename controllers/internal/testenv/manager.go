package testenv

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/novasphere/wukong/controllers"
)

// Manager is a manager that runs in the test's own process.
type Manager struct {
	// Writes counts the requests that change something, leases apart.
	Writes *Writes

	stop func()
}

// Stop ends the manager and waits for it. It may be called more than once.
func (m *Manager) Stop() { m.stop() }

// ManagerOptions of a test.
type ManagerOptions struct {
	// Controllers to run; all when empty.
	Controllers []string
	// Config to run with; the administrator's when nil.
	Config *rest.Config
	// Clock of the controllers; the real one when nil.
	Clock clock.PassiveClock
}

// StartManager runs controllers as the manager program does, until the test ends.
func (e *Environment) StartManager(tb testing.TB, options ManagerOptions) *Manager {
	tb.Helper()
	if len(options.Controllers) == 0 {
		options.Controllers = []string{"*"}
	}
	if options.Config == nil {
		options.Config = e.Config
	}
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	writes := NewWrites()
	config := rest.CopyConfig(options.Config)
	config.Wrap(writes.Wrap)

	managerOptions := controllers.ManagerOptions(8)
	managerOptions.Metrics.BindAddress = "0"
	managerOptions.Controller.SkipNameValidation = ptr.To(true)
	managerOptions.GracefulShutdownTimeout = ptr.To(10 * time.Second)
	manager, err := ctrl.NewManager(config, managerOptions)
	require.NoError(tb, err)
	ctx, cancel := context.WithCancel(context.Background())
	require.NoError(tb, controllers.Setup(ctx, manager, options.Controllers, options.Clock))

	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			require.NoError(tb, <-ended)
		})
	}
	tb.Cleanup(stop)
	return &Manager{Writes: writes, stop: stop}
}
