package addresslock

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

// server is an API server with the indexes of the cache. Answers replaces the usual answer to a request, by its verb;
// writes lists the verbs and names of writes.
type server struct {
	client.WithWatch
	answers map[string]error
	writes  []string
}

func newServer(t *testing.T, objects ...client.Object) *server {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	require.NoError(t, kubevirtv1.AddToScheme(scheme))
	made := &server{answers: map[string]error{}}
	base := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...)
	for _, entry := range append(index.Of(&v1alpha1.WukongAddress{}, index.AddressByInterface),
		index.Of(&v1alpha1.WukongVM{}, index.VMByObservedAddress)...) {
		base.WithIndex(entry.Of, entry.Field, entry.Keys)
	}
	made.WithWatch = base.WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, obj client.Object,
			options ...client.GetOption) error {
			if err := made.answers["get"]; err != nil {
				return err
			}
			return inner.Get(ctx, key, obj, options...)
		},
		List: func(ctx context.Context, inner client.WithWatch, list client.ObjectList,
			options ...client.ListOption) error {
			if err := made.answers["list"]; err != nil {
				return err
			}
			return inner.List(ctx, list, options...)
		},
		Create: func(ctx context.Context, inner client.WithWatch, obj client.Object,
			options ...client.CreateOption) error {
			made.writes = append(made.writes, "create "+obj.GetName())
			if err := made.answers["create"]; err != nil {
				return err
			}
			return inner.Create(ctx, obj, options...)
		},
		Patch: func(ctx context.Context, inner client.WithWatch, obj client.Object, patch client.Patch,
			options ...client.PatchOption) error {
			made.writes = append(made.writes, "patch "+obj.GetName())
			if err := made.answers["patch"]; err != nil {
				return err
			}
			return inner.Patch(ctx, obj, patch, options...)
		},
	}).Build()
	return made
}

func (s *server) store() *ClientStore {
	return &ClientStore{Client: s, Reader: s, FieldManager: "wukong-test"}
}

// storedLock is a lock as the API server has it.
func storedLock(address string, holder v1alpha1.AddressHolder) *v1alpha1.WukongAddress {
	lock := lockOn(address, holder)
	lock.Labels = Labels(holder)
	return &lock
}

func vmOf(namespace, name, uid string) *v1alpha1.WukongVM {
	vm := builder.VM(namespace, name)
	vm.UID = types.UID(uid)
	return vm
}

func labelled(uid string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: "web", Labels: map[string]string{v1alpha1.LabelVM: uid}}
}

// An address is taken over when nothing is left that could still use it: neither the WukongVM, nor what KubeVirt has.
func TestWhoHasAbandonedAnAddress(t *testing.T) {
	virtualMachine := func(uid string) client.Object {
		return keeptest.Object(&kubevirtv1.VirtualMachine{ObjectMeta: labelled(uid)})
	}
	instance := func(uid string) client.Object {
		return keeptest.Object(&kubevirtv1.VirtualMachineInstance{ObjectMeta: labelled(uid)})
	}
	unmanaged := keeptest.Object(&kubevirtv1.VirtualMachineInstance{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}})
	for name, row := range map[string]struct {
		objects   []client.Object
		abandoned bool
	}{
		"nothing is left":                     {nil, true},
		"it exists":                           {[]client.Object{vmOf("shop", "web", "old")}, false},
		"another of the name exists":          {[]client.Object{vmOf("shop", "web", "new")}, true},
		"one of the UID in another namespace": {[]client.Object{vmOf("lab", "web", "old")}, true},
		"its VirtualMachine is left":          {[]client.Object{virtualMachine("old")}, false},
		"and another of the name exists": {
			[]client.Object{vmOf("shop", "web", "new"), virtualMachine("old")}, false},
		"the VirtualMachine of the new one": {
			[]client.Object{vmOf("shop", "web", "new"), virtualMachine("new")}, true},
		"its instance is left": {[]client.Object{instance("old")}, false},
		"its instance, beside the VirtualMachine of the new one": {
			[]client.Object{virtualMachine("new"), instance("old")}, false},
		"the instance of the new one": {[]client.Object{virtualMachine("new"), instance("new")}, true},
		"an unmanaged instance":       {[]client.Object{unmanaged}, true},
	} {
		t.Run(name, func(t *testing.T) {
			abandoned, err := newServer(t, row.objects...).store().Abandoned(t.Context(), holderOf("shop", "web", "old"))
			require.NoError(t, err)
			assert.Equal(t, row.abandoned, abandoned)
		})
	}
	api := newServer(t)
	api.answers["get"] = errors.New("connection refused")
	abandoned, err := api.store().Abandoned(t.Context(), holderOf("shop", "web", "old"))
	require.ErrorContains(t, err, "connection refused")
	assert.False(t, abandoned, "what is not known is not taken over")
}

