package wukongimage

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

// expectation of a condition: the zero value is True.
type expectation struct {
	phase           v1alpha1.ImagePhase
	reason, message string
}

func (e expectation) check(t *testing.T, what string, found *notReady) {
	t.Helper()
	if e.reason == "" {
		assert.Nil(t, found, what)
		return
	}
	require.NotNil(t, found, what)
	assert.Equal(t, e.reason, found.Reason, what)
	assert.Equal(t, e.phase, found.Phase, what)
	assert.Contains(t, found.Message, e.message, what)
}

func TestEvaluateOwnImports(t *testing.T) {
	const hour = time.Hour
	good, bad := sourceThatIs(corev1.ConditionTrue, ""), sourceThatIs(corev1.ConditionFalse, "PVC not found")
	yes := expectation{}
	importing := expectation{v1alpha1.ImageImporting, v1alpha1.ReasonImporting, "is being filled"}
	notFound := expectation{v1alpha1.ImageError, v1alpha1.ReasonImportFailed,
		"importer pod: 404 (Error); it is retried (restarts so far: 0)"}
	conflict := expectation{v1alpha1.ImageError, v1alpha1.ReasonNameConflict,
		"DataSource debian already exists and belongs to DataImportCron other"}
	for name, test := range map[string]struct {
		observed        observation
		applyErr        error
		ready, upToDate expectation
	}{
		"complete": {observed: observation{dataSource: good, imports: []cdiv1.DataVolume{importAt(0, cdiv1.Succeeded)}},
			ready: yes, upToDate: yes},
		"the first import": {
			observed: observation{dataSource: bad, imports: []cdiv1.DataVolume{importAt(0, cdiv1.ImportInProgress)}},
			ready:    importing, upToDate: importing,
		},
		"the next import": {
			observed: observation{dataSource: good,
				imports: []cdiv1.DataVolume{importAt(hour, cdiv1.ImportInProgress), importAt(0, cdiv1.Succeeded)}},
			ready: yes, upToDate: importing,
		},
		"the first import fails": {
			observed: observation{dataSource: bad, imports: []cdiv1.DataVolume{
				importAt(0, cdiv1.ImportInProgress, running(corev1.ConditionFalse, "Error", "404"))}},
			ready: notFound, upToDate: notFound,
		},
		"the next import fails, and the last version stays": {
			observed: observation{dataSource: good, imports: []cdiv1.DataVolume{
				importAt(hour, cdiv1.ImportInProgress, running(corev1.ConditionFalse, "Error", "404")),
				importAt(0, cdiv1.Succeeded)}},
			ready: yes, upToDate: notFound,
		},
		"CDI gave up": {
			observed: observation{dataSource: good,
				imports: []cdiv1.DataVolume{importAt(hour, cdiv1.Failed), importAt(0, cdiv1.Succeeded)}},
			ready: yes, upToDate: expectation{v1alpha1.ImageError, v1alpha1.ReasonImportFailed,
				"DataVolume debian-20260302130000 failed, and CDI reports no cause: 'kubectl describe dv"},
		},
		"no such class": {
			observed: observation{dataSource: bad,
				imports: []cdiv1.DataVolume{
					importAt(0, cdiv1.PhaseUnset, refused("ErrClaimNotValid", "no class fast")),
				}},
			ready:    expectation{v1alpha1.ImageError, v1alpha1.ReasonClaimPending, "no class fast"},
			upToDate: expectation{v1alpha1.ImageError, v1alpha1.ReasonClaimPending, "no class fast"},
		},
		"the claim is gone": {
			observed: observation{dataSource: bad, imports: []cdiv1.DataVolume{importAt(0, cdiv1.Succeeded)}},
			ready: expectation{v1alpha1.ImagePending, v1alpha1.ReasonSourceNotReady,
				"DataSource debian: PVC not found"},
			upToDate: yes,
		},
		"the claim cannot be used, and CDI does not explain it": {
			observed: observation{dataSource: sourceThatIs(corev1.ConditionFalse, ""),
				imports: []cdiv1.DataVolume{importAt(0, cdiv1.Succeeded)}},
			ready: expectation{v1alpha1.ImagePending, v1alpha1.ReasonSourceNotReady,
				"DataSource debian: CDI does not report why"},
			upToDate: yes,
		},
		"CDI is absent": {
			observed: observation{missing: &dependency.DataSources},
			ready: expectation{v1alpha1.ImageError, v1alpha1.ReasonDependencyMissing,
				"CDI (Containerized Data Importer) is not installed"},
			upToDate: expectation{v1alpha1.ImageError, v1alpha1.ReasonDependencyMissing, "datasources.cdi.kubevirt.io"},
		},
		"the schedule is wrong, and a version there": {
			observed: observation{scheduleErr: errors.New("end of range (99) above maximum"), dataSource: good,
				imports: []cdiv1.DataVolume{importAt(0, cdiv1.Succeeded)}},
			ready: yes, upToDate: expectation{v1alpha1.ImageError, v1alpha1.ReasonInvalidSpec, "above maximum"},
		},
		"the name is taken": {
			applyErr: &apply.NameConflictError{Kind: "DataSource", Name: "debian", Owner: "DataImportCron other"},
			ready:    conflict, upToDate: conflict,
		},
		"the name is taken after a version was complete": {
			observed: observation{imports: []cdiv1.DataVolume{importAt(0, cdiv1.Succeeded)}},
			applyErr: &apply.NameConflictError{Kind: "DataSource", Name: "debian", Owner: "DataImportCron other"},
			ready:    conflict, upToDate: conflict,
		},
		"the next import is refused": {
			observed: observation{dataSource: good, imports: []cdiv1.DataVolume{importAt(0, cdiv1.Succeeded)}},
			applyErr: &apply.RefusedError{Kind: "DataVolume", Name: "debian-2", Err: errors.New("exceeded quota")},
			ready:    yes, upToDate: expectation{v1alpha1.ImageError, v1alpha1.ReasonApplyRefused,
				"DataVolume debian-2: exceeded quota"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			unready, outdated := evaluate(imageWith(), &test.observed, test.applyErr)
			test.ready.check(t, "Ready", unready)
			test.upToDate.check(t, "UpToDate", outdated)
		})
	}
}

