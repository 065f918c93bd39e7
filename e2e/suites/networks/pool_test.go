//go:build e2e

package networks

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// TestAPoolOfThree: a pool gives each machine an address that its guest has, of another namespace, too; it refuses a fourth, and serves it when one leaves;
// addresses survive a stop and another manager.
func TestAPoolOfThree(t *testing.T) {
	t.Parallel()
	here, elsewhere := cluster.Namespace(t), cluster.Namespace(t)
	network := func(namespace string) *v1alpha1.WukongNetwork {
		result := bridgeNetwork(namespace, "lan", "br-lan", "10.78.0.0/24")
		result.Spec.Subnets[0].Pool = &v1alpha1.AddressPool{Ranges: []v1alpha1.AddressRange{{Start: "10.78.0.10", End: "10.78.0.12"}}}
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
	given := map[string]string{}
	for _, vm := range []*v1alpha1.WukongVM{one, two, stopped} {
		given[vm.Name] = waitGiven(t, vm)
	}
	assert.ElementsMatch(t, []string{"10.78.0.10", "10.78.0.11", "10.78.0.12"}, []string{given["one"], given["two"], given["stopped"]})

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
		require.Len(collect, lan.Status.Pools, 1)
		assert.Equal(collect, v1alpha1.PoolStatus{CIDR: "10.78.0.0/24", Total: 3, Used: 3}, lan.Status.Pools[0])
	}, patience, time.Second)

	for _, vm := range []*v1alpha1.WukongVM{one, two} {
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
		waitBooted(t, vm)
		assert.Contains(t, ask(t, vm, "ip -4 -o addr"), given[vm.Name]+"/24")
	}
	waitPing(t, one, given["two"], true)

	remove(t, stopped)
	assert.Equal(t, given["stopped"], waitGiven(t, late), "the one that was let go")

	change(t, two, func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerStopped })
	cluster.WaitReady(t, two, metav1.ConditionTrue, v1alpha1.ReasonStopped, patience)
	cluster.RestartOperator(t)
	change(t, two, func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerRunning })
	cluster.WaitReady(t, two, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	waitBooted(t, two)
	assert.Equal(t, given["two"], waitGiven(t, two))
	waitPing(t, one, given["two"], true)
}

// waitGiven waits until a machine holds an address, and returns it.
func waitGiven(t *testing.T, vm *v1alpha1.WukongVM) string {
	t.Helper()
	var address string
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		list := &v1alpha1.WukongAddressList{}
		require.NoError(collect, cluster.List(t.Context(), list, client.MatchingLabels{v1alpha1.LabelVM: string(vm.UID)}))
		require.Len(collect, list.Items, 1, fmt.Sprintf("addresses of %s", vm.Name))
		address = string(list.Items[0].Spec.Address)
	}, patience, time.Second)
	return address
}