func TestALockIsTakenOver(t *testing.T) {
	former, reserved := storedLock("10.0.0.10", holderOf("shop", "web", "old")), ptr.To(true)
	for name, row := range map[string]struct {
		before  *bool
		request Request
		after   *bool
	}{
		"not reserved":      {nil, Request{}, nil},
		"reserved from now": {nil, Request{Reserved: true}, reserved},
		"reserved before":   {reserved, Request{}, nil},
		"reserved as well":  {reserved, Request{Reserved: true}, reserved},
	} {
		t.Run(name, func(t *testing.T) {
			lock := former.DeepCopy()
			lock.Spec.Reserved = row.before
			api := newServer(t, lock)
			live, err := api.store().Live(t.Context(), lock.Name)
			require.NoError(t, err)
			row.request.Holder = holderOf("shop", "web", "new")
			require.NoError(t, api.store().Adopt(t.Context(), live, &row.request))
			after, err := api.store().Live(t.Context(), lock.Name)
			require.NoError(t, err)
			assert.Equal(t, row.request.Holder, after.Spec.Holder)
			assert.Equal(t, Labels(row.request.Holder), after.Labels, "so that it is found by the UID")
			assert.Equal(t, row.after, after.Spec.Reserved)
			assert.Equal(t, lock.Spec.Address, after.Spec.Address)
		})
	}
}

// Of two that take over a lock at once, one succeeds. The other looks again.
func TestTwoTakeOverALock(t *testing.T) {
	lock := storedLock("10.0.0.10", holderOf("shop", "web", "old"))
	api := newServer(t, lock)
	one, err := api.store().Live(t.Context(), lock.Name)
	require.NoError(t, err)
	two := one.DeepCopy()
	require.NoError(t, api.store().Adopt(t.Context(), one, &Request{Holder: holderOf("shop", "web", "first")}))
	err = api.store().Adopt(t.Context(), two, &Request{Holder: holderOf("shop", "web", "second")})
	assert.True(t, apierrors.IsConflict(err), "%v", err)
	assert.False(t, apply.Permanent(err))
	after, err := api.store().Live(t.Context(), lock.Name)
	require.NoError(t, err)
	assert.Equal(t, "first", after.Spec.Holder.UID)

	api.answers["patch"] = apierrors.NewForbidden(v1alpha1.GroupVersion.WithResource("wukongaddresses").GroupResource(),
		lock.Name, errors.New("policy"))
	err = api.store().Adopt(t.Context(), after, &Request{Holder: holderOf("shop", "web", "third")})
	assert.True(t, apply.Permanent(err))
	assert.ErrorContains(t, err, "WukongAddress "+lock.Name+": ")
}

// lan is a network of a namespace on the segment of the tests.
func lan(namespace, segment string) *v1alpha1.WukongNetwork {
	return builder.Network(namespace, "lan", builder.OnBridge("br0"), builder.OnSegment(segment))
}

// showing is a WukongVM whose status shows an interface.
func showing(vm *v1alpha1.WukongVM, status v1alpha1.VMNetworkStatus) *v1alpha1.WukongVM {
	vm.Status.Networks = []v1alpha1.VMNetworkStatus{
		{Name: "pod", Addresses: []string{"10.244.0.5"}}, status,
	}
	return vm
}