// Fault D.5: CDI clears the importer's error at each retry, and a failure is reported until an attempt succeeds.
func TestAnImportThatIsTriedAgainStaysFailed(t *testing.T) {
	failing := importAt(0, cdiv1.ImportInProgress, running(corev1.ConditionFalse, "Error", "404"))
	trying := importAt(0, cdiv1.ImportInProgress, running(corev1.ConditionTrue, "Pod is running", ""))
	trying.Status.Progress = "40%"
	image := imageWith()
	first := freshness(image, &observation{imports: []cdiv1.DataVolume{failing}}, nil)
	image.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionUpToDate, Status: metav1.ConditionFalse,
		Reason: first.Reason, Message: first.Message}}
	tried := &observation{imports: []cdiv1.DataVolume{trying}, importer: dvstate.Waiting{Retried: true}}
	assert.Equal(t, first, freshness(image, tried, nil))
	assert.Nil(t, describe(image, tried, first).ProgressPercent)
	tried.importer.Retried = false
	assert.Equal(t, v1alpha1.ReasonImporting, freshness(image, tried, nil).Reason, "it runs on")
	assert.Equal(t, ptr.To(int32(40)), describe(image, tried, first).ProgressPercent)
}

func TestEvaluatePolled(t *testing.T) {
	good, bad := sourceThatIs(corev1.ConditionTrue, ""), sourceThatIs(corev1.ConditionFalse, "No source PVC set")
	yes := expectation{}
	awaiting := expectation{v1alpha1.ImagePending, v1alpha1.ReasonAwaitingPoll,
		"cdi.kubevirt.io/dataImportCron=debian-i01234567"}
	for name, test := range map[string]struct {
		observed        observation
		ready, upToDate expectation
	}{
		"not polled yet": {observed: observation{dataSource: bad, cron: cronThat()}, ready: awaiting,
			upToDate: awaiting},
		"up to date": {
			observed: observation{dataSource: good,
				cron: cronThat(polledDigest("sha256:1"), imported("debian-1", "sha256:1"),
					upToDate(corev1.ConditionTrue, ""))},
			ready: yes, upToDate: yes,
		},
		"made again after a change": {
			observed: observation{dataSource: pointingTo(good, "debian-1"), cron: cronThat()}, ready: yes,
			upToDate: awaiting,
		},
		"a new digest": {
			observed: observation{dataSource: good,
				cron: cronThat(polledDigest("sha256:2"), imported("debian-1", "sha256:1"),
					upToDate(corev1.ConditionFalse, "Source digest updated since last import"))},
			ready: yes, upToDate: expectation{v1alpha1.ImageImporting, v1alpha1.ReasonImporting,
				"Source digest updated since last import"},
		},
		"CDI does not explain what it does": {
			observed: observation{dataSource: good, cron: cronThat(polledDigest("sha256:2"),
				imported("debian-1", "sha256:1"), upToDate(corev1.ConditionFalse, ""))},
			ready: yes, upToDate: expectation{v1alpha1.ImageImporting, v1alpha1.ReasonImporting,
				"DataImportCron debian-i01234567: CDI does not report why"},
		},
		"the import of a new digest fails": {
			observed: observation{dataSource: good,
				cron: cronThat(polledDigest("sha256:2"), imported("debian-1", "sha256:1"),
					upToDate(corev1.ConditionFalse, "")),
				imports: []cdiv1.DataVolume{
					importAt(0, cdiv1.ImportInProgress,
						running(corev1.ConditionFalse, "Error", "no disk image below /disk"))}},
			ready:    yes,
			upToDate: expectation{v1alpha1.ImageError, v1alpha1.ReasonImportFailed, "no disk image below /disk"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			unready, outdated := evaluate(imageWith(fromRegistry("r/debian"), at("@daily")), &test.observed, nil)
			test.ready.check(t, "Ready", unready)
			test.upToDate.check(t, "UpToDate", outdated)
		})
	}
}

