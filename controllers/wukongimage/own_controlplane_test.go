//go:build controlplane

package wukongimage_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// The whole life of an image that is imported once, and its writes.
func TestContract3WritesOfAnImage(t *testing.T) {
	f, manager := start(t)
	image := f.newImage("debian")
	f.Create(image)
	importing := testkit.Wait(f, image, metav1.ConditionFalse, v1alpha1.ReasonImporting, "is being filled")
	assert.Equal(t, "debian", importing.Status.DataSourceName, "disks may refer to it")
	one := f.waitImports(1)[0]
	f.SetDataVolume(one, cdiv1.ImportInProgress)
	f.setSource("debian", corev1.ConditionFalse)
	f.SetDataVolume(one, cdiv1.Succeeded)
	testkit.Wait(f, image, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "DataSource debian")
	f.setSource("debian", corev1.ConditionTrue)
	ready := f.waitVersion(image, one)
	assert.Equal(t, v1alpha1.ImageReady, ready.Status.Phase)
	assert.Equal(t, one, ready.Status.Versions[0].ClaimName)
	assert.NotNil(t, ready.Status.LastImportTime)
	assert.Nil(t, ready.Status.NextImportTime, "it is imported once")

	f.WaitIdle()
	assert.Equal(t, map[testenv.Write]int{
		{Verb: "patch", Resource: "wukongimages"}:        1, // the finalizer
		{Verb: "patch", Resource: "datasources"}:         2, // empty, and with the version
		{Verb: "patch", Resource: "datavolumes"}:         1,
		{Verb: "patch", Resource: "wukongimages/status"}: 3, // importing, complete, ready
	}, manager.Writes.Counts())
	assert.Zero(t, manager.Writes.Conflicts())

	t.Run("none at rest, after a restart", func(t *testing.T) {
		f := f.in(t)
		manager.Stop()
		second := f.StartManager()
		f.WaitPasses(1)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})
}

// Only kubelet's event reports an importer pod that does not start.
func TestAnImporterThatDoesNotStartIsTold(t *testing.T) {
	f, _ := start(t)
	image := f.newImage("debian")
	f.Create(image)
	one := f.waitImports(1)[0]
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: one},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
	f.Create(claim)
	const words = `MountVolume.SetUp failed for volume "cdi-cert-vol" : configmap "ca" not found`
	f.Create(&corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, GenerateName: "importer."},
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: f.Namespace,
			Name: "importer-prime-" + string(claim.UID)},
		Type: corev1.EventTypeWarning, Reason: "FailedMount", Message: words, FirstTimestamp: metav1.Now(),
		LastTimestamp: metav1.Now(), Count: 1,
	})
	creating := func(since time.Duration) cdiv1.DataVolumeCondition {
		return cdiv1.DataVolumeCondition{
			Type: cdiv1.DataVolumeRunning, Status: corev1.ConditionFalse, Reason: "ContainerCreating",
			LastHeartbeatTime: metav1.NewTime(time.Now().Add(-since)),
		}
	}
	f.SetDataVolume(one, cdiv1.ImportScheduled, creating(0))
	testkit.Wait(f, image, metav1.ConditionFalse, v1alpha1.ReasonImporting, "is being filled")
	f.SetDataVolume(one, cdiv1.ImportScheduled, creating(time.Minute))
	told := testkit.Wait(f, image, metav1.ConditionFalse, v1alpha1.ReasonImportFailed, words)
	assert.Equal(t, v1alpha1.ImageError, told.Status.Phase)
	f.SetDataVolume(one, cdiv1.ImportInProgress)
	testkit.Wait(f, image, metav1.ConditionFalse, v1alpha1.ReasonImporting, "is being filled")
	f.WaitIdle()
}

