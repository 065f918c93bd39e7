package source

import (
	"testing"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
)

// reporting are the conditions Ready and Complete.
func reporting(status metav1.ConditionStatus, reason, message string) []metav1.Condition {
	return []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: message},
		{Type: v1alpha1.ConditionComplete, Status: status, Reason: reason},
	}
}

var ready = reporting(metav1.ConditionTrue, v1alpha1.ReasonReady, "")

// deleted marks an object as being deleted.
func deleted[T client.Object](object T) T {
	object.SetDeletionTimestamp(ptr.To(metav1.NewTime(time.Unix(1, 0))))
	return object
}

// golden is a WukongDisk that others clone. Its claim does not have its name, because it has moved.
func golden(conditions []metav1.Condition) *v1alpha1.WukongDisk {
	disk := builder.Disk("shop", "golden")
	disk.Status.ClaimName, disk.Status.Conditions = "golden-2", conditions
	return disk
}

// monday is a WukongSnapshot of some disks.
func monday(conditions []metav1.Condition, disks ...string) *v1alpha1.WukongSnapshot {
	snapshot := builder.SnapshotOfVM("shop", "monday", "web")
	snapshot.Status.Conditions = conditions
	for _, disk := range disks {
		snapshot.Status.Disks = append(snapshot.Status.Disks,
			v1alpha1.SnapshotDiskStatus{Name: disk, VolumeSnapshotName: "cut-" + disk})
	}
	return snapshot
}

// debian is a WukongImage with its current version, which has a claim or is a VolumeSnapshot.
func debian(claim string) *v1alpha1.WukongImage {
	image := &v1alpha1.WukongImage{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "debian"}}
	image.Status.CurrentVersion = "debian-2"
	image.Status.Versions = []v1alpha1.ImageVersion{{Name: "debian-1"}, {Name: "debian-2", ClaimName: claim}}
	return image
}

func withoutVersion(image *v1alpha1.WukongImage) *v1alpha1.WukongImage {
	image.Status.CurrentVersion = ""
	image.Status.Conditions = reporting(metav1.ConditionFalse, v1alpha1.ReasonImporting, "debian-1 is being imported")
	return image
}

func claimOf(phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
	return keeptest.Object(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "golden"},
		Status:     corev1.PersistentVolumeClaimStatus{Phase: phase},
	}, diskstate.KeepClaim)
}

// guest is a WukongVM that runs on the golden disk.
func guest() *v1alpha1.WukongVM {
	vm := builder.VM("shop", "web", builder.Attached("golden"))
	vm.Status.NodeName = "node1"
	vm.Status.Disks = []v1alpha1.VMDiskStatus{{
		Name: "golden", DiskName: "golden", ClaimName: "golden-2", Attachment: v1alpha1.DiskAttached,
	}}
	return vm
}

