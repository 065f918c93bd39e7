package diskrestore

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

func adopting(in *Inputs) {
	in.Disk.Spec.Source = &v1alpha1.WukongDiskSource{PersistentVolumeClaim: &v1alpha1.ClaimSource{Name: "legacy"}}
}

func deletedDisk(in *Inputs) { in.Disk.DeletionTimestamp = ptr.To(metav1.NewTime(noon)) }
func shared(in *Inputs)      { in.Disk.Spec.Shared = ptr.To(true) }
func collected(in *Inputs)   { in.DataVolume = nil }
func incomplete(in *Inputs)  { in.Complete = false }
func moving(in *Inputs)      { in.Copies.Target = &cdiv1.DataVolume{} }
func nameTaken(in *Inputs)   { in.TargetClaim = claimIn(corev1.ClaimBound, newClaim) }

func origin(origin Origin) change { return func(in *Inputs) { in.Origin = origin } }

// A disk that cannot be restored fails, and one that can be later waits. Neither gets a DataVolume.
func TestWhatPreventsATarget(t *testing.T) {
	notTaken := origin(Origin{Source: fromSnapshot("cut-root"), Waits: "it is being taken"})
	missing := origin(Origin{Source: fromSnapshot("cut-root"), Missing: true})
	misfit := origin(Origin{
		Source: fromSnapshot("cut-root"), Problem: diskstate.Failed(v1alpha1.ReasonInvalidSpec, "set spec.size to 2Gi"),
	})
	for name, row := range map[string]struct {
		change  change
		report  v1alpha1.DiskRestorePhase
		message string
	}{
		"it adopts its claim": {adopting, "Failed",
			"the disk uses PersistentVolumeClaim legacy, which Wukong did not create"},
		"it is being deleted": {deletedDisk, "Failed", "the disk is being deleted"},
		"it is shared":        {shared, "Failed", "other WukongVMs share the disk"},
		"CDI collected the volume": {collected, "Failed",
			"CDI collected DataVolume root, and Wukong deletes claims only with their DataVolume"},
		"no VolumeSnapshot":          {missing, "Failed", "VolumeSnapshot cut-root was deleted"},
		"too small for the snapshot": {misfit, "Failed", "set spec.size to 2Gi"},

		"it moves":               {moving, "Filling", "waits until the disk has moved to another StorageClass"},
		"it is being filled":     {incomplete, "Filling", "waits until the disk is complete"},
		"it is filled by no one": {both(incomplete, collected), "Filling", "waits until the disk is complete"},
		"the snapshot is not ready": {notTaken, "Filling",
			"its VolumeSnapshot cannot be used yet: it is being taken"},
		"the name is taken": {nameTaken, "Filling", "PersistentVolumeClaim " + newClaim +
			", which has the name that the disk is restored to, must be deleted first"},

		"shared, and moves": {both(shared, moving), "Failed", "other WukongVMs share the disk"},
		"moves, and the snapshot is not ready": {both(moving, notTaken), "Filling",
			"waits until the disk has moved to another StorageClass"},
		"moves, and the snapshot does not exist": {both(moving, missing), "Failed",
			"VolumeSnapshot cut-root was deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			decided := inputs(row.change).Decide()
			assert.Equal(t, "-", stepOf(decided))
			require.NotNil(t, decided.Status)
			assert.Equal(t, row.report, decided.Status.Phase)
			assert.Equal(t, row.message, decided.Status.Message)
		})
	}
	for _, name := range []v1alpha1.RestorePhase{
		v1alpha1.RestorePending, v1alpha1.RestoreStopping, v1alpha1.RestoreFailed,
	} {
		assert.Equal(t, Decision{}, inputs(adopting, phase(name)).Decide(), "%s: no one asks for a target", name)
	}
	assert.Equal(t, Decision{}, inputs(adopting, noVM).Decide())
}

