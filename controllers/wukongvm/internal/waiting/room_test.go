package waiting

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresspool"
)

func waiter(number int) *v1alpha1.WukongVM {
	return &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{
		Namespace: "web", Name: fmt.Sprintf("vm-%02d", number), CreationTimestamp: metav1.Unix(int64(number), 0),
	}}
}

func names(found []types.NamespacedName) []string {
	var result []string
	for _, name := range found {
		result = append(result, name.Name)
	}
	return result
}

func TestTheOldestThatWaitAreWokenFirst(t *testing.T) {
	room := NewRoom()
	anything := netip.Addr{}
	for number := range 20 {
		room.Enter(waiter(19-number), []Awaited{{Key: "bridge/br0/0"}})
	}
	first := names(room.Wake("bridge/br0/0", anything))
	assert.Len(t, first, wakeAtOnce)
	assert.Equal(t, "vm-00", first[0])
	assert.Equal(t, []string{"vm-16", "vm-17", "vm-18", "vm-19"}, names(room.Wake("bridge/br0/0", anything)),
		"twenty addresses that come free at once wake all twenty")
	assert.Empty(t, room.Wake("bridge/br0/0", anything), "all will look")
	assert.Empty(t, room.Wake("bridge/br0/100", anything))

	room.Enter(waiter(7), []Awaited{{Key: "bridge/br0/0"}}) // it looked, and found nothing
	assert.Equal(t, []string{"vm-07"}, names(room.Wake("bridge/br0/0", anything)))
}

// Fault B.4: however many wait for an address of one pool keep none from an address of another.
func TestAnAddressWakesThoseWhosePoolHasIt(t *testing.T) {
	pools := func(cidr string) []addresspool.Pool {
		found, err := addresspool.Parse(&v1alpha1.WukongNetworkSpec{
			Subnets: []v1alpha1.Subnet{{CIDR: cidr, Pool: &v1alpha1.AddressPool{}}},
		})
		require.NoError(t, err)
		return found
	}
	room := NewRoom()
	for number := range wakeAtOnce + 1 {
		room.Settle(waiter(number), []Awaited{{"bridge/br0/0", pools("10.1.0.0/24")}})
	}
	late := waiter(99)
	room.Settle(late, []Awaited{{"bridge/br0/0", pools("10.2.0.0/24")}})
	for range 3 {
		assert.Equal(t, []string{"vm-99"}, names(room.Wake("bridge/br0/0", netip.MustParseAddr("10.2.0.7"))))
		room.Settle(late, []Awaited{{"bridge/br0/0", pools("10.2.0.0/24")}})
	}
	room.Enter(late, []Awaited{{"bridge/br0/0", pools("10.3.0.0/24")}}) // its second interface
	assert.Equal(t, []string{"vm-99"}, names(room.Wake("bridge/br0/0", netip.MustParseAddr("10.3.0.7"))))
	assert.Len(t, room.Wake("bridge/br0/0", netip.MustParseAddr("10.1.0.7")), wakeAtOnce)
}

func TestWhoLeavesIsNotWoken(t *testing.T) {
	room := NewRoom()
	room.Enter(waiter(1), []Awaited{{Key: "a"}, {Key: "b"}, {Key: "c"}})
	room.Settle(waiter(1), []Awaited{{Key: "b"}})
	assert.Empty(t, room.Wake("a", netip.Addr{}))
	assert.Equal(t, []string{"vm-01"}, names(room.Wake("b", netip.Addr{})))
	room.Leave(client.ObjectKeyFromObject(waiter(1)))
	assert.Empty(t, room.guests)
}