// What a clone of each kind of object is made from, or why it is not made.
func TestOriginOfEachKind(t *testing.T) {
	importing := reporting(metav1.ConditionFalse, v1alpha1.ReasonImporting, "DataVolume golden is being filled")
	third := reporting(metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "WukongDisk shop/base: it waits")
	taking := reporting(metav1.ConditionFalse, v1alpha1.ReasonInProgress, "the guest is being frozen")
	failed := func(snapshot *snapshotv1.VolumeSnapshot) {
		unready(snapshot)
		snapshot.Status.Error = &snapshotv1.VolumeSnapshotError{Message: ptr.To("pool is full")}
	}
	disk, claim := builder.CloneOf("", "golden"), builder.CloneOfClaim("", "golden")
	image, snapshot, volume := builder.FromImage("", "debian"), builder.FromSnapshotOfVM("monday", "root"),
		builder.FromVolumeSnapshot("cut-root")
	const missing = " does not exist; create it, and the disk continues automatically"
	type list = []client.Object
	for name, row := range map[string]struct {
		of      builder.DiskOption
		objects list
		source  *cdiv1.DataVolumeSource
		problem string // empty when the clone can be made from source
	}{
		"a disk":                       {disk, list{golden(ready)}, claimSource("shop", "golden-2"), ""},
		"a disk that is not there":     {disk, nil, nil, "WukongDisk shop/golden" + missing},
		"a disk that is being deleted": {disk, list{deleted(golden(ready))}, nil, "WukongDisk shop/golden" + missing},
		"a disk that is being filled": {disk, list{golden(importing)}, nil,
			"WukongDisk shop/golden: DataVolume golden is being filled"},
		"a disk that waits itself": {disk, list{golden(third)}, nil,
			"WukongDisk shop/golden: it waits itself for what it is a clone of"},
		"a disk that a guest has": {disk, list{golden(ready), guest()}, nil, "WukongDisk shop/golden: it is in use by " +
			"WukongVM web, and only what no guest has is copied: stop that WukongVM (powerState: Stopped), or detach the " +
			"disk, and this one continues automatically; or clone a WukongSnapshot of it"},

		"a claim":                   {claim, list{claimOf(corev1.ClaimBound)}, claimSource("shop", "golden"), ""},
		"a claim that is not there": {claim, nil, nil, "PersistentVolumeClaim shop/golden" + missing},
		"a claim that is being deleted": {claim, list{deleted(claimOf(corev1.ClaimBound))}, nil,
			"PersistentVolumeClaim shop/golden" + missing},
		"a claim that is not bound": {claim, list{claimOf(corev1.ClaimPending)}, nil,
			"PersistentVolumeClaim shop/golden: it is not bound"},

		"an image with a claim":    {image, list{debian("imported")}, claimSource("shop", "imported"), ""},
		"an image with a snapshot": {image, list{debian("")}, snapshotSource("shop", "debian-2"), ""},
		"an image without a disk": {image, list{withoutVersion(debian(""))}, nil,
			"WukongImage shop/debian: debian-1 is being imported"},
		"an image that is deleted":  {image, list{deleted(debian(""))}, nil, "WukongImage shop/debian" + missing},
		"an image that is not here": {image, nil, nil, "WukongImage shop/debian" + missing},

		"a snapshot": {snapshot, list{monday(ready, "root", "data"), volumeSnapshot("cut-root", "1Gi")},
			snapshotSource("shop", "cut-root"), ""},
		"a snapshot that is being taken": {snapshot, list{monday(taking, "root"), volumeSnapshot("cut-root", "1Gi")}, nil,
			"WukongSnapshot shop/monday: the guest is being frozen"},
		"a snapshot that is being deleted": {snapshot,
			list{deleted(monday(ready, "root")), volumeSnapshot("cut-root", "1Gi")}, nil,
			"WukongSnapshot shop/monday" + missing},
		"a snapshot whose bytes are lost": {snapshot, list{monday(ready, "root")}, nil,
			"WukongSnapshot shop/monday: VolumeSnapshot shop/cut-root was deleted"},
		"a snapshot whose bytes are being deleted": {snapshot,
			list{monday(ready, "root"), deleted(volumeSnapshot("cut-root", "1Gi"))}, nil,
			"WukongSnapshot shop/monday: VolumeSnapshot shop/cut-root was deleted"},
		"a snapshot of another disk": {snapshot, list{monday(ready, "data")}, nil, "WukongSnapshot shop/monday contains no " +
			"disk root (it contains: data): create another WukongDisk that names one of them in source.snapshot.disk"},
		"a snapshot that is too large": {snapshot, list{monday(ready, "root"), volumeSnapshot("cut-root", "2Gi")}, nil,
			"spec.size is 1Gi, and VolumeSnapshot shop/cut-root restores to 2Gi: set spec.size to 1935Mi or more"},

		"a VolumeSnapshot": {volume, list{volumeSnapshot("cut-root", "")},
			snapshotSource("shop", "cut-root"), ""},
		"a VolumeSnapshot that failed": {volume, list{volumeSnapshot("cut-root", "", failed)}, nil,
			"VolumeSnapshot shop/cut-root: pool is full"},
		"a VolumeSnapshot that is gone": {volume, nil, nil, "VolumeSnapshot shop/cut-root" + missing},
	} {
		t.Run(name, func(t *testing.T) {
			in := Inputs{View: backing.View{Disk: builder.Disk("shop", "root", row.of)}}
			var err error
			in.Origin, err = readerOf(t, true, row.objects...).Origin(t.Context(), in)
			require.NoError(t, err)
			found := in.Problem()
			if row.problem == "" {
				assert.Nil(t, found)
				assert.Equal(t, row.source, in.Desired().Spec.Source)
				return
			}
			require.NotNil(t, found)
			assert.Equal(t, row.problem, found.Message)
		})
	}
}

// What a release does not see it does not clone, and a disk that is no clone, or has its bytes, reads nothing.
func TestOriginsThatAreNotRead(t *testing.T) {
	elsewhere := Inputs{View: backing.View{Disk: builder.Disk("shop", "root", builder.CloneOf("lab", "golden"))}}
	var err error
	elsewhere.Origin, err = readerOf(t, true).Origin(t.Context(), elsewhere)
	require.NoError(t, err)
	require.NotNil(t, elsewhere.Problem())
	assert.Equal(t, v1alpha1.ReasonCloneNotGranted, elsewhere.Problem().Reason)
	assert.Contains(t, elsewhere.Problem().Message,
		"does not work in namespace lab, and does not see WukongDisk lab/golden")

	unserved := Inputs{View: backing.View{Disk: builder.Disk("shop", "root", builder.FromVolumeSnapshot("cut"))}}
	unserved.Origin, err = readerOf(t, false).Origin(t.Context(), unserved)
	require.NoError(t, err)
	require.NotNil(t, unserved.Problem())
	assert.Equal(t, v1alpha1.ReasonDependencyMissing, unserved.Problem().Reason)

	mute := readerOf(t, true)
	mute.Storage.Cached = objects{}
	for name, of := range map[string]builder.DiskOption{
		"disk": builder.CloneOf("", "golden"), "claim": builder.CloneOfClaim("", "golden"),
		"image": builder.FromImage("", "debian"), "snapshot": builder.FromSnapshotOfVM("monday", "root"),
		"VolumeSnapshot": builder.FromVolumeSnapshot("cut-root"),
	} {
		in := Inputs{View: backing.View{Disk: builder.Disk("shop", "root", of)}}
		_, err := mute.Origin(t.Context(), in)
		assert.ErrorContains(t, err, "connection refused", name)
		in.DataVolume = &cdiv1.DataVolume{}
		origin, err := mute.Origin(t.Context(), in)
		assert.NoError(t, err, name)
		assert.Nil(t, origin, "%s: the clone is made", name)
		in.DataVolume, in.Claim = nil, claimOf(corev1.ClaimBound)
		origin, err = mute.Origin(t.Context(), in)
		assert.NoError(t, err, name)
		assert.Nil(t, origin, "%s: CDI collected the DataVolume", name)
	}
	origin, err := mute.Origin(t.Context(), Inputs{View: backing.View{Disk: builder.Disk("shop", "root")}})
	assert.NoError(t, err)
	assert.Nil(t, origin, "no clone")
}