// What a disk reports of its target while that is filled.
func TestProgress(t *testing.T) {
	reports := func(condition cdiv1.DataVolumeConditionType, reason, message string) func(*cdiv1.DataVolume) {
		return func(made *cdiv1.DataVolume) {
			made.Status.Conditions = []cdiv1.DataVolumeCondition{
				{Type: condition, Status: corev1.ConditionFalse, Reason: reason, Message: message},
			}
		}
	}
	percent := func(text cdiv1.DataVolumeProgress) func(*cdiv1.DataVolume) {
		return func(made *cdiv1.DataVolume) { made.Status.Progress = text }
	}
	deleted := func(made *cdiv1.DataVolume) { made.DeletionTimestamp = ptr.To(metav1.NewTime(noon)) }
	unbound := func(claim *corev1.PersistentVolumeClaim) change {
		return func(in *Inputs) { filled(in); in.TargetClaim = claim }
	}
	missing := func(in *Inputs) { in.Origin.Missing = true }
	noVolume := func(in *Inputs) { in.TargetFailure = "the pool is full" }
	volume, claim := "DataVolume "+newClaim, "PersistentVolumeClaim "+newClaim
	for name, row := range map[string]struct {
		state   change
		report  v1alpha1.DiskRestorePhase
		message string
	}{
		"begins":     {target(cdiv1.PhaseUnset), "Filling", volume + " is being filled"},
		"no percent": {target(cdiv1.CloneInProgress, percent("N/A")), "Filling", volume + " is being filled"},
		"percent":    {target(cdiv1.CloneInProgress, percent("45.2%")), "Filling", volume + " is filled to 40 %"},
		"the importer fails": {
			target(cdiv1.CloneInProgress, percent("45.2%"), reports(cdiv1.DataVolumeRunning, "Error", "no space left")),
			"Filling", volume + ": importer pod: no space left (Error); it is retried (restarts so far: 0)",
		},
		"the claim is refused": {
			target(cdiv1.Pending, reports(cdiv1.DataVolumeBound, "ErrExceededQuota", "exceeded quota: small")),
			"Filling", volume + ": exceeded quota: small",
		},
		"CDI gives up": {target(cdiv1.Failed), "Failed", "CDI could not fill " + volume},
		"its VolumeSnapshot is deleted": {both(filling, missing), "Failed",
			"VolumeSnapshot cut-root was deleted before " + volume + " was filled from it"},
		"its VolumeSnapshot is deleted afterwards": {both(filled, missing), "Filled", ""},
		"it gets no volume": {both(filling, noVolume), "Filling",
			claim + " gets no volume: the pool is full"},
		"no claim yet": {unbound(nil), "Filling", "the PersistentVolumeClaim is being created"},
		"not bound": {unbound(claimIn(corev1.ClaimPending, newClaim)), "Filling", claim + " is not bound; 'kubectl " +
			"describe pvc " + newClaim + "' shows the messages of the provisioner of class fast"},
		"complete":              {filled, "Filled", ""},
		"deleted while filling": {target(cdiv1.CloneInProgress, deleted), "Failed", volume + " was deleted"},
		"deleted when filled":   {target(cdiv1.Succeeded, deleted), "Failed", volume + " was deleted"},
		"rejected before":       {rejected, "Failed", volume + " was rejected before"},
		"rejected, and deleted": {both(rejected, deletedTarget), "Failed", volume + " was rejected before"},
	} {
		t.Run(name, func(t *testing.T) {
			decided := inputs(row.state).Decide()
			require.NotNil(t, decided.Status)
			assert.Equal(t, row.report, decided.Status.Phase)
			assert.Equal(t, row.message, decided.Status.Message)
		})
	}
	// A target that is lost, or not complete any more, never replaces the claim.
	for name, state := range map[string]change{
		"deleted": target(cdiv1.Succeeded, deleted), "not bound": unbound(claimIn(corev1.ClaimPending, newClaim)),
		"lost": unbound(claimIn(corev1.ClaimLost, newClaim)), "no claim": unbound(nil), "filling": filling,
	} {
		assert.Nil(t, inputs(state, phase(v1alpha1.RestoreSwitching)).Decide().Mark, name)
	}
}

