//go:build controlplane

package wukongimage_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// CDI's own labels and annotations.
const (
	labelCron               = "cdi.kubevirt.io/dataImportCron"
	annotationDesiredDigest = "cdi.kubevirt.io/storage.import.sourceDesiredDigest"
)

// images is the fixture in which only the image controller runs, and the test simulates CDI.
type images struct{ *testkit.Fixture }

// start runs the image controller in a new namespace.
func start(t *testing.T) (images, *testkit.Manager) {
	t.Helper()
	f := alone(t)
	return f, f.StartManager()
}

// alone returns a fixture without a manager.
func alone(t *testing.T) images {
	t.Helper()
	return images{testkit.Parallel(t).Running("wukongimage")}
}

func (f images) in(t *testing.T) images { return images{f.In(t)} }

// newImage returns an image of 1Gi from a web server, imported once, changed by options.
func (f images) newImage(name string, options ...builder.ImageOption) *v1alpha1.WukongImage {
	return builder.Image(f.Namespace, name, builder.ImageHTTP("http://images.example/debian.qcow2"), options...)
}

func fromRegistry(spec *v1alpha1.WukongImageSpec) {
	spec.Source = builder.ImageRegistry("docker://registry.example/debian:13")
}

// waitVersion waits until an image is ready and up to date with a version.
func (f images) waitVersion(image *v1alpha1.WukongImage, name string) *v1alpha1.WukongImage {
	f.Helper()
	current := testkit.WaitUntil(f, image, func(now *testkit.Attempt, current *v1alpha1.WukongImage) {
		assert.Equal(now, name, current.Status.CurrentVersion)
		assert.True(now, meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionReady))
		assert.True(now, meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionUpToDate))
	})
	source := testkit.Read(f, image.Name, &cdiv1.DataSource{}).Spec.Source.PVC
	require.NotNil(f, source)
	assert.Equal(f, name, source.Name, "disks start from it")
	return current
}

// imports lists the DataVolumes of the namespace by name.
func (f images) imports() []string {
	f.Helper()
	list := &cdiv1.DataVolumeList{}
	require.NoError(f, f.Client.List(f.Context(), list, client.InNamespace(f.Namespace)))
	var names []string
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp.IsZero() {
			names = append(names, list.Items[i].Name)
		}
	}
	return names
}

func (f images) waitImports(count int) []string {
	f.Helper()
	f.Until(func() bool { return len(f.imports()) == count }, "not %d imports", count)
	return f.imports()
}

// waitCron waits for the DataImportCron of the namespace.
func (f images) waitCron() *cdiv1.DataImportCron {
	f.Helper()
	list := &cdiv1.DataImportCronList{}
	f.Until(func() bool {
		require.NoError(f, f.Client.List(f.Context(), list, client.InNamespace(f.Namespace)))
		return len(list.Items) == 1 && list.Items[0].DeletionTimestamp.IsZero()
	})
	return &list.Items[0]
}

// The part of CDI, simulated by hand where the order of events matters.

// setSource writes the Ready condition of a DataSource. It has no status subresource: CDI updates the whole object.
func (f images) setSource(name string, status corev1.ConditionStatus) {
	f.Helper()
	dataSource := testkit.Read(f, name, &cdiv1.DataSource{})
	before := dataSource.DeepCopy()
	dataSource.Status.Source = dataSource.Spec.Source
	dataSource.Status.Conditions = []cdiv1.DataSourceCondition{
		{Type: cdiv1.DataSourceReady, ConditionState: cdiv1.ConditionState{Status: status}}}
	require.NoError(f, f.Client.Patch(f.Context(), dataSource, client.MergeFrom(before)))
}

// polled simulates a poll that finds a digest, and the start of its import.
func (f images) polled(digest, dataVolume string) {
	f.Helper()
	cron := f.waitCron()
	before := cron.DeepCopy()
	cron.Annotations[annotationDesiredDigest] = digest
	cron.Status.CurrentImports = []cdiv1.ImportStatus{{DataVolumeName: dataVolume, Digest: digest}}
	cron.Status.Conditions = upToDate(corev1.ConditionFalse, "Import is progressing")
	require.NoError(f, f.Client.Patch(f.Context(), cron, client.MergeFrom(before)))
	if f.Exists(dataVolume, &cdiv1.DataVolume{}) {
		return
	}
	f.Create(&cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: dataVolume, Labels: map[string]string{
			labelCron: cron.Name, v1alpha1.LabelManagedBy: "cdi-controller",
		}},
		Spec: cron.Spec.Template.Spec,
	})
}

// imported simulates the end of an import.
func (f images) imported(dataVolume string) {
	f.Helper()
	f.SetDataVolume(dataVolume, cdiv1.Succeeded)
	cron := f.waitCron()
	before := cron.DeepCopy()
	cron.Status.LastImportedPVC = &cdiv1.DataVolumeSourcePVC{Namespace: f.Namespace, Name: dataVolume}
	now := metav1.Now()
	cron.Status.LastImportTimestamp = &now
	cron.Status.Conditions = upToDate(corev1.ConditionTrue, "Latest import is up to date")
	require.NoError(f, f.Client.Patch(f.Context(), cron, client.MergeFrom(before)))
}

func upToDate(status corev1.ConditionStatus, message string) []cdiv1.DataImportCronCondition {
	return []cdiv1.DataImportCronCondition{{
		Type: cdiv1.DataImportCronUpToDate, ConditionState: cdiv1.ConditionState{Status: status, Message: message},
	}}
}
