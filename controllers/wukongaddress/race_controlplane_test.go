//go:build controlplane

package wukongaddress_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/addresspool"
	"github.com/novasphere/wukong/controllers/internal/segment"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

const (
	actors     = 16
	operations = 63
)

// Sixteen actors at once take and release addresses of a small pool, 1,000 operations in all. Some lose the answer of
// the API server. Two managers that both believe to be the leader release unused addresses. No address is ever given
// to two, and none is lost.
func TestAThousandOperationsAtOnceNeverGiveAnAddressTwice(t *testing.T) {
	f, _ := testkit.Start(t, "wukongaddress")
	f.StartManager()
	shared := &arena{Fixture: f, cached: cachedClient(f), owners: map[netip.Addr]string{}}
	shared.makeNetwork()
	var group sync.WaitGroup
	begin := time.Now()
	for i := range actors {
		group.Go(func() { shared.act(rand.New(rand.NewPCG(uint64(i), 2)), i) })
	}
	group.Wait()
	t.Logf("%d operations in %s: %d addresses given, %d refused for want of one, %d cut off",
		actors*operations, time.Since(begin).Round(time.Millisecond), shared.given, shared.exhausted, shared.cut)
	assert.Positive(t, shared.given)
	assert.Positive(t, shared.exhausted)
	assert.Positive(t, shared.cut)

	require.NoError(t, f.Client.DeleteAllOf(t.Context(), &v1alpha1.WukongVM{}, client.InNamespace(shared.Namespace)))
	f.Until(func() bool {
		left := &v1alpha1.WukongAddressList{}
		require.NoError(t, f.Client.List(t.Context(), left))
		return len(left.Items) == 0
	}, "addresses are lost")
}

// cachedClient returns a client that reads as a manager's does.
func cachedClient(t *testkit.Fixture) client.Client {
	t.Helper()
	names := []string{"wukongvm"}
	options, err := controllers.ManagerOptions(names, 1, nil)
	require.NoError(t, err)
	options.Metrics.BindAddress = "0"
	manager, err := ctrl.NewManager(t.Config, options)
	require.NoError(t, err)
	require.NoError(t, controllers.RegisterIndexes(t.Context(), manager.GetFieldIndexer(), names))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- manager.Start(ctx) }()
	t.Cleanup(func() { cancel(); assert.NoError(t, <-ended) })
	require.True(t, manager.GetCache().WaitForCacheSync(ctx))
	return manager.GetClient()
}

// arena is what the actors share.
type arena struct {
	*testkit.Fixture
	cached  client.Client
	network *v1alpha1.WukongNetwork
	pools   []addresspool.Pool

	mutex                 sync.Mutex
	owners                map[netip.Addr]string
	given, exhausted, cut int
}

func (a *arena) makeNetwork() {
	a.network = builder.Network(a.Namespace, "lan", builder.Pool("10.70.0.0/24", "10.70.0.1", "10.70.0.12"))
	a.Create(a.network)
	var err error
	a.pools, err = addresspool.Parse(&a.network.Spec)
	require.NoError(a, err)
}

// act creates WukongVMs, gives them addresses, and deletes them, with three names of its own.
func (a *arena) act(random *rand.Rand, actor int) {
	vms := map[string]*v1alpha1.WukongVM{}
	for range operations {
		name := fmt.Sprintf("machine-%d-%d", actor, random.IntN(3))
		switch vm := vms[name]; {
		case vm == nil:
			vm = builder.VM(a.Namespace, name, builder.On("lan"))
			if !assert.NoError(a, a.Client.Create(a.Context(), vm)) {
				return
			}
			vms[name] = vm
		case random.IntN(3) > 0:
			a.take(random, vm)
		default:
			a.release(string(vm.UID))
			assert.NoError(a, a.Client.Delete(a.Context(), vm))
			delete(vms, name)
		}
	}
}

func (a *arena) take(random *rand.Rand, vm *v1alpha1.WukongVM) {
	name, _ := segment.Of(a.network)
	store := &fragileStore{
		ClientStore: &addresslock.ClientStore{Client: a.cached, Reader: a.Client, FieldManager: "test"},
		dies:        random.IntN(5) == 0,
	}
	held, err := addresslock.Take(a.Context(), store, &addresslock.Request{
		Segment: name, Network: a.network, Neighbours: []v1alpha1.WukongNetwork{*a.network}, Pools: a.pools,
		Holder: v1alpha1.AddressHolder{
			Namespace: vm.Namespace, Name: vm.Name, UID: string(vm.UID), InterfaceName: "lan",
		},
	})
	a.mutex.Lock()
	defer a.mutex.Unlock()
	var exhausted *addresslock.ExhaustedError
	switch {
	case errors.As(err, &exhausted):
		a.exhausted++
	case errors.Is(err, errDied):
		a.cut++
	case err == nil:
		a.given++
		address := addresslock.AddressOf(addresslock.Chosen(held, a.network, true))
		assert.Contains(a, []string{"", string(vm.UID)}, a.owners[address], "%s is given twice", address)
		a.owners[address] = string(vm.UID)
	}
}

// release is called before the WukongVM is deleted: from then on another may have its address.
func (a *arena) release(uid string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for address, owner := range a.owners {
		if owner == uid {
			delete(a.owners, address)
		}
	}
}

var errDied = errors.New("the manager died")

// fragileStore loses the answer to a creation.
type fragileStore struct {
	*addresslock.ClientStore
	dies bool
}

func (s *fragileStore) Create(ctx context.Context, lock *v1alpha1.WukongAddress) error {
	if err := s.ClientStore.Create(ctx, lock); err != nil {
		return err
	}
	if s.dies {
		return errDied
	}
	return nil
}

// Of two addresses of an interface, which two managers took at once, the younger is released.
func TestTheYoungerOfTwoAddressesOfAnInterfaceGoes(t *testing.T) {
	f, _ := testkit.Start(t, "wukongaddress")
	shared := &arena{Fixture: f}
	shared.makeNetwork()
	lan := builder.Interface("lan", "lan")
	lan.KeepAddresses = ptr.To(true)
	vm := builder.VM(shared.Namespace, "web", builder.Networks(lan))
	f.Create(vm)
	name, _ := segment.Of(shared.network)
	for _, text := range []string{"10.70.0.1", "10.70.0.2"} {
		f.Create(&v1alpha1.WukongAddress{
			ObjectMeta: metav1.ObjectMeta{Name: addresslock.Name(name, netip.MustParseAddr(text))},
			Spec: v1alpha1.WukongAddressSpec{
				Segment: name, Address: v1alpha1.IPAddress(text),
				Holder: v1alpha1.AddressHolder{
					Namespace: vm.Namespace, Name: vm.Name, UID: string(vm.UID), InterfaceName: "lan",
				},
				Network: v1alpha1.AddressNetwork{Namespace: vm.Namespace, Name: "lan"},
			},
		})
	}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"status":{"observedGeneration":1}}`))
	require.NoError(t, f.Client.Status().Patch(t.Context(), vm, patch))
	var left v1alpha1.WukongAddressList
	f.Until(func() bool {
		require.NoError(t, f.Client.List(t.Context(), &left))
		return len(left.Items) == 1 && left.Items[0].Spec.Reserved != nil
	})
	assert.Equal(t, v1alpha1.IPAddress("10.70.0.1"), left.Items[0].Spec.Address)
}
