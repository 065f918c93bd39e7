package testkit

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// Kit is a Fixture, or a type that embeds one: a package's helpers are methods of its own type that embeds the
// fixture.
type Kit interface{ kit() *Fixture }

// Fixture is a namespace of one test in a control plane.
type Fixture struct {
	*testing.T
	*testenv.Environment
	// Namespace of the test. It is left behind: the control plane is deleted after the tests.
	Namespace string
	// Client has the rights of an administrator, reads from the API server, and remembers what a wait read.
	Client client.Client

	seen     *memory
	crew     *crew
	settings settings
	patience time.Duration
}

// settings are what managers are started with.
type settings struct {
	controllers []string
	clock       clock.PassiveClock
	config      *rest.Config
	moverImage  string
	enforcement string
	namespaces  []string
	// confined managers see only the namespace of their test.
	confined bool
}

// New returns a fixture in a new namespace. Its managers run all controllers and see all namespaces.
func New(t *testing.T) *Fixture {
	t.Helper()
	require.NotNil(t, shared, "TestMain of the package does not call testkit.Main")
	return newFixture(t, shared)
}

// Start returns a fixture with a manager that runs the named controllers, or all.
func Start(t *testing.T, controllers ...string) (*Fixture, *Manager) {
	t.Helper()
	f := New(t).Running(controllers...)
	return f, f.StartManager()
}

// Parallel returns a fixture for a test that runs beside others. Its managers see only its own namespace.
func Parallel(t *testing.T) *Fixture {
	t.Helper()
	t.Parallel()
	f := New(t)
	f.settings.confined = true
	return f
}

func newFixture(t *testing.T, environment *testenv.Environment) *Fixture {
	t.Helper()
	seen := &memory{}
	f := &Fixture{
		T: t, Environment: environment, Client: remembering{Client: environment.Client, memory: seen},
		seen: seen, crew: &crew{}, patience: usualPatience,
		settings: settings{clock: clock.RealClock{}, config: environment.Config, moverImage: "mover.example/mover:1"},
	}
	f.Namespace = f.newNamespace()
	return f
}

func (f *Fixture) newNamespace() string {
	f.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	require.NoError(f, f.Client.Create(f.Context(), namespace))
	return namespace.Name
}

func (f *Fixture) kit() *Fixture { return f }

// In returns the fixture within a subtest. Managers that are started there end with the subtest.
func (f *Fixture) In(t *testing.T) *Fixture { return f.but(func(f *Fixture) { f.T = t }) }

// Elsewhere returns the fixture in a second namespace.
func (f *Fixture) Elsewhere() *Fixture {
	f.Helper()
	require.False(f, f.settings.confined, "the managers of a parallel test do not see a second namespace")
	namespace := f.newNamespace()
	return f.but(func(f *Fixture) { f.Namespace = namespace })
}

// Running sets the controllers of managers that are started from now on; all when none is named.
func (f *Fixture) Running(controllers ...string) *Fixture {
	return f.but(func(f *Fixture) { f.settings.controllers = controllers })
}

// ByClock sets the clock of managers that are started from now on. A test's clock starts no pass: some object must
// change, too.
func (f *Fixture) ByClock(clock clock.PassiveClock) *Fixture {
	return f.but(func(f *Fixture) { f.settings.clock = clock })
}

// MovingBy sets the mover image of managers that are started from now on. None of its pods ever runs here.
func (f *Fixture) MovingBy(image string) *Fixture {
	return f.but(func(f *Fixture) { f.settings.moverImage = image })
}

// Enforcing sets, for managers that are started from now on, whether NetworkPolicies are enforced.
func (f *Fixture) Enforcing(enforcement string) *Fixture {
	return f.but(func(f *Fixture) { f.settings.enforcement = enforcement })
}

// LimitedTo limits managers that are started from now on to namespaces.
func (f *Fixture) LimitedTo(namespaces ...string) *Fixture {
	return f.but(func(f *Fixture) { f.settings.namespaces = namespaces })
}

// RunAs gives managers that are started from now on the generated roles of config/rbac, named by their files, and no
// other right. It returns what they were refused.
func (f *Fixture) RunAs(roles ...string) (*Fixture, *testenv.Refusals) {
	f.Helper()
	config, refusals := f.As(roles...)
	return f.but(func(f *Fixture) { f.settings.config = config }), refusals
}

// Called sets another user name, with all rights, for managers that are started from now on: admission policies decide
// by it.
func (f *Fixture) Called(user string) *Fixture {
	return f.but(func(f *Fixture) {
		f.settings.config = rest.CopyConfig(f.settings.config)
		f.settings.config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:masters"}}
	})
}

// Meeting puts faults between the API server and managers that are started from now on.
func (f *Fixture) Meeting(faults *testenv.Faults) *Fixture {
	return f.but(func(f *Fixture) {
		f.settings.config = rest.CopyConfig(f.settings.config)
		f.settings.config.Wrap(faults.Wrap)
	})
}

// As connects with generated roles of config/rbac and no other right.
func (f *Fixture) As(roles ...string) (*rest.Config, *testenv.Refusals) {
	f.Helper()
	config, refusals, err := f.Environment.As(f.Context(), userName(f.Name(), roles), roles...)
	require.NoError(f, err)
	return config, refusals
}

// UserName returns the name that As gives to a user with roles.
func (f *Fixture) UserName(roles ...string) string { return userName(f.Name(), roles) }

// Within returns the fixture with another patience for its waits.
func (f *Fixture) Within(patience time.Duration) *Fixture {
	return f.but(func(f *Fixture) { f.patience = patience })
}

// Install adds APIs to the control plane.
func (f *Fixture) Install(definitions ...testenv.Definitions) {
	f.Helper()
	require.NoError(f, f.Environment.Install(definitions...))
}

// Uninstall removes APIs from the control plane.
func (f *Fixture) Uninstall(definitions ...testenv.Definitions) {
	f.Helper()
	require.NoError(f, f.Environment.Uninstall(definitions...))
}

// Afterwards calls do after the test and its context have ended.
func (f *Fixture) Afterwards(do func(context.Context)) {
	f.Cleanup(func() { do(context.Background()) })
}

func (f *Fixture) but(change func(*Fixture)) *Fixture {
	changed := *f
	change(&changed)
	return &changed
}