func both(one, two change) change { return func(in *Inputs) { one(in); two(in) } }

func deletedTarget(in *Inputs) { in.Copies.Restored.DeletionTimestamp = ptr.To(metav1.NewTime(noon)) }

// The names in status tell a user which claims there are, and which of them the disk has.
func TestTheStatusOfADisk(t *testing.T) {
	full := func(phase v1alpha1.DiskRestorePhase, message string) *v1alpha1.DiskRestore {
		return &v1alpha1.DiskRestore{
			RequestedAt: metav1.NewTime(noon), Phase: phase, VolumeSnapshotName: "cut-root", TargetClaimName: newClaim,
			PreviousClaimName: "root", Message: message,
		}
	}
	ended, failed, waiting := full("Done", ""), full("Failed", "the DataVolume of its new claim was deleted"),
		full("Filling",
			"waits until the disk is complete")
	ended.PreviousClaimName = ""
	failed.VolumeSnapshotName, failed.TargetClaimName, failed.PreviousClaimName = "", "", ""
	for name, row := range map[string]struct {
		changes  []change
		expected *v1alpha1.DiskRestore
	}{
		"waits":                          {[]change{incomplete}, waiting},
		"creates":                        {nil, full("Filling", "DataVolume "+newClaim+" is being created")},
		"filled":                         {[]change{filled}, full("Filled", "")},
		"in use":                         {[]change{inUse}, full("InUse", "")},
		"returned":                       {[]change{rejected, phase(v1alpha1.RestoreRollingBack)}, full("Returned", "")},
		"done":                           {[]change{done}, ended},
		"lost":                           {[]change{phase(v1alpha1.RestoreStopping)}, failed},
		"in use, and no longer attached": {[]change{inUse, noVM}, ended},
	} {
		assert.Equal(t, row.expected, inputs(row.changes...).Decide().Status, name)
	}
}

func TestTheDataVolumeThatIsMade(t *testing.T) {
	made := inputs().Decide().Create
	require.NotNil(t, made)
	assert.Equal(t, metav1.ObjectMeta{
		Name: newClaim, Namespace: "shop", Labels: map[string]string{v1alpha1.LabelDisk: "disk"},
		Annotations: map[string]string{
			v1alpha1.AnnotationMovedFrom:            "root",
			v1alpha1.AnnotationRestoredFor:          "2026-03-01T12:00:00Z/vm",
			dvstate.AnnotationDeleteAfterCompletion: "false",
			dvstate.AnnotationPopulatedFor:          newClaim,
			dvstate.AnnotationBindNow:               "true",
		},
	}, made.ObjectMeta)
	assert.Equal(t, fromSnapshot("cut-root"), made.Spec.Source)

	size := resource.MustParse("10Gi")
	for name, row := range map[string]struct {
		change   change
		expected cdiv1.StorageSpec
	}{
		"the size of the snapshot": {noTarget, cdiv1.StorageSpec{StorageClassName: ptr.To("fast")}},
		"a size": {func(in *Inputs) { in.Origin.Size = &size }, cdiv1.StorageSpec{
			StorageClassName: ptr.To("fast"), Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: size},
			},
		}},
		"the class of the claim, not of the spec": {
			func(in *Inputs) { in.Disk.Spec.StorageClassName = ptr.To("slow") },
			cdiv1.StorageSpec{StorageClassName: ptr.To("fast")},
		},
		"a claim without a class": {
			func(in *Inputs) { in.Claim.Spec.StorageClassName = nil }, cdiv1.StorageSpec{},
		},
		"the modes of the claim, not of the spec": {
			func(in *Inputs) {
				in.Claim.Spec.VolumeMode = ptr.To(corev1.PersistentVolumeBlock)
				in.Claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany, corev1.ReadOnlyMany}
				in.Disk.Spec.VolumeMode = ptr.To(corev1.PersistentVolumeFilesystem)
				in.Disk.Spec.AccessModes = []v1alpha1.AccessMode{"ReadWriteOnce"}
			},
			cdiv1.StorageSpec{
				StorageClassName: ptr.To("fast"), VolumeMode: ptr.To(corev1.PersistentVolumeBlock),
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany, corev1.ReadOnlyMany},
			},
		},
	} {
		made := inputs(row.change).Decide().Create
		require.NotNil(t, made, name)
		assert.Equal(t, &row.expected, made.Spec.Storage, name)
	}
	again := inputs(done, requestedAt(noon.Add(time.Hour)))
	made = again.Decide().Create
	require.NotNil(t, made)
	assert.Equal(t, newClaim, made.Annotations[v1alpha1.AnnotationMovedFrom], "it replaces the claim that was restored")
	assert.Equal(t, "2026-03-01T13:00:00Z/vm", made.Annotations[v1alpha1.AnnotationRestoredFor])
}

