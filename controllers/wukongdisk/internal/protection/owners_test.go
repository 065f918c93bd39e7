package protection

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
)

func ownedBy(kind, name string, uid types.UID) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: kind, Name: name, UID: uid}
}

func existing[T client.Object](object T, uid types.UID, deleted bool) client.Object {
	object.SetUID(uid)
	if deleted {
		object.SetDeletionTimestamp(ptr.To(metav1.Now()))
		object.SetFinalizers([]string{metav1.FinalizerDeleteDependents})
	}
	return object
}

// A protected disk loses the references to owners that are deleted: else it would be deleted when a user removes the
// protection, years later.
func TestLostOwners(t *testing.T) {
	references := []metav1.OwnerReference{ownedBy("Wukong", "shop", "shop-uid"), ownedBy("WukongVM", "web", "web-uid"),
		{APIVersion: "v1", Kind: "ConfigMap", Name: "note", UID: "note-uid"},
		{APIVersion: "example.com/v1", Kind: "WukongVM", Name: "web", UID: "foreign-uid"}}
	shop := func(uid types.UID, deleted bool) client.Object {
		return existing(builder.Wukong("shop", "shop"), uid, deleted)
	}
	web := func(uid types.UID, deleted bool) client.Object {
		return existing(builder.VM("shop", "web"), uid, deleted)
	}
	for name, row := range map[string]struct {
		objects []client.Object
		lost    []types.UID
	}{
		"both exist":              {[]client.Object{shop("shop-uid", false), web("web-uid", false)}, nil},
		"the WukongVM is deleted": {[]client.Object{shop("shop-uid", false)}, []types.UID{"web-uid"}},
		"it is being deleted": {[]client.Object{shop("shop-uid", false), web("web-uid", true)},
			[]types.UID{"web-uid"}},
		"it was created again": {[]client.Object{shop("shop-uid", false), web("new", false)},
			[]types.UID{"web-uid"}},
		"the Wukong is being deleted": {[]client.Object{shop("shop-uid", true), web("web-uid", false)},
			[]types.UID{"shop-uid"}},
		"both are deleted": {nil, []types.UID{"shop-uid", "web-uid"}},
	} {
		t.Run(name, func(t *testing.T) {
			disk := diskWith(builder.Protected)
			disk.OwnerReferences = references
			lost, err := LostOwners(t.Context(), reader(t, nil, row.objects...), disk)
			require.NoError(t, err)
			assert.Equal(t, row.lost, lost)
			after := WithoutOwners(disk, lost)
			assert.Len(t, after.OwnerReferences, len(references)-len(lost))
			assert.Equal(t, references, disk.OwnerReferences, "an object of the cache is not changed")
			again, err := LostOwners(t.Context(), reader(t, nil, row.objects...), after)
			require.NoError(t, err)
			assert.Empty(t, again)
		})
	}
	disk := diskWith()
	disk.OwnerReferences = references
	lost, err := LostOwners(t.Context(), reader(t, errors.New("down")), disk)
	require.NoError(t, err, "an unprotected disk costs no read")
	assert.Empty(t, lost, "the garbage collector deletes it")
	disk.Spec.DeletionProtection = ptr.To(true)
	_, err = LostOwners(t.Context(), reader(t, errors.New("down")), disk)
	assert.ErrorContains(t, err, "down", "what is not known is not lost")
}

func reader(t *testing.T, err error, objects ...client.Object) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, obj client.Object,
			options ...client.GetOption) error {
			if err != nil {
				return err
			}
			return inner.Get(ctx, key, obj, options...)
		},
	}).Build()
}

