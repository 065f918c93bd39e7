package source

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
)

// made is a clone whose DataVolume is in a phase, to be filled from a source.
func made(phase cdiv1.DataVolumePhase, source *cdiv1.DataVolumeSource) Inputs {
	disk := builder.Disk("shop", "root", builder.CloneOf("", "golden"))
	disk.UID = "disk"
	volume := &cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "root", Annotations: map[string]string{},
		OwnerReferences: []metav1.OwnerReference{{Kind: "WukongDisk", Name: "root", UID: "disk", Controller: ptr.To(true)}},
	}}
	volume.Spec.Source, volume.Status.Phase = source, phase
	return Inputs{View: backing.View{Disk: disk, DataVolume: volume}}
}

// Nothing was copied before CDI begins, so a clone whose origin was deleted meanwhile can begin again.
func TestWhichClonesWaitForTheirOrigin(t *testing.T) {
	for phase, waits := range map[cdiv1.DataVolumePhase]bool{
		cdiv1.PhaseUnset: true, cdiv1.Pending: true, cdiv1.WaitForFirstConsumer: true, cdiv1.PendingPopulation: true,
		cdiv1.CloneScheduled: true, cdiv1.CloneInProgress: false, cdiv1.CSICloneInProgress: false,
		cdiv1.SnapshotForSmartCloneInProgress: false, cdiv1.Succeeded: false, cdiv1.Failed: false, cdiv1.Unknown: false,
	} {
		assert.Equal(t, waits, made(phase, nil).WaitsForOrigin(), "phase %q", phase)
	}
	pending, filledOnce := made(cdiv1.Pending, nil), map[string]string{v1alpha1.AnnotationFilled: "root"}
	for name, change := range map[string]func(*Inputs){
		"no clone":                func(in *Inputs) { in.Disk.Spec.Source = nil },
		"not made":                func(in *Inputs) { in.DataVolume = nil },
		"another object's volume": func(in *Inputs) { in.DataVolume.OwnerReferences[0].UID = "disk-2" },
		"it was complete once":    func(in *Inputs) { in.Disk.Annotations = filledOnce },
	} {
		in := made(cdiv1.Pending, nil)
		change(&in)
		assert.False(t, in.WaitsForOrigin(), name)
	}
	assert.False(t, pending.NeedsOrigin(), "it is made")
	pending.Severed = true
	assert.True(t, pending.NeedsOrigin())
}

func TestSevered(t *testing.T) {
	ofClaim, ofSnapshot := claimSource("shop", "golden"), snapshotSource("shop", "cut-root")
	claim, snapshot := claimOf(corev1.ClaimBound), volumeSnapshot("cut-root", "1Gi")
	type list = []client.Object
	for name, row := range map[string]struct {
		in           Inputs
		cached, live list
		unserved     bool
		severed      bool
	}{
		"its claim exists": {in: made(cdiv1.Pending, ofClaim), cached: list{claim}},
		"its claim is being deleted": {in: made(cdiv1.Pending, ofClaim),
			cached: list{deleted(claimOf(corev1.ClaimBound))}},
		"its claim is deleted":               {in: made(cdiv1.Pending, ofClaim), severed: true},
		"its claim is not in the cache yet":  {in: made(cdiv1.Pending, ofClaim), live: list{claim}},
		"its claim is deleted, being copied": {in: made(cdiv1.CloneInProgress, ofClaim)},
		"its snapshot exists":                {in: made(cdiv1.Pending, ofSnapshot), cached: list{snapshot}},
		"its snapshot is deleted":            {in: made(cdiv1.Pending, ofSnapshot), severed: true},
		"its snapshot is not cached yet":     {in: made(cdiv1.Pending, ofSnapshot), live: list{snapshot}},
		"nobody serves snapshots":            {in: made(cdiv1.Pending, ofSnapshot), unserved: true},
		"of a namespace that is not seen":    {in: made(cdiv1.Pending, claimSource("lab", "golden"))},
		"of a DataSource":                    {in: made(cdiv1.Pending, nil)},
		"of a web server": {in: made(cdiv1.Pending,
			&cdiv1.DataVolumeSource{HTTP: &cdiv1.DataVolumeSourceHTTP{}})},
	} {
		reader := readerOf(t, !row.unserved, row.cached...)
		reader.Storage.Live = objects{list: append(list{}, row.live...)}
		severed, err := reader.Severed(t.Context(), row.in)
		require.NoError(t, err, name)
		assert.Equal(t, row.severed, severed, name)
	}
	mute := readerOf(t, true)
	mute.Storage.Live = objects{}
	severed, err := mute.Severed(t.Context(), made(cdiv1.Pending, ofClaim))
	assert.ErrorContains(t, err, "connection refused")
	assert.False(t, severed, "nobody knows")
}

