//go:build controlplane

package wukongimage_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// The life of an image from a registry on a schedule: CDI imports, and our DataSource follows.
func TestContract3WritesOfAPolledImage(t *testing.T) {
	f, manager := start(t)
	image := f.newImage("debian", fromRegistry, builder.At("0 3 * * *"))
	f.Create(image)
	testkit.Wait(f, image, metav1.ConditionFalse, v1alpha1.ReasonAwaitingPoll, "CDI's poller")
	assert.NotContains(t, testkit.Read(f, "debian", &cdiv1.DataSource{}).Labels, labelCron,
		"with the label CDI would take it for its own")
	assert.Empty(t, f.imports(), "CDI imports")

	f.polled("sha256:1", "debian-1")
	f.SetDataVolume("debian-1", cdiv1.ImportInProgress)
	testkit.Wait(f, image, metav1.ConditionFalse, v1alpha1.ReasonImporting, "DataVolume debian-1 is being filled")
	f.imported("debian-1")
	f.setSource("debian", corev1.ConditionTrue)
	ready := f.waitVersion(image, "debian-1")
	assert.Equal(t, "sha256:1", ready.Status.Digest)

	// A new digest. Its import fails first, and then succeeds.
	f.polled("sha256:2", "debian-2")
	f.SetDataVolume("debian-2", cdiv1.ImportInProgress, cdiv1.DataVolumeCondition{
		Type: cdiv1.DataVolumeRunning, Status: corev1.ConditionFalse, Reason: "Error",
		Message: "no disk image below /disk",
	})
	broken := testkit.WaitCondition(f, image, v1alpha1.ConditionUpToDate, metav1.ConditionFalse,
		v1alpha1.ReasonImportFailed, "importer pod: no disk image below /disk")
	assert.Equal(t, "debian-1", broken.Status.CurrentVersion)
	f.imported("debian-2")
	current := f.waitVersion(image, "debian-2")
	assert.Equal(t, "sha256:2", current.Status.Digest)
	assert.Len(t, current.Status.Versions, 2)

	f.WaitIdle()
	manager.Stop()
	second := f.StartManager()
	f.WaitPasses(1)
	assert.Zero(t, second.Writes.Total(), second.Writes)
}

// CDI refuses a change of a DataImportCron: it is created again, and disks start from the last version meanwhile.
func TestAScheduleCanChange(t *testing.T) {
	f, _ := start(t)
	image := f.newImage("debian", fromRegistry, builder.At("0 3 * * *"))
	f.Create(image)
	f.polled("sha256:1", "debian-1")
	f.imported("debian-1")
	f.Until(func() bool { return testkit.Read(f, "debian", &cdiv1.DataSource{}).Spec.Source.PVC != nil })
	f.setSource("debian", corev1.ConditionTrue)
	f.waitVersion(image, "debian-1")
	before := f.waitCron()

	f.Patch(image, `{"spec":{"schedule":"0 4 * * *"}}`)
	f.Until(func() bool { return f.waitCron().UID != before.UID })
	after := f.waitCron()
	assert.Equal(t, "0 4 * * *", after.Spec.Schedule)
	assert.Equal(t, before.Name, after.Name, "what it imported is found by the name")
	awaiting := testkit.WaitCondition(f, image, v1alpha1.ConditionUpToDate, metav1.ConditionFalse,
		v1alpha1.ReasonAwaitingPoll, "")
	assert.Equal(t, "debian-1", awaiting.Status.CurrentVersion)
	assert.Equal(t, v1alpha1.ImageReady, awaiting.Status.Phase)
	assert.True(t, f.Exists("debian-1", &cdiv1.DataVolume{}))

	f.polled("sha256:1", "debian-1")
	f.imported("debian-1")
	f.waitVersion(image, "debian-1")
}