// The report names a WukongVM to users of its own namespace only, and never the interface itself.
func TestWhoseGuestReportsAnAddress(t *testing.T) {
	const mac = "02:00:00:00:00:aa"
	shown := v1alpha1.VMNetworkStatus{Name: "lan", NetworkName: "lan", MACAddress: "02:00:00:00:00:AA",
		Addresses: []string{"fe80::1", "10.0.0.7"}}
	unlinked := shown
	unlinked.NetworkName = ""
	for name, row := range map[string]struct {
		objects []client.Object
		address string
		by      string
	}{
		"nobody": {nil, "10.0.0.7", ""},
		"of the namespace": {[]client.Object{lan("shop", floor), showing(vmOf("shop", "db", "db"), shown)}, "10.0.0.7",
			"the guest of WukongVM db reports it on interface lan"},
		"by its MAC address": {[]client.Object{lan("shop", floor), showing(vmOf("shop", "db", "db"), shown)}, mac,
			"the guest of WukongVM db reports it on interface lan"},
		"another address": {
			[]client.Object{lan("shop", floor), showing(vmOf("shop", "db", "db"), shown)}, "10.0.0.8", ""},
		"of another namespace": {[]client.Object{lan("lab", floor), showing(vmOf("lab", "db", "db"), shown)},
			"10.0.0.7", "the guest of a WukongVM in another namespace reports it"},
		"on another segment": {
			[]client.Object{lan("shop", "floor-3"), showing(vmOf("shop", "db", "db"), shown)}, "10.0.0.7", ""},
		"on the pod network": {
			[]client.Object{lan("shop", floor), showing(vmOf("shop", "db", "db"), shown)}, "10.244.0.5", ""},
		"on a network that is deleted": {
			[]client.Object{showing(vmOf("shop", "db", "db"), shown)}, "10.0.0.7", ""},
		"on a network that status does not name": {
			[]client.Object{lan("shop", floor), showing(vmOf("shop", "db", "db"), unlinked)}, "10.0.0.7", ""},
		"itself": {[]client.Object{lan("shop", floor), showing(vmOf("shop", "web", "new"), shown)}, "10.0.0.7", ""},
		"a former one of the name, whose status is left": {
			[]client.Object{lan("shop", floor), showing(vmOf("shop", "web", "old"), shown)}, "10.0.0.7",
			"the guest of WukongVM web reports it on interface lan"},
	} {
		t.Run(name, func(t *testing.T) {
			request := &Request{Segment: floor, Holder: holderOf("shop", "web", "new")}
			by, err := newServer(t, row.objects...).store().Observed(t.Context(), request, row.address)
			require.NoError(t, err)
			assert.Equal(t, row.by, by)
		})
	}
	api := newServer(t)
	api.answers["list"] = errors.New("the cache is not synced")
	_, err := api.store().Observed(t.Context(), &Request{}, "10.0.0.7")
	assert.EqualError(t, err, "list the WukongVMs that report address 10.0.0.7: the cache is not synced")
}

// Whatever happens to a WukongVM and its locks, what it asks for is written once.
func TestAddressesAreTakenFromTheAPIServerOnce(t *testing.T) {
	ask := both(static("10.0.0.7", "fd00::7"), func(request *Request) { request.MACAddress = "02:00:00:00:00:AA" },
		func(request *Request) { request.Reserved = true })
	api, request := newServer(t), asking(t, ask)
	held, err := Take(t.Context(), api.store(), request)
	require.NoError(t, err)
	require.Len(t, held, 3)
	assert.Len(t, api.writes, 3)
	for i := range held {
		live, err := api.store().Live(t.Context(), held[i].Name)
		require.NoError(t, err)
		assert.Equal(t, request.Holder, live.Spec.Holder)
		assert.Equal(t, v1alpha1.AddressNetwork{Namespace: "shop", Name: "lan"}, live.Spec.Network)
		assert.Equal(t, ptr.To(true), live.Spec.Reserved)
		assert.Equal(t, Labels(request.Holder), live.Labels)
	}
	again, err := Take(t.Context(), api.store(), request)
	require.NoError(t, err)
	assert.ElementsMatch(t, addressesOf(held), addressesOf(again))
	assert.Len(t, api.writes, 3)

	require.NoError(t, api.Delete(t.Context(), &held[1]))
	_, err = Take(t.Context(), api.store(), request)
	require.NoError(t, err)
	assert.Equal(t, "create "+held[1].Name, api.writes[len(api.writes)-1], "a lock that was deleted by hand")
	assert.Len(t, api.writes, 4)
}

