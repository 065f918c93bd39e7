//go:build e2e

package networks

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// TestAPoolOfThree: pools of two families give each machine addresses that its guest has, of another namespace, too;
// one of three refuses a fourth, and serves it when one leaves; addresses survive a stop and another manager.
func TestAPoolOfThree(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	here, elsewhere := cluster.Namespace(t), cluster.Namespace(t)
	network := func(namespace string) *v1alpha1.WukongNetwork {
		return builder.Network(namespace, "lan", builder.OnBridge(testbed.LANBridge),
			builder.Pool("10.78.0.0/24", "10.78.0.10", "10.78.0.12"), builder.Pool("fd00:78::/64", "", ""))
	}
	onLAN := builder.Interface("lan", "lan")
	one, two := guestVM(here, "one", onLAN), guestVM(elsewhere, "two", onLAN)
	// They hold an address all the same.
	stopped, late := guestVM(here, "stopped", onLAN), guestVM(elsewhere, "late", onLAN)
	stopped.Spec.PowerState, late.Spec.PowerState = v1alpha1.PowerStopped, v1alpha1.PowerStopped
	lan, alsoLAN := network(here), network(elsewhere)
	cluster.Make(t, guestSecret(here), guestSecret(elsewhere), lan, alsoLAN, one, two, stopped)
	ipv4, ipv6 := map[string]string{}, map[string]string{}
	for _, vm := range []*v1alpha1.WukongVM{one, two, stopped} {
		ipv4[vm.Name], ipv6[vm.Name] = waitGiven(t, vm)
	}
	assert.ElementsMatch(t, []string{"10.78.0.10", "10.78.0.11", "10.78.0.12"}, slices.Collect(maps.Values(ipv4)))
	assert.NotEqual(t, ipv6["one"], ipv6["two"])

	cluster.Make(t, late)
	cluster.WaitCause(t, late, v1alpha1.ReasonPoolExhausted, "10.78.0.0/24", patience)
	full := v1alpha1.PoolStatus{CIDR: "10.78.0.0/24", Total: 3, Used: 3}
	cluster.Wait(t, lan, patience, "with a full pool and another", func() bool {
		return len(lan.Status.Pools) == 2 && lan.Status.Pools[0] == full
	})

	for _, vm := range []*v1alpha1.WukongVM{one, two} {
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
		waitBooted(t, vm)
		shown := cluster.Ask(t, vm, "ip -o addr")
		assert.Contains(t, shown, ipv4[vm.Name]+"/24")
		assert.Contains(t, shown, ipv6[vm.Name]+"/64")
	}
	waitPing(t, one, ipv4["two"], true)
	waitPing(t, one, ipv6["two"], true)

	remove(t, stopped)
	harness.Until(t, harness.CauseNetwork, patience,
		"the address that was let go is given to the machine that came late", func(ctx context.Context) string {
			if given, _ := held(ctx, t, late); given != ipv4["stopped"] {
				return fmt.Sprintf("it has %q", given)
			}
			return ""
		})

	change(t, two, func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerStopped })
	cluster.WaitReady(t, two, metav1.ConditionTrue, v1alpha1.ReasonStopped, patience)
	cluster.RestartOperator(t)
	change(t, two, func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerRunning })
	cluster.WaitReady(t, two, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	waitBooted(t, two)
	after, afterIPv6 := waitGiven(t, two)
	assert.Equal(t, []string{ipv4["two"], ipv6["two"]}, []string{after, afterIPv6})
	waitPing(t, one, ipv4["two"], true)
	waitPing(t, one, ipv6["two"], true)
}

// waitGiven waits until a machine holds an address of each family, and returns them.
func waitGiven(t *testing.T, vm *v1alpha1.WukongVM) (ipv4, ipv6 string) {
	t.Helper()
	harness.Until(t, harness.CauseNetwork, patience, vm.Name+" holds an address of each family",
		func(ctx context.Context) string {
			if ipv4, ipv6 = held(ctx, t, vm); ipv4 == "" || ipv6 == "" {
				return fmt.Sprintf("it holds %q and %q", ipv4, ipv6)
			}
			return ""
		})
	return ipv4, ipv6
}

// held are the addresses that a machine holds, at most one of each family.
func held(ctx context.Context, t *testing.T, vm *v1alpha1.WukongVM) (ipv4, ipv6 string) {
	t.Helper()
	list := &v1alpha1.WukongAddressList{}
	require.NoError(t, cluster.List(ctx, list, client.MatchingLabels{v1alpha1.LabelVM: string(vm.UID)}))
	require.LessOrEqual(t, len(list.Items), 2, vm.Name)
	for i := range list.Items {
		if address := netip.MustParseAddr(string(list.Items[i].Spec.Address)); address.Is4() {
			ipv4 = address.String()
		} else {
			ipv6 = address.String()
		}
	}
	return ipv4, ipv6
}
