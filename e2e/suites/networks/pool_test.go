//go:build e2e

package networks

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// TestAPoolOfThree: pools of two families give each machine addresses that its guest has, of another namespace, too; one of three refuses a fourth, and
// serves it when one leaves; addresses survive a stop and another manager.
func TestAPoolOfThree(t *testing.T) {
	t.Parallel()
	here, elsewhere := cluster.Namespace(t), cluster.Namespace(t)
	network := func(namespace string) *v1alpha1.WukongNetwork {
		result := bridgeNetwork(namespace, "lan", testbed.LANBridge, "10.78.0.0/24")
		result.Spec.Subnets[0].Pool = &v1alpha1.AddressPool{Ranges: []v1alpha1.AddressRange{{Start: "10.78.0.10", End: "10.78.0.12"}}}
		result.Spec.Subnets = append(result.Spec.Subnets, v1alpha1.Subnet{CIDR: "fd00:78::/64", Pool: &v1alpha1.AddressPool{}})
		return result
	}
	onLAN := v1alpha1.VMNetwork{Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"}}
	one, two := guestVM(here, "one", onLAN), guestVM(elsewhere, "two", onLAN)
	// They hold an address all the same.
	stopped, late := guestVM(here, "stopped", onLAN), guestVM(elsewhere, "late", onLAN)
	stopped.Spec.PowerState, late.Spec.PowerState = v1alpha1.PowerStopped, v1alpha1.PowerStopped
	lan, alsoLAN := network(here), network(elsewhere)
	for _, object := range []client.Object{guestSecret(here), guestSecret(elsewhere), lan, alsoLAN, one, two, stopped} {
		require.NoError(t, cluster.Create(t.Context(), object))
	}
	ipv4, ipv6 := map[string]string{}, map[string]string{}
	for _, vm := range []*v1alpha1.WukongVM{one, two, stopped} {
		ipv4[vm.Name], ipv6[vm.Name] = waitGiven(t, vm)
	}
	assert.ElementsMatch(t, []string{"10.78.0.10", "10.78.0.11", "10.78.0.12"}, slices.Collect(maps.Values(ipv4)))
	assert.NotEqual(t, ipv6["one"], ipv6["two"])

	require.NoError(t, cluster.Create(t.Context(), late))
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		require.NoError(collect, cluster.Get(t.Context(), client.ObjectKeyFromObject(late), late))
		found := meta.FindStatusCondition(late.Status.Conditions, v1alpha1.ConditionReady)
		require.NotNil(collect, found)
		assert.Equal(collect, v1alpha1.ReasonPoolExhausted, found.Reason)
		assert.Contains(collect, found.Message, "10.78.0.0/24")
	}, patience, time.Second)
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		require.NoError(collect, cluster.Get(t.Context(), client.ObjectKeyFromObject(lan), lan))
		require.Len(collect, lan.Status.Pools, 2)
		assert.Equal(collect, v1alpha1.PoolStatus{CIDR: "10.78.0.0/24", Total: 3, Used: 3}, lan.Status.Pools[0])
	}, patience, time.Second)

	for _, vm := range []*v1alpha1.WukongVM{one, two} {
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
		waitBooted(t, vm)
		shown := ask(t, vm, "ip -color=never -o addr")
		assert.Contains(t, shown, ipv4[vm.Name]+"/24")
		assert.Contains(t, shown, ipv6[vm.Name]+"/64")
	}
	waitPing(t, one, ipv4["two"], true)
	waitPing(t, one, ipv6["two"], true)

	remove(t, stopped)
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		served, _ := held(t.Context(), collect, late)
		assert.Equal(collect, ipv4["stopped"], served, "the one that was let go")
	}, patience, time.Second)

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
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		ipv4, ipv6 = held(t.Context(), collect, vm)
		require.NotEmpty(collect, ipv4, vm.Name)
		require.NotEmpty(collect, ipv6, vm.Name)
	}, patience, time.Second)
	return ipv4, ipv6
}

// held are the addresses that a machine holds, at most one of each family.
func held(ctx context.Context, collect *assert.CollectT, vm *v1alpha1.WukongVM) (ipv4, ipv6 string) {
	list := &v1alpha1.WukongAddressList{}
	require.NoError(collect, cluster.List(ctx, list, client.MatchingLabels{v1alpha1.LabelVM: string(vm.UID)}))
	require.LessOrEqual(collect, len(list.Items), 2, vm.Name)
	for i := range list.Items {
		if address := netip.MustParseAddr(string(list.Items[i].Spec.Address)); address.Is4() {
			ipv4 = address.String()
		} else {
			ipv6 = address.String()
		}
	}
	return ipv4, ipv6
}
