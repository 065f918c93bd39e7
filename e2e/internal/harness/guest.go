package harness

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/internal/console"
)

// Guest is a shell in a guest, over its serial console. It ends with the test, and when the machine migrates: KubeVirt
// leaves the console with the launcher on the first node.
type Guest struct{ console *console.Console }

// Shell opens a shell in a tiny guest, which asks for no login, as soon as it has booted.
func (c *Cluster) Shell(t testing.TB, vm *v1alpha1.WukongVM) *Guest {
	t.Helper()
	return c.open(t, vm, func(ctx context.Context) (*console.Console, error) {
		return console.Shell(ctx, c.Config, vm.Namespace, vm.Name, nil)
	})
}

// LogIn opens a shell in a guest that asks for a login, as soon as it has booted and cloud-init is done.
func (c *Cluster) LogIn(t testing.TB, vm *v1alpha1.WukongVM, user, password string) *Guest {
	t.Helper()
	return c.open(t, vm, func(ctx context.Context) (*console.Console, error) {
		return console.LogIn(ctx, c.Config, vm.Namespace, vm.Name, user, password, nil)
	})
}

func (c *Cluster) open(
	t testing.TB, vm *v1alpha1.WukongVM, open func(context.Context) (*console.Console, error),
) *Guest {
	t.Helper()
	defer Waited(t, CauseBoot, time.Now())
	ctx, cancel := context.WithTimeout(t.Context(), Scaled(ImportAndBoot))
	defer cancel()
	opened, err := open(ctx)
	require.NoError(t, err, "the console of WukongVM %s within %s", vm.Name, told(ImportAndBoot))
	guest := &Guest{console: opened}
	t.Cleanup(guest.Close)
	return guest
}

// Ask runs a command in a tiny guest in a shell of its own, for guests that migrate meanwhile.
func (c *Cluster) Ask(t testing.TB, vm *v1alpha1.WukongVM, command string) string {
	t.Helper()
	guest := c.Shell(t, vm)
	defer guest.Close()
	return guest.Run(t, command)
}

// Close ends the shell. The guest runs on.
func (g *Guest) Close() { _ = g.console.Close() } // it may be closed already, or be broken by a migration

// Run runs a shell command and returns what it printed. One that fails, fails the test.
func (g *Guest) Run(t testing.TB, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Scaled(Patience))
	defer cancel()
	output, err := g.console.Run(ctx, command)
	require.NoError(t, err)
	return output
}

// Until runs a command until what it prints contains what is wanted. The time counts as waiting for the cause.
func (g *Guest) Until(t testing.TB, cause, command, wanted string) {
	t.Helper()
	Until(t, cause, Patience, command+" prints "+wanted, func(context.Context) string {
		if output := g.Run(t, command); !strings.Contains(output, wanted) {
			return "it prints " + output
		}
		return ""
	})
}