// Each tick of a web server's image creates a version. The DataSource points to it when it is complete, and the oldest
// is deleted.
func TestEachTickMakesAVersion(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Now())
	f := images{alone(t).ByClock(clock)}
	f.StartManager()
	image := f.newImage("debian", builder.At("0 3 * * *"), builder.Keeping(2))
	f.Create(image)
	first := f.waitImports(1)[0]
	f.SetDataVolume(first, cdiv1.Succeeded)
	f.setSource("debian", corev1.ConditionTrue)
	current := f.waitVersion(image, first)
	next := current.Status.NextImportTime
	require.NotNil(t, next)
	assert.Equal(t, 3, next.UTC().Hour())

	// A fake clock starts no pass: any change of the image does.
	days := 0
	tick := func() {
		days++
		clock.SetTime(next.AddDate(0, 0, days-1).Add(time.Second))
		f.Patch(image, `{"spec":{"cloneableFrom":["day-`+string(rune('0'+days))+`"]}}`)
	}
	tick()
	second := "debian-" + next.UTC().Format("20060102150405")
	f.Until(func() bool { return f.Exists(second, &cdiv1.DataVolume{}) })
	// The importer runs: by the manager's clock this DataVolume was last seen yesterday.
	f.SetDataVolume(second, cdiv1.ImportInProgress,
		cdiv1.DataVolumeCondition{Type: cdiv1.DataVolumeRunning, Status: corev1.ConditionTrue})
	refreshing := testkit.WaitCondition(f, image, v1alpha1.ConditionUpToDate, metav1.ConditionFalse,
		v1alpha1.ReasonImporting, second)
	assert.Equal(t, first, refreshing.Status.CurrentVersion, "disks start from the last version meanwhile")

	// The import fails, and the next tick comes: CDI retries this one, and no other is created.
	f.SetDataVolume(second, cdiv1.ImportInProgress, cdiv1.DataVolumeCondition{Type: cdiv1.DataVolumeRunning,
		Status: corev1.ConditionFalse, Reason: "Error", Message: "404"})
	tick()
	broken := testkit.WaitCondition(f, image, v1alpha1.ConditionUpToDate, metav1.ConditionFalse,
		v1alpha1.ReasonImportFailed, "importer pod: 404")
	assert.Equal(t, v1alpha1.ImageReady, broken.Status.Phase)
	assert.Len(t, f.imports(), 2)

	// It succeeds. Ticks that were missed meanwhile are not caught up before the next tick.
	f.SetDataVolume(second, cdiv1.Succeeded, cdiv1.DataVolumeCondition{Type: cdiv1.DataVolumeReady,
		Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(clock.Now())})
	f.waitVersion(image, second)
	tick()
	third := "debian-" + next.AddDate(0, 0, 2).UTC().Format("20060102150405")
	f.Until(func() bool { return f.Exists(third, &cdiv1.DataVolume{}) })
	assert.True(t, f.Exists(first, &cdiv1.DataVolume{}), "nothing goes before its successor is complete")
	f.SetDataVolume(third, cdiv1.Succeeded)
	f.waitVersion(image, third)
	f.WaitGone(&cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Name: first}})
	assert.ElementsMatch(t, []string{second, third}, f.imports())
}

func TestAScheduleThatNobodyCanReadIsTold(t *testing.T) {
	f, _ := start(t)
	image := f.newImage("debian", builder.At("99 3 * * *"))
	f.Create(image)
	wrong := testkit.Wait(f, image, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, "spec.schedule cannot be read")
	assert.Equal(t, v1alpha1.ImageError, wrong.Status.Phase)
	f.Patch(image, `{"spec":{"schedule":"0 3 * * *"}}`)
	f.waitImports(1)
}

// A version that is deleted by hand is imported again, and disks start from versions that exist.
func TestAVersionThatIsDeletedComesAgain(t *testing.T) {
	f, _ := start(t)
	image := f.newImage("debian")
	f.Create(image)
	one := f.waitImports(1)[0]
	f.SetDataVolume(one, cdiv1.Succeeded)
	f.setSource("debian", corev1.ConditionTrue)
	f.waitVersion(image, one)
	before := testkit.Read(f, one, &cdiv1.DataVolume{})
	f.Remove(before)
	f.Until(func() bool {
		again := &cdiv1.DataVolume{}
		return f.Exists(one, again) && again.UID != before.UID
	})
	testkit.Wait(f, image, metav1.ConditionFalse, v1alpha1.ReasonImporting, one)
}
