package backing

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/index"
)

// cache is a cache with the index of disks by their claim, which counts how often DataVolumes are listed.
type cache struct {
	client.Reader
	lists int
	err   error
}

func cacheOf(t *testing.T, objects ...client.Object) *cache {
	t.Helper()
	scheme, made := runtime.NewScheme(), &cache{}
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, storagev1.AddToScheme, v1alpha1.AddToScheme, cdiv1.AddToScheme,
	} {
		require.NoError(t, add(scheme))
	}
	byClaim := index.Of(&v1alpha1.WukongDisk{}, index.DiskByClaim)[0]
	made.Reader = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithIndex(byClaim.Of, byClaim.Field, byClaim.Keys).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, inner client.WithWatch, list client.ObjectList,
			options ...client.ListOption) error {
			if made.err != nil {
				return made.err
			}
			if _, is := list.(*cdiv1.DataVolumeList); is {
				made.lists++
			}
			return inner.List(ctx, list, options...)
		},
	}).Build()
	return made
}

// copyNamed is a DataVolume that the disk was moved to, or will be.
func copyNamed(name, from string, inUse bool) *cdiv1.DataVolume {
	made := dataVolumeIn(cdiv1.Succeeded)
	made.Name, made.UID = name, "uid-of-"+made.UID
	made.Labels = map[string]string{v1alpha1.LabelDisk: "disk-uid"}
	made.Annotations = map[string]string{v1alpha1.AnnotationMovedFrom: from}
	if inUse {
		made.Annotations[v1alpha1.AnnotationInUse] = "true"
	}
	return made
}

func claimNamed(name string) *corev1.PersistentVolumeClaim {
	made := claimIn(corev1.ClaimBound)
	made.Name = name
	return made
}

// settled is a disk that was never moved nor restored.
func settled(generation int64) *v1alpha1.WukongDisk {
	disk := diskWith()
	disk.Generation, disk.Status.ClaimName = generation, "root"
	return disk
}

// The claim of a disk is found from what exists. Most disks need no list of DataVolumes for it.
func TestWhatHoldsADisk(t *testing.T) {
	moved, lost := settled(2), diskWith()
	moved.Status.ClaimName = "root-2"
	foreign := copyNamed("root-2", "root", true)
	foreign.OwnerReferences = controlledBy("WukongDisk", "root", "former")
	for name, row := range map[string]struct {
		disk              *v1alpha1.WukongDisk
		unserved          bool
		objects           []client.Object
		dataVolume, claim string
		lists             int
	}{
		"nothing yet": {disk: settled(1)},
		"its first DataVolume": {disk: settled(1),
			objects: []client.Object{dataVolumeIn(cdiv1.Pending)}, dataVolume: "root"},
		"its first, and a claim": {disk: settled(1),
			objects: []client.Object{dataVolumeIn(cdiv1.Succeeded), claimNamed("root")}, dataVolume: "root", claim: "root"},
		"its spec was changed": {disk: settled(2),
			objects: []client.Object{claimNamed("root")}, claim: "root", lists: 1},
		"a move that has not ended": {disk: settled(2),
			objects: []client.Object{dataVolumeIn(cdiv1.Succeeded), copyNamed("root-2", "root", false),
				claimNamed("root"), claimNamed("root-2")}, dataVolume: "root", claim: "root", lists: 1},
		"it has moved": {disk: moved,
			objects: []client.Object{dataVolumeIn(cdiv1.Succeeded), copyNamed("root-2", "root", true),
				claimNamed("root"), claimNamed("root-2")}, dataVolume: "root-2", claim: "root-2", lists: 1},
		"it has moved, and status was lost": {disk: lost,
			objects: []client.Object{copyNamed("root-2", "root", true),
				claimNamed("root"), claimNamed("root-2")}, dataVolume: "root-2", claim: "root-2", lists: 1},
		"it has moved, and the DataVolume was deleted": {disk: moved,
			objects: []client.Object{claimNamed("root"), claimNamed("root-2")}, claim: "root-2", lists: 1},
		"a DataVolume of a former disk of the name": {disk: settled(2),
			objects: []client.Object{foreign, claimNamed("root")}, claim: "root", lists: 1},
		"CDI was removed": {disk: moved, unserved: true,
			objects: []client.Object{claimNamed("root"), claimNamed("root-2")}, claim: "root-2"},
		"an adopted claim": {disk: diskWith(builder.Adopting("legacy")),
			objects: []client.Object{dataVolumeIn(cdiv1.Succeeded), claimNamed("legacy"), claimNamed("root")}, claim: "legacy"},
	} {
		t.Run(name, func(t *testing.T) {
			cache := cacheOf(t, row.objects...)
			view, err := Read(t.Context(), cache, row.disk, !row.unserved)
			require.NoError(t, err)
			var dataVolume, claim string
			if view.DataVolume != nil {
				dataVolume = view.DataVolume.Name
			}
			if view.Claim != nil {
				claim = view.Claim.Name
			}
			assert.Equal(t, row.dataVolume, dataVolume)
			assert.Equal(t, row.claim, claim)
			assert.Equal(t, row.lists, cache.lists)
		})
	}
}

