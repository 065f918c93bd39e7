//go:build controlplane

package wukongimage_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

const (
	patience = time.Minute
	interval = 20 * time.Millisecond
)

// CDI's marks.
const (
	labelCron               = "cdi.kubevirt.io/dataImportCron"
	annotationDesiredDigest = "cdi.kubevirt.io/storage.import.sourceDesiredDigest"
)

// fixture is a namespace of one test in a control plane.
type fixture struct {
	*testing.T
	*testenv.Environment
	namespace string
	clock     clock.PassiveClock
}

// start runs the image controller alone, in a new namespace.
func start(t *testing.T) (fixture, *testenv.Manager) {
	t.Helper()
	return startAt(t, clock.RealClock{})
}

// startAt runs it by a clock of the test.
func startAt(t *testing.T, passive clock.PassiveClock) (fixture, *testenv.Manager) {
	t.Helper()
	f := fixture{t, environment, environment.Namespace(t), passive}
	return f, f.startManager()
}

// in is the fixture within a subtest.
func (f fixture) in(t *testing.T) fixture {
	f.T = t
	return f
}

func (f fixture) startManager() *testenv.Manager {
	f.Helper()
	return f.StartManager(f, testenv.ManagerOptions{Namespace: f.namespace, Controllers: []string{"wukongimage"}, Clock: f.clock})
}

func (f fixture) create(objects ...client.Object) {
	f.Helper()
	for _, obj := range objects {
		require.NoError(f, f.Client.Create(f.Context(), obj))
	}
}

func (f fixture) remove(obj client.Object) {
	f.Helper()
	require.NoError(f, f.Client.Delete(f.Context(), obj))
}

func (f fixture) patch(obj client.Object, body string) {
	f.Helper()
	require.NoError(f, f.Client.Patch(f.Context(), obj, client.RawPatch(types.MergePatchType, []byte(body))))
}

// read reads an object that must exist.
func read[T client.Object](f fixture, name string, obj T) T {
	f.Helper()
	require.NoError(f, f.Client.Get(f.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, obj))
	return obj
}

func (f fixture) exists(name string, obj client.Object) bool {
	err := f.Client.Get(f.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, obj)
	require.NoError(f, client.IgnoreNotFound(err))
	return !apierrors.IsNotFound(err)
}

func (f fixture) waitGone(obj client.Object) {
	f.Helper()
	obj.SetNamespace(f.namespace)
	f.WaitGone(f.T, obj, patience, interval)
}

// newImage is an image of 1Gi from a web server, imported once, and what the options say.
func (f fixture) newImage(name string, options ...func(*v1alpha1.WukongImage)) *v1alpha1.WukongImage {
	image := &v1alpha1.WukongImage{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec: v1alpha1.WukongImageSpec{
			Source: v1alpha1.WukongImageSource{HTTP: &v1alpha1.HTTPSource{URL: "http://images.example/debian.qcow2"}},
			Size:   resource.MustParse("1Gi"),
		},
	}
	for _, option := range options {
		option(image)
	}
	return image
}

func at(schedule string) func(*v1alpha1.WukongImage) {
	return func(image *v1alpha1.WukongImage) { image.Spec.Schedule = schedule }
}

func fromRegistry(image *v1alpha1.WukongImage) {
	image.Spec.Source = v1alpha1.WukongImageSource{Registry: &v1alpha1.RegistrySource{URL: "docker://registry.example/debian:13"}}
}

func retained(image *v1alpha1.WukongImage) { image.Spec.ReclaimPolicy = v1alpha1.ReclaimRetain }

func keeping(versions int32) func(*v1alpha1.WukongImage) {
	return func(image *v1alpha1.WukongImage) { image.Spec.VersionsToKeep = versions }
}

func belongingTo(wukong string) func(*v1alpha1.WukongImage) {
	return func(image *v1alpha1.WukongImage) { image.Spec.WukongRef = &v1alpha1.LocalObjectReference{Name: wukong} }
}

// wait waits until a condition of an image has the status and reason, is of the current spec, and the message contains words.
func (f fixture) wait(image *v1alpha1.WukongImage, conditionType string, status metav1.ConditionStatus, reason, words string) *v1alpha1.WukongImage {
	f.Helper()
	current := &v1alpha1.WukongImage{}
	require.EventuallyWithT(f, func(collect *assert.CollectT) {
		require.NoError(collect, f.Client.Get(f.Context(), client.ObjectKeyFromObject(image), current))
		found := meta.FindStatusCondition(current.Status.Conditions, conditionType)
		require.NotNil(collect, found)
		assert.Equal(collect, string(status)+" "+reason, string(found.Status)+" "+found.Reason, found.Message)
		assert.Equal(collect, current.Generation, found.ObservedGeneration)
		assert.Contains(collect, found.Message, words)
	}, patience, interval)
	return current
}

