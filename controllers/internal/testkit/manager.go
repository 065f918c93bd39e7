package testkit

import (
	"context"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/novasphere/wukong/controllers"
	"github.com/novasphere/wukong/controllers/internal/simulator"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// Manager is a manager that runs in the test's own process.
type Manager struct {
	// Writes counts the requests that change something in the test's namespace, except leases.
	Writes *testenv.Writes

	stop func()
}

// Stop ends the manager and waits for it, like the loss of a node: the manager notifies nobody. It may be called
// again.
func (m *Manager) Stop() { m.stop() }

// StartManager runs controllers as the manager program does, until the test ends. It counts the writes in the test's
// namespace only: a manager also finds what other tests left.
func (f *Fixture) StartManager() *Manager {
	f.Helper()
	return f.startCounting(testenv.NewWrites(f.Namespace))
}

// StartManagerOfAll is StartManager, but counts the writes in all namespaces.
func (f *Fixture) StartManagerOfAll() *Manager {
	f.Helper()
	return f.startCounting(testenv.NewWrites(""))
}

func (f *Fixture) startCounting(writes *testenv.Writes) *Manager {
	f.Helper()
	config := rest.CopyConfig(f.settings.config)
	config.Wrap(writes.Wrap)
	names := f.settings.controllers
	if len(names) == 0 {
		names = []string{"*"}
	}
	options, err := controllers.ManagerOptions(names, 8, f.settings.namespaces)
	require.NoError(f, err)
	stop := f.startMember(operator, config, options, func(ctx context.Context, manager ctrl.Manager) error {
		return controllers.Setup(ctx, manager, names, f.settings.clock, controllers.Settings{
			Mover: controllers.Mover{Image: f.settings.moverImage}, NetworkPolicyEnforcement: f.settings.enforcement,
			Namespaces: f.settings.namespaces,
		})
	})
	return &Manager{Writes: writes, stop: stop}
}

// Simulate simulates KubeVirt and CDI until the test ends.
func (f *Fixture) Simulate() {
	f.Helper()
	f.startMember(bystander, testenv.SimulatorConfig(f.Config), testenv.SimulatorOptions(), simulator.Setup)
}

// startMember starts a manager whose work WaitIdle waits for.
func (f *Fixture) startMember(
	role role, config *rest.Config, options ctrl.Options, setup func(context.Context, ctrl.Manager) error,
) (stop func()) {
	f.Helper()
	if f.settings.confined {
		options.Cache.DefaultNamespaces = map[string]cache.Config{f.Namespace: {}}
	}
	work := &work{role: role}
	options.Logger = work.logger()
	end, err := testenv.StartManager(config, options, setup)
	require.NoError(f, err)
	f.crew.join(work)
	t := f.T
	var once sync.Once
	stop = func() {
		once.Do(func() {
			f.crew.leave(work)
			require.NoError(t, end())
		})
	}
	t.Cleanup(stop)
	return stop
}

func userName(test string, roles []string) string { return test + "/" + strings.Join(roles, "+") }