// What held the disk before is deleted, and never the claim of another.
func TestWhatNoLongerHoldsADisk(t *testing.T) {
	disk := settled(2)
	disk.Status.ClaimName = "root-2"
	stale := func(objects ...client.Object) (names []string) {
		view, err := Read(t.Context(), cacheOf(t, append(objects, copyNamed("root-2", "root", true))...), disk, true)
		require.NoError(t, err)
		for _, one := range view.Copies.Stale {
			names = append(names, one.Name)
		}
		return names
	}
	assert.Equal(t, []string{"root"}, stale(dataVolumeIn(cdiv1.Succeeded)))
	assert.Empty(t, stale())
	unmanaged := dataVolumeIn(cdiv1.Succeeded)
	unmanaged.OwnerReferences = nil
	assert.Empty(t, stale(unmanaged))
	cache := cacheOf(t)
	cache.err = errors.New("the cache is not synced")
	_, err := Read(t.Context(), cache, disk, true)
	assert.EqualError(t, err, "list the DataVolumes of disk root: the cache is not synced")
}

// A claim has one disk: the first that adopted it. Others report it.
func TestReadAdoption(t *testing.T) {
	later, now := storagev1.VolumeBindingWaitForFirstConsumer, storagev1.VolumeBindingImmediate
	class := func(mode *storagev1.VolumeBindingMode) client.Object {
		return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "fast"}, VolumeBindingMode: mode}
	}
	classless := claimIn(corev1.ClaimPending)
	classless.Spec.StorageClassName = ptr.To("")
	for name, row := range map[string]struct {
		claim   *corev1.PersistentVolumeClaim
		objects []client.Object
		later   bool
	}{
		"bound":                      {claimIn(corev1.ClaimBound), []client.Object{class(&later)}, false},
		"waits for its first use":    {claimIn(corev1.ClaimPending), []client.Object{class(&later)}, true},
		"of a class that binds now":  {claimIn(corev1.ClaimPending), []client.Object{class(&now)}, false},
		"of a class without a mode":  {claimIn(corev1.ClaimPending), []client.Object{class(nil)}, false},
		"of a class that is deleted": {claimIn(corev1.ClaimPending), nil, false},
		"without a class":            {classless, []client.Object{class(&later)}, false},
		"missing":                    {nil, []client.Object{class(&later)}, false},
	} {
		adoption, err := ReadAdoption(t.Context(), cacheOf(t, row.objects...), diskWith(builder.Adopting("root")), row.claim)
		require.NoError(t, err, name)
		assert.Equal(t, Adoption{BindsLater: row.later}, adoption, name)
	}
	adoption, err := ReadAdoption(t.Context(), cacheOf(t, class(&later)), diskWith(), claimIn(corev1.ClaimPending))
	require.NoError(t, err)
	assert.Equal(t, Adoption{}, adoption, "the DataVolume reports it of a claim that CDI made")
}