func TestEvaluateDeleted(t *testing.T) {
	unready, outdated := evaluate(imageWith(deleted), &observation{}, nil)
	for _, found := range []*notReady{unready, outdated} {
		expectation{v1alpha1.ImageTerminating, v1alpha1.ReasonTerminating, "reclaimPolicy"}.check(t, "deleted", found)
	}
}

func TestDescribe(t *testing.T) {
	t.Run("two versions and one under way", func(t *testing.T) {
		image := imageWith(at("@hourly"))
		third := importAt(2*time.Hour, cdiv1.ImportInProgress)
		third.Status.Progress = "47.11%"
		observed := seen(image, 2*time.Hour+time.Minute, third, importAt(time.Hour, cdiv1.Succeeded),
			importAt(0, cdiv1.Succeeded))
		observed.dataSource = sourceThatIs(corev1.ConditionTrue, "")
		second, first := ptr.To(metav1.NewTime(creation.Add(70*time.Minute))),
			ptr.To(metav1.NewTime(creation.Add(10*time.Minute)))
		assert.Equal(t, v1alpha1.WukongImageStatus{
			Phase: v1alpha1.ImageReady, DataSourceName: "debian",
			CurrentVersion: "debian-20260302130000", LastImportTime: second,
			NextImportTime: ptr.To(metav1.NewTime(creation.Add(3 * time.Hour))), ProgressPercent: ptr.To(int32(40)),
			Versions: []v1alpha1.ImageVersion{
				{Name: "debian-20260302130000", ClaimName: "debian-20260302130000", ImportTime: second},
				{Name: "debian-20260302120000", ClaimName: "debian-20260302120000", ImportTime: first},
			},
		}, describe(image, observed, nil))
	})
	t.Run("from a registry", func(t *testing.T) {
		image := imageWith(fromRegistry("r/debian"), at("@daily"))
		observed := seen(image, 0)
		observed.cron = cronThat(imported("debian-1", "sha256:1"))
		status := describe(image, observed, nil)
		assert.Equal(t, "debian-1", status.CurrentVersion)
		assert.Equal(t, "sha256:1", status.Digest)
		assert.Nil(t, status.NextImportTime, "CDI's CronJob alone knows")
		assert.Equal(t, "debian-1", status.Versions[0].ClaimName)
		assert.Empty(t, status.DataSourceName, "there is none")
	})
	t.Run("from a registry, kept as snapshots", func(t *testing.T) {
		image := imageWith(fromRegistry("r/debian"), at("@daily"))
		observed := seen(image, 0)
		observed.cron = cronThat(imported("debian-1", "sha256:1"), asSnapshots)
		status := describe(image, observed, nil)
		assert.Equal(t, []v1alpha1.ImageVersion{{Name: "debian-1", ImportTime: ptr.To(metav1.NewTime(creation))}},
			status.Versions)
	})
	t.Run("from a registry, while the DataImportCron is made again", func(t *testing.T) {
		image := imageWith(fromRegistry("r/debian"), at("@daily"))
		observed := seen(image, 0, importAt(0, cdiv1.Succeeded))
		observed.dataSource = pointingTo(sourceThatIs(corev1.ConditionTrue, ""), observed.imports[0].Name)
		status := describe(image, observed, nil)
		assert.Equal(t, observed.imports[0].Name, status.CurrentVersion)
		assert.Equal(t, ptr.To(metav1.NewTime(creation.Add(10*time.Minute))), status.LastImportTime)
		assert.Len(t, status.Versions, 1)
	})
	t.Run("the digest of the next version is not the current one's", func(t *testing.T) {
		current := cronVersion(cronThat(imported("debian-1", "sha256:1"), func(c *cdiv1.DataImportCron) {
			c.Status.CurrentImports = []cdiv1.ImportStatus{{DataVolumeName: "debian-2", Digest: "sha256:2"}}
		}))
		assert.Equal(t, "debian-1", current.name)
		assert.Empty(t, current.digest)
	})
}
