package wukongsnapshot

import (
	"testing"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/quiesce"
)

// of is an observation of a WukongVM web with some disks, and of who may write to them.
func of(disks int, guest *guest, writers ...string) *observation {
	observed := &observation{source: source{vm: &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: "web"}}, guest: guest, writers: writers}}
	for range disks {
		observed.parts = append(observed.parts, part{})
	}
	return observed
}

// begin makes the VolumeSnapshots, each begun at a consistency.
func (o *observation) begin(levels ...v1alpha1.SnapshotConsistency) *observation {
	for i, level := range levels {
		o.parts[i].taken = &snapshotv1.VolumeSnapshot{
			ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.AnnotationSnapshotBegun: string(level)}},
		}
	}
	return o
}

const (
	application = v1alpha1.ConsistencyApplication
	crash       = v1alpha1.ConsistencyCrash
	anyLevel    = v1alpha1.ConsistencyAny
)

func TestConsistencyWithoutAFreeze(t *testing.T) {
	running, paused := &guest{hasAgent: true}, &guest{paused: true}
	assert.Equal(t, application, of(2, nil).unfrozen(), "nobody writes")
	assert.Equal(t, crash, of(1, running, "web").unfrozen(), "one disk is of one moment")
	assert.Equal(t, anyLevel, of(2, running, "web").unfrozen())
	assert.Equal(t, crash, of(2, paused, "web").unfrozen(), "a paused guest writes nothing")
	assert.Equal(t, anyLevel, of(2, paused, "db", "web").unfrozen(), "another one does")
	assert.Equal(t, anyLevel, of(2, nil, "web").unfrozen(), "it may start at any moment")
}

// The worst of the beginning, of what status remembers, and of now; unless a freeze of all that time is proven.
func TestReached(t *testing.T) {
	for name, row := range map[string]struct {
		observed   *observation
		remembered v1alpha1.SnapshotConsistency
		quiesce    *v1alpha1.SnapshotQuiesce
		reached    v1alpha1.SnapshotConsistency
	}{
		"quiet all the time":        {of(2, nil).begin(application, application), "", nil, application},
		"one was begun too early":   {of(2, nil).begin(application, anyLevel), "", nil, anyLevel},
		"somebody wrote meanwhile":  {of(2, nil).begin(application, application), crash, nil, crash},
		"somebody writes now":       {of(2, &guest{}, "web").begin(application, application), "", nil, anyLevel},
		"begun by an older version": {of(1, nil).begin(""), "", nil, anyLevel},
		"frozen, proven":            {of(2, &guest{}, "web").begin(anyLevel, anyLevel), "", &v1alpha1.SnapshotQuiesce{Proven: true}, application},
		"frozen, not proven":        {of(2, &guest{}, "web").begin(anyLevel, anyLevel), "", &v1alpha1.SnapshotQuiesce{}, anyLevel},
	} {
		t.Run(name, func(t *testing.T) {
			snapshot := &v1alpha1.WukongSnapshot{Status: v1alpha1.WukongSnapshotStatus{Consistency: row.remembered, Quiesce: row.quiesce}}
			assert.Equal(t, row.reached, reached(snapshot, row.observed))
			for required, suffices := range map[v1alpha1.SnapshotConsistency]bool{
				"": true, anyLevel: true, crash: row.reached != anyLevel, application: row.reached == application,
			} {
				snapshot.Spec.RequiredConsistency = required
				assert.Equal(t, suffices, !insufficient(snapshot, row.observed), "where %q is required", required)
			}
		})
	}
}

func TestWhenAFreezeIsRequired(t *testing.T) {
	required := func(level v1alpha1.SnapshotConsistency, observed *observation) bool {
		snapshot := &v1alpha1.WukongSnapshot{Spec: v1alpha1.WukongSnapshotSpec{RequiredConsistency: level}}
		return requiresFreeze(snapshot, observed)
	}
	running, paused := &guest{}, &guest{paused: true}
	assert.True(t, required(application, of(1, running, "web")))
	assert.True(t, required(crash, of(2, running, "web")))
	assert.False(t, required(crash, of(1, running, "web")))
	assert.False(t, required(crash, of(2, paused, "web")))
	assert.False(t, required(anyLevel, of(2, running, "web")))
	assert.False(t, required("", of(2, running, "web")))
	assert.False(t, required(application, of(2, nil)), "nobody writes")
}

func TestWhoCanBeFrozen(t *testing.T) {
	assert.True(t, of(2, &guest{hasAgent: true}, "web").source.freezable())
	assert.False(t, of(2, &guest{}, "web").source.freezable(), "it has no agent")
	assert.False(t, of(2, nil, "web").source.freezable(), "it does not run")
	assert.False(t, of(2, &guest{hasAgent: true, paused: true}, "web").source.freezable())
	assert.False(t, of(2, &guest{hasAgent: true}, "db", "web").source.freezable(), "another one writes as well")
}

