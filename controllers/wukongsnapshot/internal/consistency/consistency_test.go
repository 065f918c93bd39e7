package consistency

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/guest"
)

const (
	application = v1alpha1.ConsistencyApplication
	crash       = v1alpha1.ConsistencyCrash
	anyLevel    = v1alpha1.ConsistencyAny
)

// of are the inputs of a snapshot of a WukongVM web with some disks, to which some WukongVMs may write.
func of(disks int, guest *guest.Guest, writers ...string) Inputs {
	return Inputs{VM: "web", Disks: disks, Guest: guest, Writers: writers}
}

// begun adds VolumeSnapshots, each begun at a consistency.
func (in Inputs) begun(levels ...v1alpha1.SnapshotConsistency) Inputs {
	in.Begins = levels
	return in
}

func TestConsistencyWithoutAFreeze(t *testing.T) {
	running, paused := &guest.Guest{HasAgent: true}, &guest.Guest{Paused: true}
	assert.Equal(t, application, of(2, nil).Unfrozen(), "no guest writes")
	assert.Equal(t, crash, of(1, running, "web").Unfrozen(), "one disk is of one moment")
	assert.Equal(t, anyLevel, of(2, running, "web").Unfrozen())
	assert.Equal(t, crash, of(2, paused, "web").Unfrozen(), "a paused guest writes nothing")
	assert.Equal(t, anyLevel, of(2, paused, "db", "web").Unfrozen(), "another guest does")
	assert.Equal(t, anyLevel, of(2, nil, "web").Unfrozen(), "the guest may start at any moment")
}

// The worst of the beginning, of what the status recorded, and of now; unless a freeze of all that time is proven.
func TestReached(t *testing.T) {
	running := &guest.Guest{}
	for name, row := range map[string]struct {
		in       Inputs
		recorded v1alpha1.SnapshotConsistency
		quiesce  *v1alpha1.SnapshotQuiesce
		reached  v1alpha1.SnapshotConsistency
	}{
		"quiet all the time":        {of(2, nil).begun(application, application), "", nil, application},
		"one was begun too early":   {of(2, nil).begun(application, anyLevel), "", nil, anyLevel},
		"a guest wrote meanwhile":   {of(2, nil).begun(application, application), crash, nil, crash},
		"a guest writes now":        {of(2, running, "web").begun(application, application), "", nil, anyLevel},
		"begun by an older version": {of(1, nil).begun(""), "", nil, anyLevel},
		"frozen, proven": {
			of(2, running, "web").begun(anyLevel, anyLevel), "", &v1alpha1.SnapshotQuiesce{Proven: true}, application,
		},
		"frozen, not proven": {
			of(2, running, "web").begun(anyLevel, anyLevel), "", &v1alpha1.SnapshotQuiesce{}, anyLevel,
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := row.in
			in.Recorded, in.Quiesce = row.recorded, row.quiesce
			assert.Equal(t, row.reached, in.Reached())
			for required, suffices := range map[v1alpha1.SnapshotConsistency]bool{
				"": true, anyLevel: true, crash: row.reached != anyLevel, application: row.reached == application,
			} {
				in.Required = required
				assert.Equal(t, suffices, !in.Insufficient(), "where %q is required", required)
			}
			in.Required, in.Finished = application, true
			assert.False(t, in.Insufficient(), "the end is final")
		})
	}
}

func TestWhenAFreezeIsRequired(t *testing.T) {
	required := func(level v1alpha1.SnapshotConsistency, in Inputs) bool {
		in.Required = level
		return in.RequiresFreeze()
	}
	running, paused := &guest.Guest{}, &guest.Guest{Paused: true}
	assert.True(t, required(application, of(1, running, "web")))
	assert.True(t, required(crash, of(2, running, "web")))
	assert.False(t, required(crash, of(1, running, "web")))
	assert.False(t, required(crash, of(2, paused, "web")))
	assert.False(t, required(anyLevel, of(2, running, "web")))
	assert.False(t, required("", of(2, running, "web")))
	assert.False(t, required(application, of(2, nil)), "no guest writes")
}

func TestWhichGuestCanBeFrozen(t *testing.T) {
	assert.True(t, of(2, &guest.Guest{HasAgent: true}, "web").Freezable())
	assert.False(t, of(2, &guest.Guest{}, "web").Freezable(), "it has no agent")
	assert.False(t, of(2, nil, "web").Freezable(), "it does not run")
	assert.False(t, of(2, &guest.Guest{HasAgent: true, Paused: true}, "web").Freezable())
	assert.False(t, of(2, &guest.Guest{HasAgent: true}, "db", "web").Freezable(), "another guest writes as well")
}

func TestIndications(t *testing.T) {
	const online = v1alpha1.IndicationOnline
	frozen := &v1alpha1.SnapshotQuiesce{FrozenAt: &metav1.MicroTime{}}
	for name, row := range map[string]struct {
		in    Inputs
		found []v1alpha1.SnapshotIndication
	}{
		"no guest": {Inputs{}, nil},
		"no agent": {
			Inputs{Guest: &guest.Guest{}}, []v1alpha1.SnapshotIndication{online, v1alpha1.IndicationNoGuestAgent},
		},
		"paused": {
			Inputs{Guest: &guest.Guest{Paused: true}},
			[]v1alpha1.SnapshotIndication{online, v1alpha1.IndicationPaused},
		},
		"an agent, not asked": {
			Inputs{Guest: &guest.Guest{HasAgent: true}}, []v1alpha1.SnapshotIndication{online},
		},
		"the guest ended": {
			Inputs{Indications: []v1alpha1.SnapshotIndication{online}}, []v1alpha1.SnapshotIndication{online},
		},
		"proven": {
			Inputs{Quiesce: &v1alpha1.SnapshotQuiesce{Proven: true}},
			[]v1alpha1.SnapshotIndication{online, v1alpha1.IndicationGuestAgent},
		},
		"never frozen": {
			Inputs{Quiesce: &v1alpha1.SnapshotQuiesce{}},
			[]v1alpha1.SnapshotIndication{online, v1alpha1.IndicationQuiesceFailed},
		},
		"not to the end": {
			Inputs{Quiesce: frozen}, []v1alpha1.SnapshotIndication{online, v1alpha1.IndicationQuiesceTimeout},
		},
	} {
		assert.Equal(t, row.found, row.in.Indicate(), name)
	}
}
