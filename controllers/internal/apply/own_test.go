package apply

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
)

const ourFinalizer, otherFinalizer = "wukong.test/disk", "example.com/hold"

var disksResource = v1alpha1.GroupVersion.WithResource("wukongdisks").GroupResource()

func ownDisk(finalizers ...string) *v1alpha1.WukongDisk {
	disk := builder.Disk("shop", "root")
	disk.UID, disk.Finalizers = "disk", finalizers
	return disk
}

// The request names what this controller keeps, and nothing that others do.
func TestTheMetadataOfAnOwnObject(t *testing.T) {
	umbrella := umbrellaReference("shop-uid")
	for name, row := range map[string]struct {
		wanted Metadata
		sent   map[string]any
	}{
		"a finalizer": {Metadata{Finalizer: ourFinalizer}, map[string]any{"finalizers": []any{ourFinalizer}}},
		"an umbrella": {Metadata{Umbrella: &umbrella}, map[string]any{"ownerReferences": []any{map[string]any{
			"apiVersion": umbrella.APIVersion, "kind": "Wukong", "name": "shop", "uid": "shop-uid"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			api := newServer(t, ownDisk())
			disk := api.stored(t, ownDisk())
			require.NoError(t, api.applier().Metadata(t.Context(), disk, row.wanted))
			sent := api.only(t)
			wanted := map[string]any{"name": "root", "namespace": "shop", "uid": "disk"}
			for key, value := range row.sent {
				wanted[key] = value
			}
			assert.Equal(t, map[string]any{
				"apiVersion": v1alpha1.GroupVersion.String(), "kind": "WukongDisk", "metadata": wanted,
			}, sent.body)
			assert.Equal(t, types.ApplyPatchType, sent.kind)
			assert.Equal(t, "wukong-test-metadata", sent.options.FieldManager,
				"another manager than that of children, or each would remove what the other applied")
			assert.Equal(t, ptr.To(true), sent.options.Force)
			require.NoError(t, api.applier().Metadata(t.Context(), disk, row.wanted))
			assert.Len(t, api.writes, 1, "the object that was passed is current, and settled")
		})
	}
}

// The UID in the request keeps a deleted object deleted: the API server answers with a conflict.
func TestMetadataOfAnObjectThatIsGone(t *testing.T) {
	api := newServer(t)
	api.refusal = apierrors.NewConflict(disksResource, "root",
		errors.New("uid mismatch: the provided object specified uid disk, and no existing object was found"))
	err := api.applier().Metadata(t.Context(), ownDisk(), Metadata{Finalizer: ourFinalizer})
	require.ErrorIs(t, err, api.refusal)
	assert.False(t, Permanent(err))
	api.refusal = apierrors.NewForbidden(disksResource, "root", errors.New("no new finalizers can be added"))
	err = api.applier().Metadata(t.Context(), ownDisk(), Metadata{Finalizer: ourFinalizer})
	assert.True(t, Permanent(err))
}

func TestAFinalizerIsRemoved(t *testing.T) {
	for name, row := range map[string]struct {
		finalizers, left []string
		writes           int
	}{
		"the only one":     {[]string{ourFinalizer}, nil, 1},
		"one of several":   {[]string{otherFinalizer, ourFinalizer, "z"}, []string{otherFinalizer, "z"}, 1},
		"it is not there":  {[]string{otherFinalizer}, []string{otherFinalizer}, 0},
		"there is none":    {nil, nil, 0},
		"one like it only": {[]string{ourFinalizer + "-2"}, []string{ourFinalizer + "-2"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			api := newServer(t, ownDisk(row.finalizers...))
			disk := api.stored(t, ownDisk())
			version := disk.GetResourceVersion()
			require.NoError(t, api.applier().RemoveFinalizer(t.Context(), disk, ourFinalizer))
			require.Len(t, api.writes, row.writes)
			assert.Equal(t, row.left, api.stored(t, ownDisk()).GetFinalizers())
			if row.writes > 0 {
				assert.Equal(t, version, api.writes[0].metadata()["resourceVersion"])
			}
			require.NoError(t, api.applier().RemoveFinalizer(t.Context(), disk, ourFinalizer))
			assert.Len(t, api.writes, row.writes)
		})
	}
}

// A merge patch replaces the list: a finalizer that another program added meanwhile must not be lost.
func TestAFinalizerOfAnObjectThatChangedMeanwhile(t *testing.T) {
	api := newServer(t, ownDisk(ourFinalizer))
	stale := api.stored(t, ownDisk())
	newer := api.stored(t, ownDisk())
	newer.SetFinalizers([]string{ourFinalizer, otherFinalizer})
	require.NoError(t, api.Update(t.Context(), newer))
	err := api.applier().RemoveFinalizer(t.Context(), stale, ourFinalizer)
	require.ErrorContains(t, err, "remove finalizer wukong.test/disk of root: ")
	assert.True(t, apierrors.IsConflict(err))
	assert.Equal(t, []string{ourFinalizer, otherFinalizer}, api.stored(t, ownDisk()).GetFinalizers())

	gone, known := newServer(t), ownDisk(ourFinalizer)
	known.ResourceVersion = "7"
	require.NoError(t, gone.applier().RemoveFinalizer(t.Context(), known, ourFinalizer))
	assert.Len(t, gone.writes, 1)
}

func TestMarksOfAnExistingObject(t *testing.T) {
	disk := ownDisk()
	disk.Labels, disk.Annotations = map[string]string{"old": "1", "keep": "2"}, map[string]string{"note": "3"}
	api := newServer(t, disk)
	require.NoError(t, api.applier().Mark(t.Context(), api.stored(t, disk),
		map[string]any{"old": nil, "new": "4"}, map[string]any{"note": "5", "absent": nil}))
	after := api.stored(t, disk)
	assert.Equal(t, map[string]string{"keep": "2", "new": "4"}, after.GetLabels())
	assert.Equal(t, map[string]string{"note": "5"}, after.GetAnnotations())
	sent := api.only(t)
	assert.Equal(t, types.MergePatchType, sent.kind)
	assert.Equal(t, "disk", sent.metadata()["uid"], "not of a new object of the name")

	require.NoError(t, api.applier().Mark(t.Context(), api.stored(t, disk), nil, map[string]any{"note": nil}))
	assert.NotContains(t, api.writes[1].metadata(), "labels")
	assert.Equal(t, map[string]string{"keep": "2", "new": "4"}, api.stored(t, disk).GetLabels())

	for name, row := range map[string]struct {
		answer    error
		permanent bool
	}{
		"another object of the name": {apierrors.NewConflict(disksResource, "root", errors.New("uid")), false},
		"deleted":                    {apierrors.NewNotFound(disksResource, "root"), false},
		"a policy":                   {apierrors.NewForbidden(disksResource, "root", errors.New("policy")), true},
		"a wrong label": {apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind("WukongDisk").GroupKind(), "root", nil),
			true},
	} {
		api.refusal = row.answer
		err := api.applier().Mark(t.Context(), api.stored(t, disk), map[string]any{"a": "b"}, nil)
		require.ErrorIs(t, err, row.answer, name)
		assert.Contains(t, err.Error(), "WukongDisk root: ", name)
		assert.Equal(t, row.permanent, Permanent(err), name)
	}
}

// Status is one write when it changed, and none when it did not. A new fault is one event.
func TestStatusIsWrittenWhenItChanged(t *testing.T) {
	failed := func(disk *v1alpha1.WukongDisk, message string) *v1alpha1.WukongDisk {
		after := disk.DeepCopy()
		after.Status.Phase = v1alpha1.DiskError
		after.Status.Conditions = []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonImportFailed,
			Message: message,
		}}
		return after
	}
	api := newServer(t, ownDisk())
	applier := api.applier()
	recorder := events.NewFakeRecorder(2)
	applier.Recorder = recorder
	before := api.stored(t, ownDisk()).(*v1alpha1.WukongDisk)

	require.NoError(t, applier.Status(t.Context(), before, before.DeepCopy()))
	assert.Empty(t, api.writes)
	after := failed(before, "404")
	after.Spec.DeletionProtection = ptr.To(true)
	require.NoError(t, applier.Status(t.Context(), before, after))
	assert.Equal(t, "wukong-test", api.only(t).options.FieldManager)
	stored := api.stored(t, ownDisk()).(*v1alpha1.WukongDisk)
	assert.Equal(t, v1alpha1.DiskError, stored.Status.Phase)
	assert.Nil(t, stored.Spec.DeletionProtection, "nothing but status is written")
	assert.Equal(t, "Warning ImportFailed 404", <-recorder.Events)

	require.NoError(t, applier.Status(t.Context(), stored, failed(stored, "404")))
	assert.Len(t, api.writes, 1, "the same again")
	require.NoError(t, applier.Status(t.Context(), stored, failed(stored, "404, again")))
	assert.Len(t, api.writes, 2)
	assert.Empty(t, recorder.Events, "the same fault is no event")
}

