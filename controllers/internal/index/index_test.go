package index

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
)

// A missing key hides an object from a controller, for example a WukongVM whose guest still writes to a disk.
func TestKeys(t *testing.T) {
	const mac = "02:00:00:00:00:AA"
	holder := v1alpha1.AddressHolder{Namespace: "shop", Name: "web", UID: "1", InterfaceName: "lan"}
	address := &v1alpha1.WukongAddress{Spec: v1alpha1.WukongAddressSpec{
		Segment: "floor-2", Holder: holder, Network: v1alpha1.AddressNetwork{Namespace: "lab", Name: "trunk"},
	}}
	vm := builder.VM("shop", "web", builder.Attached("data"), builder.Stamped("root"), builder.Networks(
		builder.PodInterface("pod"), builder.Interface("lan", "lan"), builder.StampedInterface("own")))
	vm.Status.Disks = []v1alpha1.VMDiskStatus{{Name: "old", DiskName: "old"}, {Name: "data", DiskName: "data"}}
	vm.Status.Networks = []v1alpha1.VMNetworkStatus{
		{Name: "pod", MACAddress: "02:00:00:00:00:01", Addresses: []string{"10.244.0.5"}},
		{Name: "lan", NetworkName: "lan", MACAddress: mac, Addresses: []string{"10.0.0.5", "fe80::1", "10.0.0.5"}},
	}
	given := vm.DeepCopy()
	given.Spec.Networks[1].MACAddress = "02:00:00:00:00:aa"
	moving := builder.Disk("shop", "data")
	moving.Status.ClaimName, moving.Status.Move = "data", &v1alpha1.DiskMove{TargetClaimName: "data-2"}
	owned := builder.Disk("shop", "root")
	owned.OwnerReferences = []metav1.OwnerReference{
		{APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongVM", Name: "web", UID: "1"},
		{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Wukong", Name: "shop", UID: "2"},
	}
	retained := builder.Disk("shop", "root")
	retained.Annotations = map[string]string{v1alpha1.AnnotationRetainedFor: "web/1"}
	attached := builder.Disk("shop", "root")
	attached.Status.AttachedTo = "web"
	copyOf := builder.Disk("shop", "copy", builder.CloneOf("golden", "debian"))
	bound := builder.Claim("shop", "data", "1Gi")
	bound.UID = "7"
	origin, _ := model.OriginOf(copyOf)
	for name, row := range map[string]struct {
		object client.Object
		field  string
		keys   []string
	}{
		"disks of spec, and those that the instance still has": {vm, VMByDisk, []string{"data", "web-root", "old"}},
		"networks, without the pod network":                    {vm, VMByNetwork, []string{"lan", "web-own"}},
		"addresses on managed networks, each once": {
			vm, VMByObservedAddress, []string{"02:00:00:00:00:aa", "10.0.0.5", "fe80::1"}},
		"a MAC address of a user has a lock": {given, VMByObservedAddress, []string{"10.0.0.5", "fe80::1"}},
		"both claims of a disk that moves":   {moving, DiskByClaim, []string{"data", "data-2"}},
		"the claim that a disk adopts": {
			builder.Disk("shop", "data", builder.Adopting("legacy")), DiskByClaim, []string{"legacy"}},
		"the claim that a disk will have": {builder.Disk("shop", "data"), DiskByClaim, []string{"data"}},
		"the WukongVM that owns a disk":   {owned, DiskByOwner, []string{"web"}},
		"the one that it is retained for": {retained, DiskByOwner, []string{"web"}},
		"a disk of nobody":                {builder.Disk("shop", "data"), DiskByOwner, nil},
		"the one that may use a disk":     {attached, DiskByHolder, []string{"web"}},
		"that nobody may use":             {owned, DiskByHolder, nil},
		"what a disk is a clone of":       {copyOf, DiskByOrigin, []string{origin.Key()}},
		"a disk that is no clone":         {owned, DiskByOrigin, nil},
		"the attachment of a network": {
			builder.Network("shop", "trunk", builder.ExistingAttachment("lab", "trunk")), NetworkByAttachment,
			[]string{"lab/trunk"}},
		"the bridge of a network": {
			builder.Network("shop", "lan", builder.OnBridge("br0")), NetworkByBridge, []string{"br0"}},
		"a network without a bridge": {builder.Network("shop", "pods", builder.PodNetwork), NetworkByBridge, nil},
		"the segment of a network": {
			builder.Network("shop", "lan", builder.OnBridge("br0"), builder.OnSegment("floor-2")), NetworkBySegment,
			[]string{"floor-2"}},
		"the pod network has no segment": {builder.Network("shop", "pods", builder.PodNetwork), NetworkBySegment, nil},
		"the segment of an address":      {address, AddressBySegment, []string{"floor-2"}},
		"its interface, for any UID":     {address, AddressByInterface, []string{"shop/web/lan"}},
		"its WukongVM":                   {address, AddressByMachine, []string{"shop/web"}},
		"its network":                    {address, AddressByNetwork, []string{"lab/trunk"}},
		"the disk of a snapshot":         {builder.Snapshot("shop", "monday", "data"), SnapshotByDisk, []string{"data"}},
		"a snapshot of a WukongVM":       {builder.SnapshotOfVM("shop", "monday", "web"), SnapshotByVM, []string{"web"}},
		"which is of no disk":            {builder.SnapshotOfVM("shop", "monday", "web"), SnapshotByDisk, nil},
		"and one of a disk of none":      {builder.Snapshot("shop", "monday", "data"), SnapshotByVM, nil},
		"the UID of a claim":             {bound, ClaimByUID, []string{"7"}},
	} {
		entries := Of(row.object, row.field)
		require.Len(t, entries, 1, name)
		assert.ElementsMatch(t, row.keys, entries[0].Keys(row.object), name)
	}
	assert.Equal(t, []string{"2"}, OfUmbrella(&v1alpha1.WukongDisk{}).Keys(owned), "and not the WukongVM")
	assert.Empty(t, OfUmbrella(&v1alpha1.WukongDisk{}).Keys(retained))
}

func TestAnIndexThatDoesNotExist(t *testing.T) {
	assert.PanicsWithValue(t, "there is no index of *v1alpha1.WukongDisk by disks.wukongDisk",
		func() { Of(&v1alpha1.WukongDisk{}, VMByDisk) }, "it is an index of another kind")
	assert.Empty(t, Of(&v1alpha1.WukongDisk{}))
}

// indexer records what is registered.
type indexer struct {
	registered []string
	err        error
}

func (i *indexer) IndexField(_ context.Context, obj client.Object, field string, _ client.IndexerFunc) error {
	if i.err != nil {
		return i.err
	}
	i.registered = append(i.registered, obj.GetObjectKind().GroupVersionKind().Kind+field)
	return nil
}

// Several controllers declare the same index, and a cache refuses the second.
func TestEachIndexIsRegisteredOnce(t *testing.T) {
	entries := append(Of(&v1alpha1.WukongDisk{}, DiskByOwner, DiskByClaim), Of(&v1alpha1.WukongDisk{}, DiskByClaim)...)
	entries = append(entries, Of(&v1alpha1.WukongNetwork{}, NetworkByOwner)...) // the same field of another kind
	found := &indexer{}
	require.NoError(t, Register(t.Context(), found, entries))
	assert.Equal(t, []string{DiskByOwner, DiskByClaim, NetworkByOwner}, found.registered)
	err := Register(t.Context(), &indexer{err: errors.New("the informer has started")}, entries)
	assert.EqualError(t, err,
		"index *v1alpha1.WukongDisk by metadata.ownerReferences.wukongVM: the informer has started")
}
