//go:build controlplane

package wukongnetwork_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

func (f networks) take(segment, address string) {
	f.Helper()
	lock := &v1alpha1.WukongAddress{
		ObjectMeta: metav1.ObjectMeta{Name: addresslock.Name(segment, netip.MustParseAddr(address))},
		Spec: v1alpha1.WukongAddressSpec{
			Segment: segment, Address: v1alpha1.IPAddress(address),
			Holder:  v1alpha1.AddressHolder{Namespace: f.Namespace, Name: "web", UID: "1", InterfaceName: "lan"},
			Network: v1alpha1.AddressNetwork{Namespace: f.Namespace, Name: "lan"},
		},
	}
	f.Create(lock)
	// cluster-scoped: it would outlive the namespace
	f.Afterwards(func(ctx context.Context) { require.NoError(f, f.Client.Delete(ctx, lock)) })
}

// A network counts its users and the addresses of its pools: the first change at once, and then at most every half a
// minute, however many WukongVMs are created.
func TestANetworkCountsUsersAndAddresses(t *testing.T) {
	f := alone(t)
	clock := clocktesting.NewFakePassiveClock(time.Now())
	manager := f.ByClock(clock).StartManager()
	network := f.newNetwork("lan", func(spec *v1alpha1.WukongNetworkSpec) {
		builder.OnSegment(f.Namespace)(spec)
		spec.Subnets = []v1alpha1.Subnet{{CIDR: "10.90.0.0/24", Gateway: "10.90.0.1", Pool: &v1alpha1.AddressPool{
			Ranges: []v1alpha1.AddressRange{{Start: "10.90.0.1", End: "10.90.0.10"}}}}}
		spec.Reservations = []v1alpha1.AddressReservation{{Address: "10.90.0.10", MachineName: "db"}}
	})
	f.Create(network)
	counts := func(users int32, used, free int64) {
		f.Helper()
		f.Eventually(func(now *testkit.Attempt) {
			require.NoError(now, f.Client.Get(f.Context(), client.ObjectKeyFromObject(network), network))
			assert.Equal(now, users, network.Status.Users)
			assert.Equal(now,
				[]v1alpha1.PoolStatus{{CIDR: "10.90.0.0/24", Total: 9, Used: used, Reserved: 1, Free: free}},
				network.Status.Pools)
		})
	}
	counts(0, 0, 8)

	f.take(f.Namespace, "10.90.0.2")
	counts(0, 1, 7)
	f.WaitIdle()
	writes := manager.Writes.Total()
	for i := range 5 {
		f.take(f.Namespace, fmt.Sprintf("10.90.0.%d", 3+i))
		f.Create(&v1alpha1.WukongVM{
			ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: fmt.Sprint("web-", i)},
			Spec: v1alpha1.WukongVMSpec{
				Memory:   v1alpha1.Memory{Guest: resource.MustParse("1Gi")},
				Networks: []v1alpha1.VMNetwork{{Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"}}},
			},
		})
	}
	f.WaitIdle()
	counts(0, 1, 7)
	assert.Equal(t, writes, manager.Writes.Total(), "not a write for each machine")

	clock.SetTime(clock.Now().Add(31 * time.Second))
	f.take(f.Namespace, "10.90.0.99") // of the subnet, and not of the pool
	counts(5, 6, 2)
	f.WaitIdle()
	assert.Equal(t, writes+1, manager.Writes.Total())
}

// Invalid pools are reported before any WukongVM asks for an address.
func TestAPoolThatCannotBeIsTold(t *testing.T) {
	f, _ := start(t)
	network := f.newNetwork("lan", func(spec *v1alpha1.WukongNetworkSpec) {
		spec.Subnets = []v1alpha1.Subnet{{CIDR: "10.90.1.0/24", Pool: &v1alpha1.AddressPool{
			Ranges: []v1alpha1.AddressRange{{Start: "10.90.1.9", End: "10.90.1.5"}}}}}
	})
	f.Create(network)
	testkit.Wait(f, network, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec,
		"range 10.90.1.9 to 10.90.1.5 ends before it starts: exchange the two")
}
