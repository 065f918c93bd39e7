package index

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
)

func keysOf(t *testing.T, obj client.Object, field string) []string {
	t.Helper()
	entries := Of(obj, field)
	require.Len(t, entries, 1)
	return entries[0].Keys(obj)
}

// An operation that is not found is not waited for: the disk that it copies would be changed below it.
func TestKeysOfOperations(t *testing.T) {
	restoring := builder.VM("shop", "web")
	restoring.Spec.Restore = &v1alpha1.VMRestore{SnapshotRef: v1alpha1.LocalObjectReference{Name: "monday"}}
	guarded := restoring.DeepCopy()
	guarded.Status.Restore = &v1alpha1.VMRestoreStatus{SafetySnapshotName: "before-monday"}
	begun := restoring.DeepCopy()
	begun.Status.Restore = &v1alpha1.VMRestoreStatus{}
	forgotten := builder.VM("shop", "web")
	forgotten.Status.Restore = guarded.Status.Restore
	restored := func(phase v1alpha1.DiskRestorePhase) *v1alpha1.WukongDisk {
		disk := builder.Disk("shop", "root")
		disk.Status.Restore = &v1alpha1.DiskRestore{Phase: phase, VolumeSnapshotName: "monday-root"}
		return disk
	}
	refused := restored(v1alpha1.DiskRestoreFilling)
	refused.Status.Restore.VolumeSnapshotName = ""
	for name, row := range map[string]struct {
		object client.Object
		field  string
		keys   []string
	}{
		"a disk that is restored": {restored(v1alpha1.DiskRestoreFilling), DiskByRestore, []string{"monday-root"}},
		"one that was":            {restored(v1alpha1.DiskRestoreDone), DiskByRestore, nil},
		"one that is filled":      {restored(v1alpha1.DiskRestoreFilled), DiskByRestore, nil},
		"one of no snapshot yet":  {refused, DiskByRestore, nil},
		"one that is never":       {builder.Disk("shop", "root"), DiskByRestore, nil},
		"a clone of a WukongVM": {builder.CloneOfVM("shop", "copy", "web", "web-2"), CloneBySource,
			[]string{model.Origin{Kind: model.KindMachine, Namespace: "shop", Name: "web"}.Key()}},
		"of another namespace": {builder.CloneOfVM("shop", "copy", "web", "web-2", builder.CloneFrom("golden")),
			CloneBySource, []string{model.Origin{Kind: model.KindMachine, Namespace: "golden", Name: "web"}.Key()}},
		"a clone of a disk of the name": {builder.CloneOfDisk("shop", "copy", "web", "web-2"), CloneBySource,
			[]string{model.Origin{Kind: model.KindDisk, Namespace: "shop", Name: "web"}.Key()}},
		"a clone of a snapshot": {builder.CloneOfSnapshot("shop", "copy", "monday", "web-2"), CloneBySource,
			[]string{model.Origin{Kind: model.KindWukongSnapshot, Namespace: "shop", Name: "monday"}.Key()}},
		"what a clone makes": {builder.CloneOfVM("shop", "copy", "web", "web-2"), CloneByTarget, []string{"web-2"}},
		"what a migration moves": {builder.Migration("shop", "away", "web", time.Unix(0, 0)), MigrationByVM,
			[]string{"web"}},
		"a WukongVM that restores nothing":    {builder.VM("shop", "web"), VMBySnapshot, nil},
		"one that restores":                   {restoring, VMBySnapshot, []string{"monday"}},
		"one that has not taken a snapshot":   {begun, VMBySnapshot, []string{"monday"}},
		"one with a safety snapshot":          {guarded, VMBySnapshot, []string{"monday", "before-monday"}},
		"one that shall not restore any more": {forgotten, VMBySnapshot, []string{"before-monday"}},
		"the pod network has no attachment": {builder.Network("shop", "pods", builder.PodNetwork), NetworkByAttachment,
			nil},
		"a disk without a source is of no origin": {builder.Disk("shop", "data"), DiskByOrigin, nil},
	} {
		assert.Equal(t, row.keys, keysOf(t, row.object, row.field), name)
	}
}

