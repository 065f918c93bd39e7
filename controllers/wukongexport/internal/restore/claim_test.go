package restore

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// A claim that is too small is refused by the driver for ever, and the schema of VolumeSnapshots leaves the size open.
func TestTheSizeOfARestoredClaim(t *testing.T) {
	for name, row := range map[string]struct {
		reported any
		capacity string
		size     string
	}{
		"of the claim, which is larger":  {"1Gi", "2Gi", "2Gi"},
		"of the snapshot, which is":      {"3Gi", "2Gi", "3Gi"},
		"the same":                       {"2Gi", "2048Mi", "2Gi"},
		"not reported":                   {nil, "2Gi", "2Gi"},
		"no quantity":                    {"large", "2Gi", "2Gi"},
		"no text":                        {int64(5), "2Gi", "2Gi"},
		"no claim any more":              {"1Gi", "", "1Gi"},
		"no claim, and nothing reported": {nil, "", "1Mi"},
		"zero":                           {"0", "", "1Mi"},
	} {
		restored := inputs(t, func(in *Inputs) {
			delete(in.Snapshot.Object["status"].(map[string]any), "restoreSize")
			if row.reported != nil {
				set(t, in.Snapshot, row.reported, "status", "restoreSize")
			}
			if row.capacity == "" {
				in.Origin = nil
				return
			}
			in.Origin.Status.Capacity[corev1.ResourceStorage] = resource.MustParse(row.capacity)
		}).Desired()
		assert.Equal(t, row.size, size(restored), name)
	}
}

// What the spec leaves open is that of the claim that the snapshot was taken of.
func TestTheClassAndModeOfARestoredClaim(t *testing.T) {
	const file, block = corev1.PersistentVolumeFilesystem, corev1.PersistentVolumeBlock
	for name, row := range map[string]struct {
		change func(*Inputs)
		class  *string
		mode   corev1.PersistentVolumeMode
	}{
		"of the claim": {func(*Inputs) {}, ptr.To("fast"), block},
		"another class": {func(in *Inputs) { in.Export.Spec.Source.VolumeSnapshot.StorageClassName = "slow" },
			ptr.To("slow"), block},
		"another mode": {func(in *Inputs) { in.Export.Spec.Source.VolumeSnapshot.VolumeMode = file },
			ptr.To("fast"), file},
		"a claim without a mode":  {func(in *Inputs) { in.Origin.Spec.VolumeMode = nil }, ptr.To("fast"), file},
		"a claim without a class": {func(in *Inputs) { in.Origin.Spec.StorageClassName = nil }, nil, block},
	} {
		in := inputs(t, row.change)
		restored := in.Desired()
		assert.Equal(t, row.class, restored.Spec.StorageClassName, name)
		assert.Equal(t, row.mode, *restored.Spec.VolumeMode, name)
		assert.Equal(t, row.mode, in.Mode(), name)
	}
	restored := inputs(t).Desired()
	assert.Equal(t, model.ExportClaimName(inputs(t).Export), restored.Name)
	assert.Equal(t, "VolumeSnapshot", restored.Spec.DataSource.Kind)
	assert.Equal(t, "snapshot.storage.k8s.io", *restored.Spec.DataSource.APIGroup)
	assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, restored.Spec.AccessModes)
	assert.Empty(t, restored.Spec.VolumeName)
}

// Of several obstacles, the first that a user has to resolve is reported.
func TestTheOrderOfObstacles(t *testing.T) {
	unready := func(in *Inputs) { set(t, in.Snapshot, false, "status", "readyToUse") }
	taken := func(in *Inputs) { in.Claim = claim("other") }
	lost := func(in *Inputs) { in.Origin = nil }
	gone := func(in *Inputs) { in.Snapshot = nil }
	unserved := func(in *Inputs) { in.Served = false }
	for name, row := range map[string]struct {
		changes []func(*Inputs)
		reason  string
	}{
		"not served, and missing":     {[]func(*Inputs){unserved, gone, lost}, v1alpha1.ReasonDependencyMissing},
		"missing, and no origin":      {[]func(*Inputs){gone, lost, taken}, v1alpha1.ReasonSourceMissing},
		"not ready, and no origin":    {[]func(*Inputs){unready, lost}, v1alpha1.ReasonSourceNotReady},
		"no origin, and a claim":      {[]func(*Inputs){lost, taken}, v1alpha1.ReasonNameConflict},
		"not ready, and a name taken": {[]func(*Inputs){unready, taken}, v1alpha1.ReasonSourceNotReady},
	} {
		found := inputs(t, row.changes...).Obstacle()
		require.NotNil(t, found, name)
		assert.Equal(t, row.reason, found.Reason, name)
		assert.False(t, found.Finished(), "%s: the export waits", name)
	}
	half := inputs(t, lost, func(in *Inputs) { in.Export.Spec.Source.VolumeSnapshot.VolumeMode = "Block" }).Obstacle()
	require.NotNil(t, half, "the class is not known")
	assert.Equal(t, v1alpha1.ReasonInvalidSpec, half.Reason)
	statusless := inputs(t, func(in *Inputs) { delete(in.Snapshot.Object, "status") }).Obstacle()
	require.NotNil(t, statusless)
	assert.Equal(t, "VolumeSnapshot cut: it is not ready to use yet", statusless.Message)
}

func TestNamesOfOrigins(t *testing.T) {
	for name, row := range map[string]struct {
		value any
		found string
	}{
		"a name": {"data", "data"}, "spaces": {"  ", ""}, "a number": {int64(7), ""}, "empty": {"", ""},
	} {
		snapshot := NewSnapshot()
		set(t, snapshot, row.value, "spec", "source", "persistentVolumeClaimName")
		assert.Equal(t, row.found, OriginName(snapshot), name)
	}
	content := NewSnapshot()
	set(t, content, "content-1", "spec", "source", "volumeSnapshotContentName")
	assert.Empty(t, OriginName(content), "a snapshot that was imported is of no claim")
}