// What was taken before a failure stays, and the next pass continues there.
func TestAFailureAmongSeveralAddresses(t *testing.T) {
	api := newServer(t, storedLock("10.0.0.8", holderOf("shop", "db", "db")), vmOf("shop", "db", "db"))
	request := asking(t, static("10.0.0.7", "10.0.0.8", "10.0.0.9"))
	for range 2 {
		held, err := Take(t.Context(), api.store(), request)
		require.EqualError(t, err, "address 10.0.0.8 of interface lan is in use: WukongVM db has it, on interface lan; "+
			"use another, or release it there")
		assert.Equal(t, []string{"10.0.0.7"}, addressesOf(held))
	}
	assert.Equal(t, []string{"create " + Name(floor, netip.MustParseAddr("10.0.0.7")),
		"create " + Name(floor, netip.MustParseAddr("10.0.0.8")),
		"create " + Name(floor, netip.MustParseAddr("10.0.0.8"))}, api.writes, "the first is not written again")
	require.NoError(t, api.Delete(t.Context(), storedLock("10.0.0.8", holderOf("shop", "db", "db"))))
	held, err := Take(t.Context(), api.store(), request)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"10.0.0.7", "10.0.0.8", "10.0.0.9"}, addressesOf(held))
}

// An answer that gets lost is no second address: the lock that the API server has is that of the interface.
func TestACreationWhoseAnswerIsLost(t *testing.T) {
	api, request := newServer(t, storedLock("10.0.0.7", holderOf("shop", "web", "new"))), asking(t, static("10.0.0.7"))
	behind := newServer(t)
	behind.answers["create"] = apierrors.NewAlreadyExists(
		v1alpha1.GroupVersion.WithResource("wukongaddresses").GroupResource(), "")
	held, err := Take(t.Context(), &ClientStore{Client: behind, Reader: api}, request)
	require.NoError(t, err)
	assert.Equal(t, []string{"10.0.0.7"}, addressesOf(held))
}

func TestErrorsOfTheAPIServer(t *testing.T) {
	down := errors.New("connection refused")
	for name, row := range map[string]struct {
		verb, fails string
		answer      error
		permanent   bool
	}{
		"the cache": {"list", "list the WukongAddresses of interface lan: connection refused", down, false},
		"a quota of objects": {"create", `WukongAddress ` + Name(floor, netip.MustParseAddr("10.0.0.7")) +
			`: wukongaddresses "x" is forbidden: exceeded quota`, apierrors.NewForbidden(
			v1alpha1.GroupVersion.WithResource("wukongaddresses").GroupResource(), "x", nil), true},
		"the network": {"create", "apply WukongAddress " + Name(floor, netip.MustParseAddr("10.0.0.7")) +
			": connection refused", down, false},
	} {
		t.Run(name, func(t *testing.T) {
			api := newServer(t)
			api.answers[row.verb] = row.answer
			held, err := Take(t.Context(), api.store(), asking(t, static("10.0.0.7")))
			require.Error(t, err)
			assert.Equal(t, row.permanent, apply.Permanent(err))
			assert.Empty(t, held)
			if !row.permanent {
				assert.EqualError(t, err, row.fails)
			}
		})
	}
	uncached := newServer(t)
	uncached.answers["list"] = down
	_, err := Take(t.Context(), &ClientStore{Client: newServer(t), Reader: uncached}, asking(t, static("10.0.0.7")))
	assert.EqualError(t, err, "list the WukongAddresses of the WukongVM: connection refused")
}

// A user reads all subnets that have no room, of the family that is missing.
func TestMessagesOfAddresses(t *testing.T) {
	request := asking(t, both(func(request *Request) {
		builder.Pool("10.9.0.0/24", "10.9.0.1", "10.9.0.1")(&request.Network.Spec)
		builder.Pool("fd00::/64", "fd00::1", "fd00::2")(&request.Network.Spec)
	}, pooled(t)))
	db, locks := holderOf("shop", "db", "db"), []v1alpha1.WukongAddress{}
	for _, address := range []string{"10.0.0.10", "10.0.0.11", "10.0.0.12", "10.9.0.1", "fd00::1", "fd00::2"} {
		locks = append(locks, lockOn(address, db))
	}
	_, err := Take(t.Context(), newMemory(locks...), request)
	require.EqualError(t, err, "WukongNetwork lan: no free address in 10.0.0.0/24, 10.9.0.0/24: 4 of 4 in use or "+
		"reserved; widen the pool, or delete a WukongVM")
	_, err = Take(t.Context(), newMemory(locks[3:]...), request)
	require.EqualError(t, err, "WukongNetwork lan: no free address in fd00::/64: 2 of 2 in use or reserved; widen the "+
		"pool, or delete a WukongVM")
}