// A severed clone begins again from what its origin consists of by now, or reports that nothing is left of it.
func TestASeveredClone(t *testing.T) {
	before, after := claimSource("shop", "golden"), claimSource("shop", "golden-2")
	for name, row := range map[string]struct {
		severed bool
		origin  *Origin
		changed bool
		problem string
	}{
		"not severed":               {origin: nil},
		"not severed, and it moved": {origin: &Origin{exists: true, source: after}},
		"its origin moved":          {severed: true, origin: &Origin{exists: true, source: after}, changed: true},
		"its origin has none":       {severed: true, origin: &Origin{exists: true}, problem: v1alpha1.ReasonSourceMissing},
		"its origin has lost it": {severed: true, origin: &Origin{exists: true, source: before},
			problem: v1alpha1.ReasonSourceMissing},
		"its origin is gone": {severed: true, origin: &Origin{}, problem: v1alpha1.ReasonSourceMissing},
		"its origin is filled again": {severed: true, origin: &Origin{exists: true, waits: "it is filled"},
			problem: v1alpha1.ReasonSourceNotReady},
	} {
		in := made(cdiv1.Pending, before)
		in.Severed, in.Origin = row.severed, row.origin
		assert.Equal(t, row.changed, in.OriginChanged(), name)
		if found := in.Problem(); row.problem == "" {
			assert.Nil(t, found, name)
		} else if assert.NotNil(t, found, name) {
			assert.Equal(t, row.problem, found.Reason, name)
		}
	}
	in := made(cdiv1.Pending, before)
	in.Severed, in.Origin = true, &Origin{exists: true, source: before}
	assert.Equal(t,
		"what WukongDisk shop/golden consisted of was deleted before this disk, which was to be a clone of it, "+
			"had a first consumer: create it again, or delete this disk and create it from something else", in.Problem().Message)
}

// A disk that somebody waits for is filled at once. The request is never withdrawn.
func TestBindNow(t *testing.T) {
	pendingClaim := claimOf(corev1.ClaimPending)
	requested := claimOf(corev1.ClaimPending)
	requested.Annotations = map[string]string{dvstate.AnnotationBindNow: "true"}
	existing := func(annotations map[string]string) *cdiv1.DataVolume {
		return &cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Annotations: annotations}}
	}
	for name, row := range map[string]struct {
		change        func(*Inputs)
		volume, claim bool
	}{
		"a blank disk":             {func(*Inputs) {}, false, false},
		"an upload":                {func(in *Inputs) { builder.FromUpload(&in.Disk.Spec) }, true, false},
		"a clone waits":            {func(in *Inputs) { in.Awaited = true }, true, false},
		"requested before":         {func(in *Inputs) { in.DataVolume = existing(requested.Annotations) }, true, false},
		"made without the request": {func(in *Inputs) { in.DataVolume = existing(nil) }, false, false},
		"a claim that waits":       {func(in *Inputs) { in.Awaited, in.Claim = true, pendingClaim }, true, true},
		"a claim nobody waits for": {func(in *Inputs) { in.Claim = pendingClaim }, false, false},
		"a claim that is bound": {func(in *Inputs) { in.Awaited, in.Claim = true, claimOf(corev1.ClaimBound) }, true,
			false},
		"a claim that has it": {func(in *Inputs) { in.Awaited, in.Claim = true, requested }, true, false},
	} {
		in := Inputs{View: backing.View{Disk: builder.Disk("shop", "root")}}
		row.change(&in)
		annotations := in.Desired().Annotations
		assert.Equal(t, row.volume, annotations[dvstate.AnnotationBindNow] == "true", "%s: DataVolume", name)
		assert.Equal(t, row.claim, in.BindNow(), "%s: claim", name)
		assert.Equal(t, "false", annotations[dvstate.AnnotationDeleteAfterCompletion], name)
		assert.Equal(t, "root", annotations[dvstate.AnnotationPopulatedFor], name)
	}
}