func TestTheMessagesOfAnAdoption(t *testing.T) {
	disk := diskWith(builder.Adopting("legacy"))
	missing := View{Disk: disk}.AdoptionProblem()
	assert.Equal(t, v1alpha1.ReasonClaimMissing, missing.Reason)
	assert.Equal(t, "PersistentVolumeClaim legacy does not exist in namespace shop; create it, or correct "+
		"source.persistentVolumeClaim.name", missing.Message)
	taken := View{Disk: disk, Claim: claimNamed("legacy"), Adoption: Adoption{Owner: "other"}}.AdoptionProblem()
	assert.Equal(t, v1alpha1.ReasonClaimInUse, taken.Reason)
	assert.Contains(t, taken.Message, "PersistentVolumeClaim legacy is that of WukongDisk other: use that one")
	assert.Nil(t, View{Disk: disk, Claim: claimNamed("legacy")}.AdoptionProblem())
	pending := View{Disk: disk, Claim: claimIn(corev1.ClaimPending)}
	assert.NotNil(t, pending.AdoptionProblem(), "it has no volume")
	pending.Adoption.BindsLater = true
	assert.NotEqual(t, View{Disk: disk, Claim: claimIn(corev1.ClaimPending)}.AdoptionProblem().Reason,
		pending.AdoptionProblem().Reason, "it gets one when the WukongVM starts")
}

// A move ends with what held the disk being stale, also when its DataVolume was deleted by hand.
func TestFinishMove(t *testing.T) {
	target := copyNamed("root-2", "root", false)
	view := View{Disk: diskWith(), DataVolume: dataVolumeIn(cdiv1.Succeeded), Claim: claimNamed("root"),
		TargetClaim: claimNamed("root-2")}
	view.Copies.Target = target
	view.FinishMove()
	assert.Equal(t, "root-2", view.ClaimName())
	assert.True(t, view.Moved())
	assert.Equal(t, "root-2", view.Claim.Name)
	assert.Same(t, target, view.DataVolume)
	assert.Nil(t, view.Copies.Target)
	assert.Nil(t, view.TargetClaim)
	require.Len(t, view.Copies.Stale, 1)
	assert.Equal(t, "root", view.Copies.Stale[0].Name)

	view = View{Disk: diskWith(), Claim: claimNamed("root"), TargetClaim: claimNamed("root-2")}
	view.Copies.Target = target
	view.FinishMove()
	assert.Empty(t, view.Copies.Stale)
	assert.Equal(t, "root-2", view.ClaimName())
}

// The annotations that record a user's choice start a pass, and the marks of the controller do not.
func TestWhichDisksAreLookedAtAgain(t *testing.T) {
	with := func(claim string, annotations map[string]string) *v1alpha1.WukongDisk {
		disk := diskWith()
		disk.Status.ClaimName, disk.Annotations = claim, annotations
		return disk
	}
	filled, chosen := map[string]string{v1alpha1.AnnotationFilled: "root"},
		map[string]string{v1alpha1.AnnotationClaimInUse: "root-2"}
	for name, row := range map[string]struct {
		before, after *v1alpha1.WukongDisk
		name, choice  bool
	}{
		"nothing":                    {with("root", filled), with("root", filled), false, false},
		"its claim is known":         {with("", nil), with("root", nil), true, false},
		"it has moved":               {with("root", nil), with("root-2", nil), true, false},
		"it is complete":             {with("root", nil), with("root", filled), false, false},
		"it is to be filled again":   {with("root", filled), with("root", nil), false, true},
		"its claim was chosen":       {with("root", nil), with("root", chosen), false, true},
		"the choice was taken back":  {with("root", chosen), with("root", nil), false, true},
		"an annotation of a program": {with("root", nil), with("root", map[string]string{"a": "b"}), false, false},
	} {
		update := event.UpdateEvent{ObjectOld: row.before, ObjectNew: row.after}
		assert.Equal(t, row.name, ClaimNameChange().Update(update), name)
		assert.Equal(t, row.choice, UserChoice().Update(update), name)
	}
	assert.True(t, ClaimNameChange().Delete(event.DeleteEvent{Object: diskWith()}), "another may adopt the claim")
	assert.False(t, UserChoice().Create(event.CreateEvent{Object: with("root", chosen)}))
	assert.False(t, UserChoice().Delete(event.DeleteEvent{Object: with("root", chosen)}))
}
