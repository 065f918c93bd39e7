package source

import (
	"testing"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

// volumeSnapshot is a VolumeSnapshot that is ready, and restores to a size unless that is empty.
func volumeSnapshot(name, restoreSize string, changes ...func(*snapshotv1.VolumeSnapshot)) *snapshotv1.VolumeSnapshot {
	snapshot := &snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Status:     &snapshotv1.VolumeSnapshotStatus{ReadyToUse: ptr.To(true)},
	}
	if restoreSize != "" {
		snapshot.Status.RestoreSize = ptr.To(resource.MustParse(restoreSize))
	}
	for _, change := range changes {
		change(snapshot)
	}
	return snapshot
}

func unobserved(snapshot *snapshotv1.VolumeSnapshot) { snapshot.Status = nil }
func unready(snapshot *snapshotv1.VolumeSnapshot)    { snapshot.Status.ReadyToUse = ptr.To(false) }
func ending(snapshot *snapshotv1.VolumeSnapshot) {
	snapshot.DeletionTimestamp = ptr.To(metav1.NewTime(time.Unix(1, 0)))
}

// broken reports an error; a nil message is one without a word.
func broken(message *string) func(*snapshotv1.VolumeSnapshot) {
	return func(snapshot *snapshotv1.VolumeSnapshot) {
		snapshot.Status.ReadyToUse, snapshot.Status.Error = ptr.To(false), &snapshotv1.VolumeSnapshotError{Message: message}
	}
}

// boundClaim is the claim that holds the disk, on a class.
func boundClaim(class string) *corev1.PersistentVolumeClaim {
	return keeptest.Object(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "root"},
		Spec:       corev1.PersistentVolumeClaimSpec{StorageClassName: &class},
		Status:     corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}, diskstate.KeepClaim)
}

// A disk is restored to a claim of its size, or of the size of the snapshot when that differs only by the overhead of a
// file system.
func TestRestorable(t *testing.T) {
	type list = []client.Object
	snapshot := func(restoreSize string, changes ...func(*snapshotv1.VolumeSnapshot)) list {
		return list{volumeSnapshot("cut-root", restoreSize, changes...)}
	}
	const isTaken = "it is being taken"
	for name, row := range map[string]struct {
		objects list
		size    string
		class   string
		// capacity of the claim that holds the disk.
		capacity string
		// missing: it does not exist, or not much longer. requests is the size of the DataVolume; empty for none.
		missing         bool
		requests, waits string
		reason, problem string
	}{
		"does not exist":   {objects: list{}, size: "1Gi", requests: "1Gi", missing: true},
		"of another name":  {objects: list{volumeSnapshot("cut-data", "1Gi")}, size: "1Gi", requests: "1Gi", missing: true},
		"is being deleted": {objects: snapshot("1Gi", ending), size: "1Gi", requests: "1Gi", missing: true},
		"nothing is known": {objects: snapshot("", unobserved), size: "1Gi", requests: "1Gi",
			waits: isTaken},
		"is not ready": {objects: snapshot("1Gi", unready), size: "1Gi", requests: "1Gi",
			waits: isTaken},
		"is not ready, too big": {objects: snapshot("9Gi", unready), size: "1Gi", requests: "1Gi",
			waits: isTaken},
		"failed": {objects: snapshot("", broken(ptr.To("pool is full"))), size: "1Gi", requests: "1Gi",
			waits: "pool is full"},
		"failed without a word": {objects: snapshot("", broken(nil)), size: "1Gi", requests: "1Gi",
			waits: "it failed without a word"},
		"ready, of no size":       {objects: snapshot(""), size: "1Gi", requests: "1Gi"},
		"of the same size":        {objects: snapshot("1Gi"), size: "1Gi", requests: "1Gi"},
		"the disk has grown":      {objects: snapshot("1Gi"), size: "4Gi", requests: "4Gi"},
		"larger by a file system": {objects: snapshot("138704Ki"), size: "128Mi"},
		"larger by all of that":   {objects: snapshot("136Mi"), size: "128Mi"},
		"larger by more than that": {objects: snapshot("137Mi"), size: "128Mi", requests: "128Mi",
			reason: v1alpha1.ReasonInvalidSpec, problem: "spec.size is 128Mi, and VolumeSnapshot shop/cut-root " +
				"restores to 137Mi: set spec.size to 129Mi or more"},
		"on a class with less of it": {objects: snapshot("136Mi"), size: "128Mi", class: "thrifty",
			requests: "128Mi",
			reason:   v1alpha1.ReasonInvalidSpec, problem: "spec.size is 128Mi, and VolumeSnapshot shop/cut-root " +
				"restores to 136Mi: set spec.size to 134Mi or more"},
		"rounded up by the storage":      {objects: snapshot("11Gi"), size: "10Gi", capacity: "11Gi"},
		"rounded up, and less than that": {objects: snapshot("11Gi"), size: "10Gi", capacity: "12Gi"},
		"larger than the claim": {objects: snapshot("12Gi"), size: "10Gi", capacity: "11Gi", requests: "10Gi",
			reason: v1alpha1.ReasonInvalidSpec, problem: "spec.size is 10Gi, and VolumeSnapshot shop/cut-root restores " +
				"to 12Gi: set spec.size to 11612Mi or more"},
		"just within less of it": {objects: snapshot("130Mi"), size: "128Mi", class: "thrifty"},
	} {
		t.Run(name, func(t *testing.T) {
			claim := boundClaim(row.class)
			if row.capacity != "" {
				claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(row.capacity)}
			}
			origin, err := readerOf(t, true, row.objects...).Restorable(t.Context(), claim, "cut-root",
				ptr.To(resource.MustParse(row.size)))
			require.NoError(t, err)
			assert.Equal(t, row.waits, origin.Waits)
			assert.Equal(t, row.missing, origin.Missing)
			if !row.missing {
				assert.Equal(t, snapshotSource("shop", "cut-root"), origin.Source)
			}
			if row.requests == "" {
				assert.Nil(t, origin.Size)
			} else if assert.NotNil(t, origin.Size) {
				assert.Equal(t, row.requests, origin.Size.String())
			}
			if row.reason == "" {
				assert.Nil(t, origin.Problem)
				return
			}
			require.NotNil(t, origin.Problem)
			assert.Equal(t, row.reason, origin.Problem.Reason)
			assert.Equal(t, row.problem, origin.Problem.Message)
		})
	}
}