// Only these changes of an origin start a pass of its clones.
func TestOriginChange(t *testing.T) {
	grant := func(object client.Object) {
		object.SetAnnotations(map[string]string{v1alpha1.AnnotationCloneableFrom: "lab"})
	}
	filling := reporting(metav1.ConditionFalse, v1alpha1.ReasonImporting, "DataVolume golden is being filled")
	disk := func(change func(*v1alpha1.WukongDisk)) client.Object {
		result := golden(ready)
		result.Status.Conditions = append([]metav1.Condition{}, ready...)
		change(result)
		return result
	}
	snapshot := func(change func(*v1alpha1.WukongSnapshot)) client.Object {
		result := monday(ready, "root")
		change(result)
		return result
	}
	claim := func(phase corev1.PersistentVolumeClaimPhase, changes ...func(client.Object)) client.Object {
		result := claimOf(phase)
		for _, change := range changes {
			change(result)
		}
		return result
	}
	image := func(change func(*v1alpha1.WukongImage)) client.Object {
		result := debian("")
		change(result)
		return result
	}
	sameDisk, sameImage := func(*v1alpha1.WukongDisk) {}, func(*v1alpha1.WukongImage) {}
	for name, row := range map[string]struct {
		before, after client.Object
		accepted      bool
	}{
		"a disk, nothing": {disk(sameDisk),
			disk(func(d *v1alpha1.WukongDisk) { d.Labels = map[string]string{"a": "b"} }), false},
		"a disk is filled": {disk(func(d *v1alpha1.WukongDisk) { d.Status.Conditions = filling }), disk(sameDisk),
			true},
		"a disk has moved": {disk(sameDisk), disk(func(d *v1alpha1.WukongDisk) { d.Status.ClaimName = "golden-3" }),
			true},
		"a disk is detached": {disk(func(d *v1alpha1.WukongDisk) { d.Status.AttachedTo = "web" }), disk(sameDisk), true},
		"a disk is granted": {disk(sameDisk),
			disk(func(d *v1alpha1.WukongDisk) { d.Spec.CloneableFrom = []string{"lab"} }), true},
		"a disk is another one":  {disk(sameDisk), disk(func(d *v1alpha1.WukongDisk) { d.UID = "2" }), true},
		"an image, nothing":      {image(sameImage), image(sameImage), false},
		"an image has a version": {image(func(i *v1alpha1.WukongImage) { withoutVersion(i) }), image(sameImage), true},
		"an image is granted": {image(sameImage),
			image(func(i *v1alpha1.WukongImage) { i.Spec.CloneableFrom = []string{"*"} }), true},
		"a claim, nothing":   {claim(corev1.ClaimPending), claim(corev1.ClaimPending), false},
		"a claim is bound":   {claim(corev1.ClaimPending), claim(corev1.ClaimBound), true},
		"a claim is granted": {claim(corev1.ClaimBound), claim(corev1.ClaimBound, grant), true},
		"a snapshot, nothing": {snapshot(func(*v1alpha1.WukongSnapshot) {}), snapshot(func(*v1alpha1.WukongSnapshot) {}),
			false},
		"a snapshot is taken": {snapshot(func(s *v1alpha1.WukongSnapshot) { s.Status.Conditions = filling }),
			snapshot(func(*v1alpha1.WukongSnapshot) {}), true},
		"a VolumeSnapshot, nothing": {volumeSnapshot("a", "1Gi"), volumeSnapshot("a", "1Gi"), false},
		"a VolumeSnapshot is begun": {volumeSnapshot("a", "", unobserved), volumeSnapshot("a", "", unready), true},
		"a VolumeSnapshot is taken": {volumeSnapshot("a", "", unready), volumeSnapshot("a", ""), true},
		"a VolumeSnapshot fails": {volumeSnapshot("a", "", unready), volumeSnapshot("a", "", broken(ptr.To("full"))),
			true},
	} {
		accepted := OriginChange().Update(event.UpdateEvent{ObjectOld: row.before, ObjectNew: row.after})
		assert.Equal(t, row.accepted, accepted, name)
	}
	assert.True(t, OriginChange().Create(event.CreateEvent{Object: claimOf(corev1.ClaimBound)}))
	assert.True(t, OriginChange().Delete(event.DeleteEvent{Object: claimOf(corev1.ClaimBound)}))
}