// The label is on what holds the bytes, and goes before what no longer holds them is deleted.
func TestWhatIsLabelled(t *testing.T) {
	claim := builder.Claim("shop", "root", "1Gi")
	claim.UID = "claim-uid"
	claim.OwnerReferences = []metav1.OwnerReference{
		{Kind: "DataVolume", Name: "root", UID: "volume-uid", Controller: ptr.To(true)}}
	unmanaged := claim.DeepCopy()
	unmanaged.OwnerReferences = nil
	deleted := diskWith(builder.Protected)
	deleted.DeletionTimestamp = ptr.To(metav1.Now())
	labelled := func(claim *corev1.PersistentVolumeClaim) *corev1.PersistentVolumeClaim {
		result := claim.DeepCopy()
		result.Labels = map[string]string{v1alpha1.LabelDeletionProtection: string(claim.UID)}
		return result
	}
	for name, row := range map[string]struct {
		view backing.View
		// labels are the new values by the UID of the object; nil removes the label.
		labels map[string]any
	}{
		"both": {backing.View{Disk: diskWith(builder.Protected), DataVolume: filled(), Claim: claim},
			map[string]any{"volume-uid": "volume-uid", "claim-uid": "claim-uid"}},
		"an unmanaged claim": {backing.View{Disk: diskWith(builder.Protected), Claim: unmanaged}, map[string]any{}},
		"an adopted claim": {
			backing.View{Disk: diskWith(builder.Protected, builder.Adopting("root")), Claim: claim}, map[string]any{}},
		"of a disk that is deleted": {backing.View{Disk: deleted, DataVolume: filled(), Claim: labelled(claim)},
			map[string]any{"claim-uid": nil}},
		"no longer protected": {backing.View{Disk: diskWith(), DataVolume: filled(), Claim: labelled(claim)},
			map[string]any{"claim-uid": nil}},
		"never protected": {backing.View{Disk: diskWith(), DataVolume: filled(), Claim: claim}, map[string]any{}},
		"settled but for one": {backing.View{Disk: diskWith(builder.Protected), DataVolume: filled(),
			Claim: labelled(claim)}, map[string]any{"volume-uid": "volume-uid"}},
	} {
		labels := map[string]any{}
		for _, change := range Changes(row.view, true) {
			labels[string(change.Object.GetUID())] = change.Labels[v1alpha1.LabelDeletionProtection]
			if change.Object.GetUID() == "claim-uid" {
				assert.Empty(t, change.Annotations, name)
			}
		}
		assert.Equal(t, row.labels, labels, name)
	}
	assert.Empty(t, Unprotect(claim))
	require.Len(t, Unprotect(labelled(claim)), 1)
	assert.Equal(t, map[string]any{v1alpha1.LabelDeletionProtection: nil}, Unprotect(labelled(claim))[0].Labels)
	copied := labelled(claim)
	copied.UID = "restored"
	assert.Empty(t, Unprotect(copied), "the label that a backup copied has no effect, and stays")
}

// Which storage outlives its disk. A disk that moves live may have its newest bytes in either claim.
func TestWhatIsRetained(t *testing.T) {
	retained := builder.Reclaim(v1alpha1.ReclaimRetain)
	assert.True(t, Retains(diskWith(retained)))
	assert.False(t, Retains(diskWith(builder.Reclaim(v1alpha1.ReclaimDelete))))
	assert.False(t, Retains(diskWith(retained, builder.Adopting("data"))), "an adopted claim is not its own")
	for name, row := range map[string]struct {
		move  *v1alpha1.DiskMove
		keeps bool
	}{
		"it does not move":     {nil, false},
		"a copy":               {&v1alpha1.DiskMove{Method: v1alpha1.MoveCopy, Phase: v1alpha1.MovePreparing}, false},
		"a live one, prepared": {&v1alpha1.DiskMove{Method: v1alpha1.MoveLive, Phase: v1alpha1.MovePreparing}, false},
		"a live one, in any other phase": {
			&v1alpha1.DiskMove{Method: v1alpha1.MoveLive, Phase: "Switching"}, true},
	} {
		disk := diskWith(retained)
		disk.Status.Move = row.move
		assert.Equal(t, row.keeps, KeepsTarget(disk), name)
	}
}

func TestChildrenWithAClaim(t *testing.T) {
	claim := builder.Claim("shop", "root", "1Gi")
	for name, row := range map[string]struct {
		view  backing.View
		names []string
	}{
		"nothing":          {backing.View{Disk: diskWith()}, nil},
		"a claim only":     {backing.View{Disk: diskWith(), Claim: claim}, []string{"PersistentVolumeClaim"}},
		"an adopted claim": {backing.View{Disk: diskWith(builder.Adopting("root")), Claim: claim}, nil},
		"both": {backing.View{Disk: diskWith(), Claim: claim, DataVolume: filled()},
			[]string{"DataVolume", "PersistentVolumeClaim"}},
	} {
		var names []string
		for _, child := range Children(row.view) {
			switch child.Object.(type) {
			case *cdiv1.DataVolume:
				names = append(names, "DataVolume")
			case *corev1.PersistentVolumeClaim:
				names = append(names, "PersistentVolumeClaim")
				assert.Empty(t, child.Annotations, name)
			}
		}
		assert.Equal(t, row.names, names, name)
	}
}