func TestRestorableWithoutItsNeeds(t *testing.T) {
	size := ptr.To(resource.MustParse("1Gi"))
	ready := readerOf(t, true, volumeSnapshot("cut-root", "1Gi"))
	for _, claim := range []*corev1.PersistentVolumeClaim{nil, boundClaim("fast")} {
		known := size
		if claim != nil {
			known = nil
		}
		origin, err := ready.Restorable(t.Context(), claim, "cut-root", known)
		require.NoError(t, err)
		assert.Equal(t, "the claim of the disk does not exist yet", origin.Waits)
		assert.False(t, origin.Missing)
	}

	origin, err := readerOf(t, false, volumeSnapshot("cut-root", "1Gi")).Restorable(
		t.Context(), boundClaim("fast"), "cut-root", size)
	require.NoError(t, err)
	require.NotNil(t, origin.Problem, "nobody serves VolumeSnapshots")
	assert.Equal(t, v1alpha1.ReasonDependencyMissing, origin.Problem.Reason)
	assert.Contains(t, origin.Problem.Message, "the cluster does not serve volumesnapshots.snapshot.storage.k8s.io")
	assert.False(t, origin.Missing, "it may exist")

	// A read that fails is no VolumeSnapshot that was deleted: the restore would fail.
	mute := readerOf(t, true)
	mute.Storage.Cached = objects{}
	_, err = mute.Restorable(t.Context(), boundClaim("fast"), "cut-root", size)
	assert.ErrorContains(t, err, "connection refused")
	mute = readerOf(t, true, volumeSnapshot("cut-root", "9Gi"))
	mute.Storage.Live = objects{}
	_, err = mute.Restorable(t.Context(), boundClaim("fast"), "cut-root", size)
	assert.ErrorContains(t, err, "connection refused", "the overhead is not known")
}