func TestIndications(t *testing.T) {
	with := func(quiesce *v1alpha1.SnapshotQuiesce, before ...v1alpha1.SnapshotIndication) *v1alpha1.WukongSnapshot {
		return &v1alpha1.WukongSnapshot{Status: v1alpha1.WukongSnapshotStatus{Quiesce: quiesce, Indications: before}}
	}
	frozen := &v1alpha1.SnapshotQuiesce{FrozenAt: &metav1.MicroTime{}}
	online := v1alpha1.IndicationOnline
	for name, row := range map[string]struct {
		snapshot *v1alpha1.WukongSnapshot
		guest    *guest
		found    []v1alpha1.SnapshotIndication
	}{
		"no guest":            {with(nil), nil, nil},
		"no agent":            {with(nil), &guest{}, []v1alpha1.SnapshotIndication{online, v1alpha1.IndicationNoGuestAgent}},
		"paused":              {with(nil), &guest{paused: true}, []v1alpha1.SnapshotIndication{online, v1alpha1.IndicationPaused}},
		"an agent, not asked": {with(nil), &guest{hasAgent: true}, []v1alpha1.SnapshotIndication{online}},
		"the guest ended":     {with(nil, online), nil, []v1alpha1.SnapshotIndication{online}},
		"proven":              {with(&v1alpha1.SnapshotQuiesce{Proven: true}), nil, []v1alpha1.SnapshotIndication{online, v1alpha1.IndicationGuestAgent}},
		"never frozen":        {with(&v1alpha1.SnapshotQuiesce{}), nil, []v1alpha1.SnapshotIndication{online, v1alpha1.IndicationQuiesceFailed}},
		"not to the end":      {with(frozen), nil, []v1alpha1.SnapshotIndication{online, v1alpha1.IndicationQuiesceTimeout}},
	} {
		assert.Equal(t, row.found, indications(row.snapshot, of(1, row.guest)), name)
	}
}

// What keeps a snapshot of a WukongVM from being begun, in the order of the causes.
func TestWhyASnapshotOfAWukongVMWaits(t *testing.T) {
	moving := &guest{Guest: quiesce.Guest{Migrating: true}, hasAgent: true}
	deleted := of(1, nil)
	deleted.source.vm.DeletionTimestamp = &metav1.Time{Time: metav1.Now().Time}
	missing, rival, conflict := of(1, nil), of(1, &guest{hasAgent: true}, "web"), of(1, nil)
	missing.source.vm = nil
	rival.source.rival = "tuesday"
	conflict.parts[0].conflict, conflict.parts[0].VolumeSnapshotName = true, "monday-root"
	for name, row := range map[string]struct {
		observed       *observation
		reason, phrase string
	}{
		"missing":           {missing, v1alpha1.ReasonSourceMissing, "WukongVM web does not exist"},
		"being deleted":     {deleted, v1alpha1.ReasonSourceMissing, "is being deleted"},
		"it migrates":       {of(1, moving, "web"), v1alpha1.ReasonBusy, "migrates to another node"},
		"another snapshot":  {rival, v1alpha1.ReasonBusy, "WukongSnapshot tuesday of WukongVM web is being taken"},
		"the name is taken": {conflict, v1alpha1.ReasonNameConflict, "VolumeSnapshot monday-root exists already"},
		"no agent":          {of(1, &guest{}, "web"), v1alpha1.ReasonAgentMissing, "install and start qemu-guest-agent"},
		"paused":            {of(1, &guest{paused: true}, "web"), v1alpha1.ReasonSourceInUse, "is paused"},
		"starting":          {of(1, nil, "web"), v1alpha1.ReasonSourceNotReady, "its guest does not run"},
		"another guest":     {of(1, &guest{hasAgent: true}, "db", "web"), v1alpha1.ReasonSourceInUse, "in use by db as well"},
		"nothing":           {of(1, &guest{hasAgent: true}, "web"), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			seconds := int64(300)
			snapshot := &v1alpha1.WukongSnapshot{Spec: v1alpha1.WukongSnapshotSpec{
				Source:              v1alpha1.SnapshotSource{VMRef: &v1alpha1.LocalObjectReference{Name: "web"}},
				RequiredConsistency: application, FailureDeadlineSeconds: &seconds,
			}}
			row.observed.served = true
			found := obstacle(snapshot, row.observed)
			if row.reason == "" {
				assert.Nil(t, found)
				return
			}
			assert.Equal(t, row.reason, found.Reason, found.Message)
			assert.Contains(t, found.Message, row.phrase)
			if row.reason == v1alpha1.ReasonBusy && row.observed.source.rival != "" {
				assert.Positive(t, found.After, "no watch reports the end of another snapshot")
			}
		})
	}
}
