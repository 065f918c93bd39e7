package wukongimage

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestDueTick(t *testing.T) {
	const day = 24 * time.Hour
	noon := func(days int) time.Time { return creation.Add(time.Duration(days) * day) }
	never := time.Time{}
	daily, once := at("0 12 * * *"), at("")
	for name, test := range map[string]struct {
		option  func(*v1alpha1.WukongImage)
		after   time.Duration
		imports []cdiv1.DataVolume
		due     time.Time
	}{
		"a new image":                 {once, time.Second, nil, creation},
		"a new image with a schedule": {daily, time.Second, nil, creation},
		"imported once":               {once, 900 * day, []cdiv1.DataVolume{importAt(0, cdiv1.Succeeded)}, never},
		"before the first tick": {
			daily, day - time.Second, []cdiv1.DataVolume{importAt(0, cdiv1.Succeeded)}, never,
		},
		"at the first tick": {daily, day, []cdiv1.DataVolume{importAt(0, cdiv1.Succeeded)}, noon(1)},
		"of missed ticks the last": {
			daily, 5*day + time.Hour, []cdiv1.DataVolume{importAt(0, cdiv1.Succeeded)}, noon(5),
		},
		"the tick has its import": {daily, day + time.Hour,
			[]cdiv1.DataVolume{importAt(day, cdiv1.Succeeded), importAt(0, cdiv1.Succeeded)}, never},
		"an import is under way": {daily, day, []cdiv1.DataVolume{importAt(0, cdiv1.ImportInProgress)}, never},
		"just begun":             {daily, day, []cdiv1.DataVolume{importAt(0, cdiv1.PhaseUnset)}, never},
		"a tick while it ran": {at("5 12 * * *"), time.Hour,
			[]cdiv1.DataVolume{importAt(0, cdiv1.Succeeded)}, never},
		"given up, and not due":        {daily, time.Hour, []cdiv1.DataVolume{importAt(0, cdiv1.Failed)}, never},
		"given up, and due":            {daily, day, []cdiv1.DataVolume{importAt(0, cdiv1.Failed)}, noon(1)},
		"all versions are gone":        {daily, 2*day + time.Hour, nil, noon(2)},
		"imported once, and it's gone": {once, 9 * day, nil, creation},
	} {
		t.Run(name, func(t *testing.T) {
			image := imageWith(test.option)
			assert.Equal(t, test.due, dueTick(image, seen(image, test.after, test.imports...)))
		})
	}
}

func TestNextTick(t *testing.T) {
	image := imageWith(at("0 3 * * *"))
	observed := seen(image, 0)
	assert.Equal(t, creation.Add(15*time.Hour), nextTick(image, observed))
	assert.Equal(t, 15*time.Hour, untilNextTick(image, observed))
	assert.Zero(t, untilNextTick(imageWith(), seen(imageWith(), 0)), "imported once")
	cdi := imageWith(fromRegistry("registry.example/debian:13"), at("0 3 * * *"))
	assert.Zero(t, untilNextTick(cdi, seen(cdi, 0)), "CDI looks after it")
}

// CDI reports an image as up to date until its poller reads another digest, also when it reads nothing at all.
func TestAPollThatIsOverdue(t *testing.T) {
	image := imageWith(fromRegistry("registry.example/debian:13"), at("0 * * * *"))
	polledAt := func(after time.Duration) *observation {
		observed := seen(image, after)
		observed.cron = &cdiv1.DataImportCron{}
		observed.cron.Status.Conditions = []cdiv1.DataImportCronCondition{
			{Type: cdiv1.DataImportCronUpToDate, ConditionState: cdiv1.ConditionState{Status: corev1.ConditionTrue}},
		}
		observed.cron.Annotations = map[string]string{annotationDesiredDigest: "sha256:1",
			annotationLastPoll: creation.Add(time.Minute).Format(time.RFC3339)}
		return observed
	}
	assert.Nil(t, polling(polledAt(2*time.Hour)), "it may just be at it")
	assert.Equal(t, 5*time.Minute, untilNextTick(image, polledAt(2*time.Hour)), "at 14:05")
	late := polling(polledAt(2*time.Hour + 5*time.Minute))
	require.NotNil(t, late)
	assert.Equal(t, v1alpha1.ReasonAwaitingPoll, late.Reason)
	assert.Contains(t, late.Message, "last read the image's digest from the registry at 2026-03-02T12:01:00Z")
	assert.Zero(t, untilNextTick(image, polledAt(3*time.Hour)))
	image = imageWith(fromRegistry("registry.example/debian:13"), at("0 0 31 2 *"))
	assert.Nil(t, polling(polledAt(90000*time.Hour)), "a day that never comes")
	assert.Zero(t, untilNextTick(image, polledAt(90000*time.Hour)))
	image = imageWith(fromRegistry("registry.example/debian:13"), at("0 0 29 2 *"))
	for days, year := range map[time.Duration]int{66*365 + 17: 2092, 70*365 + 18: 2096} {
		leap := polledAt(days * 24 * time.Hour)
		leap.cron.Annotations[annotationLastPoll] = time.Date(year, 2, 29, 0, 1, 0, 0, time.UTC).Format(time.RFC3339)
		assert.Nil(t, polling(leap), "the next 29th of February is after %d", year)
	}
	image = imageWith(fromRegistry("registry.example/debian:13"), at("0 * * * *"))
	unknown := polledAt(24 * time.Hour)
	delete(unknown.cron.Annotations, annotationLastPoll)
	assert.Nil(t, polling(unknown))
}

func TestExpired(t *testing.T) {
	const hour = time.Hour
	names := func(imports []*cdiv1.DataVolume) []string {
		var list []string
		for _, one := range imports {
			list = append(list, one.Name)
		}
		return list
	}
	three := []cdiv1.DataVolume{importAt(2*hour, cdiv1.Succeeded), importAt(hour, cdiv1.Succeeded),
		importAt(0, cdiv1.Succeeded)}
	assert.Equal(t, []string{"debian-20260302120000"}, names(expired(imageWith(), three)), "two are kept")
	assert.Empty(t, expired(imageWith(func(i *v1alpha1.WukongImage) { i.Spec.VersionsToKeep = 3 }), three))
	three[0].Status.Phase = cdiv1.ImportInProgress
	assert.Empty(t, expired(imageWith(), three), "the third is not complete yet")
	three[0].Status.Phase = cdiv1.Failed
	assert.Empty(t, expired(imageWith(), three), "the last one that was given up tells why")
	three[1].Status.Phase = cdiv1.Failed
	assert.Equal(t, []string{"debian-20260302130000"}, names(expired(imageWith(), three)))
}
