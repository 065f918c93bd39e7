package restore

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

// inputs are those of a VolumeSnapshot that is ready, whose claim still exists, changed by the functions.
func inputs(t *testing.T, changes ...func(*Inputs)) Inputs {
	t.Helper()
	export := &v1alpha1.WukongExport{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "monday"}}
	export.Spec.Source.VolumeSnapshot = &v1alpha1.ExportSnapshotSource{Name: "cut"}
	snapshot := NewSnapshot()
	set(t, snapshot, true, "status", "readyToUse")
	set(t, snapshot, "1Gi", "status", "restoreSize")
	set(t, snapshot, " data ", "spec", "source", "persistentVolumeClaimName")
	in := Inputs{Export: export, Served: true, Snapshot: snapshot, Origin: claim("data")}
	for _, change := range changes {
		change(&in)
	}
	return in
}

func set(t *testing.T, snapshot *unstructured.Unstructured, value any, fields ...string) {
	t.Helper()
	require.NoError(t, unstructured.SetNestedField(snapshot.Object, value, fields...))
}

// claim is a block device of 2Gi on the class fast.
func claim(name string) *corev1.PersistentVolumeClaim {
	return keeptest.Object(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: ptr.To("fast"), VolumeMode: ptr.To(corev1.PersistentVolumeBlock),
		},
		Status: corev1.PersistentVolumeClaimStatus{
			Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")},
		},
	}, diskstate.KeepClaim)
}

func TestWhyAVolumeSnapshotIsNotExported(t *testing.T) {
	unready := func(message string) func(*Inputs) {
		return func(in *Inputs) {
			set(t, in.Snapshot, false, "status", "readyToUse")
			if message != "" {
				set(t, in.Snapshot, message, "status", "error", "message")
			}
		}
	}
	noOrigin := func(in *Inputs) { in.Origin = nil }
	for name, row := range map[string]struct {
		changes        []func(*Inputs)
		reason, phrase string
	}{
		"not served": {
			[]func(*Inputs){func(in *Inputs) { in.Served = false }}, v1alpha1.ReasonDependencyMissing,
			"volumesnapshots",
		},
		"missing": {
			[]func(*Inputs){func(in *Inputs) { in.Snapshot = nil }}, v1alpha1.ReasonSourceMissing,
			"VolumeSnapshot cut does not exist in namespace shop",
		},
		"not ready": {[]func(*Inputs){unready("")}, v1alpha1.ReasonSourceNotReady, "it is not ready to use yet"},
		"it failed": {[]func(*Inputs){unready("pool is full")}, v1alpha1.ReasonSourceNotReady, "cut: pool is full"},
		"no origin": {[]func(*Inputs){noOrigin}, v1alpha1.ReasonInvalidSpec, "class and mode are not known"},
		"name taken": {
			[]func(*Inputs){func(in *Inputs) { in.Claim = claim("other") }}, v1alpha1.ReasonNameConflict,
			"PersistentVolumeClaim other already exists",
		},
		"no origin, but a class and mode": {
			[]func(*Inputs){noOrigin, func(in *Inputs) {
				in.Export.Spec.Source.VolumeSnapshot.StorageClassName = "slow"
				in.Export.Spec.Source.VolumeSnapshot.VolumeMode = corev1.PersistentVolumeFilesystem
			}}, "", "",
		},
		"restored": {[]func(*Inputs){func(in *Inputs) { in.Claim, in.Begun = claim("monday"), true }}, "", ""},
		"nothing":  {nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := inputs(t, row.changes...).Obstacle()
			if row.reason == "" {
				assert.Nil(t, found)
				return
			}
			assert.Equal(t, row.reason, found.Reason)
			assert.Contains(t, found.Message, row.phrase)
		})
	}
}

func TestTheRestoredClaim(t *testing.T) {
	restored := inputs(t).Desired()
	assert.Equal(t, "shop", restored.Namespace)
	assert.Equal(t, "fast", *restored.Spec.StorageClassName)
	assert.Equal(t, corev1.PersistentVolumeBlock, *restored.Spec.VolumeMode)
	assert.Equal(t, "cut", restored.Spec.DataSource.Name)
	assert.Equal(t, "2Gi", size(restored), "some drivers report the used bytes only")

	restored = inputs(t, func(in *Inputs) {
		set(t, in.Snapshot, "3Gi", "status", "restoreSize")
		in.Export.Spec.Source.VolumeSnapshot.StorageClassName = "slow"
		in.Export.Spec.Source.VolumeSnapshot.VolumeMode = corev1.PersistentVolumeFilesystem
	}).Desired()
	assert.Equal(t, "slow", *restored.Spec.StorageClassName, "the spec decides")
	assert.Equal(t, corev1.PersistentVolumeFilesystem, *restored.Spec.VolumeMode)
	assert.Equal(t, "3Gi", size(restored))

	restored = inputs(t, func(in *Inputs) {
		in.Origin = nil
		set(t, in.Snapshot, "", "status", "restoreSize")
	}).Desired()
	assert.Nil(t, restored.Spec.StorageClassName)
	assert.Equal(t, "1Mi", size(restored), "the driver makes it as large as necessary")
}

func size(claim *corev1.PersistentVolumeClaim) string {
	request := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	return request.String()
}

func TestTheOriginOfAVolumeSnapshot(t *testing.T) {
	assert.Empty(t, OriginName(nil))
	assert.Empty(t, OriginName(NewSnapshot()))
	assert.Equal(t, "data", OriginName(inputs(t).Snapshot))
}