// Only references that Wukong wrote count. A foreign kind can have the same name.
func TestKeysOfOwners(t *testing.T) {
	reference := func(apiVersion, kind, name, uid string) metav1.OwnerReference {
		return metav1.OwnerReference{APIVersion: apiVersion, Kind: kind, Name: name, UID: types.UID("uid-of-" + uid)}
	}
	ours := v1alpha1.GroupVersion.String()
	disk := builder.Disk("shop", "root")
	disk.OwnerReferences = []metav1.OwnerReference{
		reference("example.com/v1", "WukongVM", "foreign", "1"), reference(ours, "WukongDisk", "data", "2"),
		reference(ours, "WukongVM", "web", "3"), reference("example.com/v1", "Wukong", "foreign", "4"),
		reference(ours, "Wukong", "shop", "5"), reference(ours, "Wukong", "other", "6"),
	}
	assert.Equal(t, []string{"web"}, keysOf(t, disk, DiskByOwner))
	assert.Equal(t, []string{"uid-of-5", "uid-of-6"}, OfUmbrella(disk).Keys(disk))
	disk.Annotations = map[string]string{v1alpha1.AnnotationRetainedFor: "db/7"}
	assert.Equal(t, []string{"web", "db"}, keysOf(t, disk, DiskByOwner))
	disk.Annotations[v1alpha1.AnnotationRetainedFor] = "db"
	assert.Equal(t, []string{"web"}, keysOf(t, disk, DiskByOwner), "an annotation that names no UID")
}

// A network of any kind that reaches the nodes has a segment, and two on one wire have the same.
func TestKeysOfSegments(t *testing.T) {
	vlan := int32(7)
	bridge := func(namespace string, tag *int32) *v1alpha1.WukongNetwork {
		network := builder.Network(namespace, "lan", builder.OnBridge("br0"))
		network.Spec.Bridge.VLAN = tag
		return network
	}
	one, two := keysOf(t, bridge("shop", nil), NetworkBySegment), keysOf(t, bridge("lab", nil), NetworkBySegment)
	assert.Equal(t, one, two)
	assert.NotEqual(t, one, keysOf(t, bridge("shop", &vlan), NetworkBySegment))
	assert.Equal(t, []string{"macvlan/eth1"},
		keysOf(t, builder.Network("shop", "lan", builder.Passthru("eth1")), NetworkBySegment))
	assert.Equal(t, []string{"nad/lab/trunk"},
		keysOf(t, builder.Network("shop", "lan", builder.ExistingAttachment("lab", "trunk")), NetworkBySegment))
}

// Addresses that guests report are compared with those that users ask for: both have one form.
func TestKeysOfObservedAddresses(t *testing.T) {
	vm := builder.VM("shop", "web", builder.Networks(builder.Interface("lan", "lan"), builder.Interface("san", "san")))
	vm.Status.Networks = []v1alpha1.VMNetworkStatus{
		{Name: "san", NetworkName: "san", MACAddress: "02:00:00:00:00:BB", Addresses: []string{"10.0.0.5"}},
		{Name: "lan", NetworkName: "lan", MACAddress: "02:00:00:00:00:AA", Addresses: []string{"10.0.0.5", "10.0.0.4"}},
		{Name: "unplugged", MACAddress: "02:00:00:00:00:CC", Addresses: []string{"10.0.0.6"}},
		{Name: "old", NetworkName: "old", Addresses: []string{"10.0.0.7"}},
	}
	assert.Equal(t, []string{"02:00:00:00:00:aa", "02:00:00:00:00:bb", "10.0.0.4", "10.0.0.5", "10.0.0.7"},
		keysOf(t, vm, VMByObservedAddress))
	assert.Empty(t, keysOf(t, builder.VM("shop", "web"), VMByObservedAddress))
}

// What is listed by an index is what has the key, in the namespace or in all of them.
func TestWhatAnIndexFinds(t *testing.T) {
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	require.NoError(t, corev1.AddToScheme(scheme))
	base := fake.NewClientBuilder().WithScheme(scheme)
	for _, entry := range Of(&v1alpha1.WukongVM{}, VMByDisk, VMByNetwork) {
		base.WithIndex(entry.Of, entry.Field, entry.Keys)
	}
	using := func(namespace, name string, disks ...string) client.Object {
		return builder.VM(namespace, name, builder.Attached(disks...), builder.On("lan"))
	}
	cache := base.WithObjects(using("shop", "web", "data", "log"), using("shop", "db", "db"), using("lab", "web", "data"),
		builder.VM("shop", "data", builder.Stamped("data"))).Build()
	found := func(field, key, namespace string) (names []string) {
		list := &v1alpha1.WukongVMList{}
		require.NoError(t, cache.List(t.Context(), list, client.InNamespace(namespace),
			client.MatchingFields{field: key}))
		for i := range list.Items {
			names = append(names, list.Items[i].Namespace+"/"+list.Items[i].Name)
		}
		return names
	}
	assert.ElementsMatch(t, []string{"shop/web"}, found(VMByDisk, "data", "shop"))
	assert.ElementsMatch(t, []string{"shop/web", "lab/web"}, found(VMByDisk, "data", ""))
	assert.ElementsMatch(t, []string{"shop/data"}, found(VMByDisk, "data-data", "shop"), "the disk of a template")
	assert.Empty(t, found(VMByDisk, "dat", ""))
	assert.ElementsMatch(t, []string{"shop/web", "shop/db"}, found(VMByNetwork, "lan", "shop"))
}