// The name of a target depends on nothing but the request, the disk and the claim that is replaced: a claim of another
// restore is never taken for it.
func TestTargetNames(t *testing.T) {
	assert.Regexp(t, `^root-[0-9a-f]{8}$`, newClaim)
	for name, change := range map[string]change{
		"another time":     requestedAt(noon.Add(time.Second)),
		"another WukongVM": anotherVM,
		"another disk":     func(in *Inputs) { in.Disk.UID = types.UID("disk-2") },
		"another claim":    func(in *Inputs) { in.Copies.Current = "root-2" },
	} {
		assert.NotEqual(t, newClaim, inputs(change).TargetName(), name)
	}
	inBerlin := requestedAt(noon.In(time.FixedZone("CET", 3600)))
	assert.Equal(t, newClaim, inputs(inBerlin).TargetName(), "the same time of another zone")

	named := func(disk string) string {
		return inputs(func(in *Inputs) {
			in.Disk.Name, in.VM.Status.Restore.Disks[1].DiskName = disk, disk
		}).TargetName()
	}
	long := strings.Repeat("a", 243) + "." + strings.Repeat("b", 9)
	assert.Len(t, named(long[:244]+"b"), 243+9, "no dot before the hyphen")
	assert.Len(t, named(strings.Repeat("a", 253)), 253)
	assert.Regexp(t, `^`+strings.Repeat("a", 10)+`-[0-9a-f]{8}$`, named(strings.Repeat("a", 10)))
}

// The VolumeSnapshot is read until the target is filled from it.
func TestWhatIsReadForATarget(t *testing.T) {
	later := requestedAt(noon.Add(time.Hour))
	for name, row := range map[string]struct {
		changes []change
		// made: a target is to be made. read: its VolumeSnapshot is read.
		made, read bool
	}{
		"no target":                     {nil, true, true},
		"one of an earlier request":     {[]change{filled, later}, true, true},
		"restored before":               {[]change{done, later}, true, true},
		"has it":                        {[]change{filling}, false, true},
		"is filled":                     {[]change{filled}, false, false},
		"in use":                        {[]change{inUse}, false, false},
		"in use by an earlier request":  {[]change{inUse, later}, false, false},
		"not filling":                   {[]change{phase(v1alpha1.RestoreStopping)}, false, false},
		"no WukongVM":                   {[]change{noVM}, false, false},
		"a WukongVM that is deleted":    {[]change{deletedVM}, false, false},
		"a WukongVM without a request":  {[]change{statusLost("2026-03-01T12:00:00Z")}, false, false},
		"a WukongVM that has its fill":  {[]change{phase(v1alpha1.RestoreSucceeded)}, false, false},
		"restored to the end, and done": {[]change{done, phase(v1alpha1.RestoreSucceeded)}, false, false},
	} {
		in := inputs(row.changes...)
		assert.Equal(t, row.made, in.TargetName() != "", "%s: target", name)
		assert.Equal(t, row.read, in.Snapshot() == "cut-root", "%s: snapshot %q", name, in.Snapshot())
	}
}