func TestStatusThatCannotBeWritten(t *testing.T) {
	for name, row := range map[string]struct {
		answer error
		fails  string
	}{
		"the object is deleted": {answer: apierrors.NewNotFound(disksResource, "root")},
		"the API server is away": {answer: errors.New("connection refused"),
			fails: "patch status of root: connection refused"},
		"the schema refuses": {answer: apierrors.NewBadRequest("status.phase: Unsupported value"),
			fails: "patch status of root: status.phase: Unsupported value"},
	} {
		t.Run(name, func(t *testing.T) {
			api := newServer(t, ownDisk())
			applier, recorder := api.applier(), events.NewFakeRecorder(1)
			applier.Recorder = recorder
			api.refusal = row.answer
			before := api.stored(t, ownDisk()).(*v1alpha1.WukongDisk)
			after := before.DeepCopy()
			after.Status.Phase = v1alpha1.DiskError
			after.Status.Conditions = []metav1.Condition{{
				Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonImportFailed,
			}}
			err := applier.Status(t.Context(), before, after)
			assert.Empty(t, recorder.Events, "what nobody can read is no event")
			if row.fails == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, row.fails)
			assert.False(t, Permanent(err), "it is retried: nothing else could report it")
		})
	}
}

// What other programs report can be of any length; the schema refuses what is too long, and all of the status with it.
func TestStatusIsCutToWhatTheSchemaAccepts(t *testing.T) {
	api := newServer(t, ownDisk())
	before := api.stored(t, ownDisk()).(*v1alpha1.WukongDisk)
	after := before.DeepCopy()
	after.Status.ClaimName = strings.Repeat("x", 1000)
	require.NoError(t, api.applier().Status(t.Context(), before, after))
	assert.LessOrEqual(t, len(api.stored(t, ownDisk()).(*v1alpha1.WukongDisk).Status.ClaimName), 253)
}
