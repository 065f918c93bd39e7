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
	"github.com/novasphere/wukong/controllers/internal/simulator"
)

// Manager is a manager that runs in the test's own process.
type Manager struct {
	// Writes counts the requests that change something in the test's namespace, leases apart.
	Writes *Writes

	stop func()
}

// Stop ends the manager and waits for it. It may be called more than once.
func (m *Manager) Stop() { m.stop() }

// ManagerOptions of a test.
type ManagerOptions struct {
	// Namespace that writes are counted in: a manager also finds what other tests left. All when empty.
	Namespace string
	// Controllers to run; all when empty.
	Controllers []string
	// Config to run with; the administrator's when nil.
	Config *rest.Config
	// Clock of the controllers; the real one when nil.
	Clock clock.PassiveClock
	// MoverImage of the Jobs that move bytes; no pod of theirs ever runs here.
	MoverImage string
	// Enforcement of NetworkPolicies that the manager is told of.
	Enforcement string
}

// StartManager runs controllers as the manager program does, until the test ends.
func (e *Environment) StartManager(tb testing.TB, options ManagerOptions) *Manager {
	tb.Helper()
	writes := NewWrites(options.Namespace)
	if options.Config == nil {
		options.Config = e.Config
	}
	config := rest.CopyConfig(options.Config)
	config.Wrap(writes.Wrap)
	if len(options.Controllers) == 0 {
		options.Controllers = []string{"*"}
	}
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	if options.MoverImage == "" {
		options.MoverImage = "mover.example/mover:1"
	}
	stop, err := run(operators, config, controllers.ManagerOptions(8), func(ctx context.Context, manager ctrl.Manager) error {
		return controllers.Setup(ctx, manager, options.Controllers, options.Clock, controllers.Settings{MoverImage: options.MoverImage, NetworkPolicyEnforcement: options.Enforcement})
	})
	require.NoError(tb, err)
	var once sync.Once
	stopOnce := func() { once.Do(func() { require.NoError(tb, stop()) }) }
	tb.Cleanup(stopOnce)
	return &Manager{Writes: writes, stop: stopOnce}
}

// Simulate plays KubeVirt and CDI until the test ends.
func (e *Environment) Simulate(tb testing.TB) {
	tb.Helper()
	stop, err := e.StartSimulator()
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, stop()) })
}

// StartSimulator plays KubeVirt and CDI until stop is called.
func (e *Environment) StartSimulator() (stop func() error, err error) {
	config := rest.CopyConfig(e.Config)
	config.UserAgent = "simulator"
	options := controllers.ManagerOptions(8)
	options.Cache.ByObject = nil // it plays for machines that are not ours, too
	return run(simulators, config, options, simulator.Setup)
}

// run starts a manager in this process, beside others.
func run(crew crew, config *rest.Config, options ctrl.Options, setup func(context.Context, ctrl.Manager) error) (stop func() error, err error) {
	options.Metrics.BindAddress = "0"
	options.Controller.SkipNameValidation = ptr.To(true)
	options.GracefulShutdownTimeout = ptr.To(10 * time.Second)
	manager, err := ctrl.NewManager(config, options)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := setup(ctx, manager); err != nil {
		cancel()
		return nil, err
	}
	crew.begins()
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	return func() error {
		cancel()
		defer crew.ends()
		return <-ended
	}, nil
}