// waitVersion waits until an image is ready and up to date with a version.
func (f fixture) waitVersion(image *v1alpha1.WukongImage, name string) *v1alpha1.WukongImage {
	f.Helper()
	current := &v1alpha1.WukongImage{}
	require.EventuallyWithT(f, func(collect *assert.CollectT) {
		require.NoError(collect, f.Client.Get(f.Context(), client.ObjectKeyFromObject(image), current))
		assert.Equal(collect, name, current.Status.CurrentVersion)
		assert.True(collect, meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionReady))
		assert.True(collect, meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionUpToDate))
	}, patience, interval)
	source := read(f, image.Name, &cdiv1.DataSource{}).Spec.Source.PVC
	require.NotNil(f, source)
	assert.Equal(f, name, source.Name, "disks start from it")
	return current
}

// imports lists the DataVolumes of the namespace by name.
func (f fixture) imports() []string {
	f.Helper()
	list := &cdiv1.DataVolumeList{}
	require.NoError(f, f.Client.List(f.Context(), list, client.InNamespace(f.namespace)))
	var names []string
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp.IsZero() {
			names = append(names, list.Items[i].Name)
		}
	}
	return names
}

func (f fixture) waitImports(count int) []string {
	f.Helper()
	require.Eventually(f, func() bool { return len(f.imports()) == count }, patience, interval, "not %d imports", count)
	return f.imports()
}

// waitCron waits for the DataImportCron of the namespace.
func (f fixture) waitCron() *cdiv1.DataImportCron {
	f.Helper()
	list := &cdiv1.DataImportCronList{}
	require.Eventually(f, func() bool {
		require.NoError(f, f.Client.List(f.Context(), list, client.InNamespace(f.namespace)))
		return len(list.Items) == 1 && list.Items[0].DeletionTimestamp.IsZero()
	}, patience, interval)
	return &list.Items[0]
}

// The part of CDI, played by hand where the order of events matters.

func (f fixture) setImport(name string, phase cdiv1.DataVolumePhase, conditions ...cdiv1.DataVolumeCondition) {
	f.Helper()
	dataVolume := read(f, name, &cdiv1.DataVolume{})
	dataVolume.Status.Phase = phase
	dataVolume.Status.Conditions = conditions
	require.NoError(f, f.Client.Status().Update(f.Context(), dataVolume))
}

// setSource writes the Ready condition of a DataSource. It has no status subresource: CDI updates the whole object.
func (f fixture) setSource(name string, status corev1.ConditionStatus) {
	f.Helper()
	dataSource := read(f, name, &cdiv1.DataSource{})
	before := dataSource.DeepCopy()
	dataSource.Status.Source = dataSource.Spec.Source
	dataSource.Status.Conditions = []cdiv1.DataSourceCondition{{Type: cdiv1.DataSourceReady, ConditionState: cdiv1.ConditionState{Status: status}}}
	require.NoError(f, f.Client.Patch(f.Context(), dataSource, client.MergeFrom(before)))
}

// polled plays the poller that found a digest, and CDI that begins the import of it.
func (f fixture) polled(digest, dataVolume string) {
	f.Helper()
	cron := f.waitCron()
	before := cron.DeepCopy()
	cron.Annotations[annotationDesiredDigest] = digest
	cron.Status.CurrentImports = []cdiv1.ImportStatus{{DataVolumeName: dataVolume, Digest: digest}}
	cron.Status.Conditions = upToDate(corev1.ConditionFalse, "Import is progressing")
	require.NoError(f, f.Client.Patch(f.Context(), cron, client.MergeFrom(before)))
	if f.exists(dataVolume, &cdiv1.DataVolume{}) {
		return
	}
	f.create(&cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: dataVolume, Labels: map[string]string{
			labelCron: cron.Name, v1alpha1.LabelManagedBy: "cdi-controller",
		}},
		Spec: cron.Spec.Template.Spec,
	})
}

// imported plays CDI that ends an import.
func (f fixture) imported(dataVolume string) {
	f.Helper()
	f.setImport(dataVolume, cdiv1.Succeeded)
	cron := f.waitCron()
	before := cron.DeepCopy()
	cron.Status.LastImportedPVC = &cdiv1.DataVolumeSourcePVC{Namespace: f.namespace, Name: dataVolume}
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

func (f fixture) tryPatch(obj client.Object, body string) error {
	return f.Client.Patch(f.Context(), obj.DeepCopyObject().(client.Object), client.RawPatch(types.MergePatchType, []byte(body)))
}
