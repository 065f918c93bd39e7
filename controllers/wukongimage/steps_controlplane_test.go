//go:build controlplane

package wukongimage_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
	"github.com/novasphere/wukong/controllers/internal/testkit/steprows"
	"github.com/novasphere/wukong/controllers/wukongimage"
)

// importsOf are the names of the DataVolumes that an image imports.
func (f images) importsOf(image *v1alpha1.WukongImage) (names []string) {
	f.Helper()
	list := &cdiv1.DataVolumeList{}
	require.NoError(f, f.Client.List(f.Context(), list, client.InNamespace(f.Namespace),
		client.MatchingLabels{v1alpha1.LabelImage: string(image.UID)}))
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return names
}

// importOnce simulates the import of an image that is imported once, until the image is ready.
func (f images) importOnce(image *v1alpha1.WukongImage) {
	f.Helper()
	f.Until(func() bool { return len(f.importsOf(image)) == 1 }, "it is not imported")
	one := f.importsOf(image)[0]
	f.SetDataVolume(one, cdiv1.Succeeded)
	f.Until(func() bool { return testkit.Read(f, image.Name, &cdiv1.DataSource{}).Spec.Source.PVC != nil })
	f.setSource(image.Name, corev1.ConditionTrue)
	f.waitVersion(image, one)
}

func TestEachStepIsRefusedAndFails(t *testing.T) {
	f := alone(t)
	once := func(f *testkit.Fixture, name string) *v1alpha1.WukongImage {
		image := images{f}.newImage(name)
		f.Create(image)
		return image
	}
	isImported := func(f *testkit.Fixture, image *v1alpha1.WukongImage) { images{f}.importOnce(image) }
	steprows.Run(t, f.Fixture, steprows.Table[*v1alpha1.WukongImage]{
		Steps: wukongimage.Steps,
		Wake: func(f *testkit.Fixture, image *v1alpha1.WukongImage) {
			f.Patch(image, `{"spec":{"cloneableFrom":["other"]}}`)
		},
		Rows: map[string]steprows.Row[*v1alpha1.WukongImage]{
			"metadata": {
				Resource: "wukongimages", Begin: once, Heals: isImported,
				GoesOn: func(f *testkit.Fixture, image *v1alpha1.WukongImage) {
					assert.False(f, f.Exists(image.Name, &cdiv1.DataSource{}), "nothing is made before the finalizer deletes it")
					assert.Empty(f, images{f}.importsOf(image))
				},
			},
			"data-source": {
				Resource: "datasources", Begin: once, Heals: isImported,
				GoesOn: func(f *testkit.Fixture, image *v1alpha1.WukongImage) {
					assert.Contains(f, testkit.Read(f, image.Name, image).Finalizers, v1alpha1.FinalizerImage)
					assert.Empty(f, images{f}.importsOf(image), "nothing points to it")
				},
			},
			"cron": {
				Resource: "dataimportcrons",
				Begin: func(f *testkit.Fixture, name string) *v1alpha1.WukongImage {
					image := images{f}.newImage(name, fromRegistry, builder.At("0 3 * * *"))
					f.Create(image)
					return image
				},
				GoesOn: func(f *testkit.Fixture, image *v1alpha1.WukongImage) {
					f.Until(func() bool { return f.Exists(image.Name, &cdiv1.DataSource{}) }, "disks may refer to it")
				},
				Heals: func(f *testkit.Fixture, image *v1alpha1.WukongImage) {
					testkit.Wait(f, image, metav1.ConditionFalse, v1alpha1.ReasonAwaitingPoll, "CDI's poller")
				},
			},
			"ownership": {
				Resource: "datavolumes", Condition: v1alpha1.ConditionUpToDate, Begin: once, Settles: isImported,
				Heals: ownsNoImport,
				Act: func(f *testkit.Fixture, image *v1alpha1.WukongImage) {
					f.Patch(image, `{"spec":{"reclaimPolicy":"Retain"}}`)
				},
				GoesOn: func(f *testkit.Fixture, image *v1alpha1.WukongImage) {
					assert.NotEmpty(f, image.Status.CurrentVersion, "disks start from it meanwhile")
				},
			},
			"import": {
				Resource: "datavolumes", Begin: once, Heals: isImported,
				GoesOn: func(f *testkit.Fixture, image *v1alpha1.WukongImage) {
					f.Until(func() bool { return f.Exists(image.Name, &cdiv1.DataSource{}) }, "disks may refer to it")
				},
			},
		},
	})
}

// ownsNoImport waits until a retained image does not own what it imported.
func ownsNoImport(f *testkit.Fixture, image *v1alpha1.WukongImage) {
	testkit.WaitTrue(f, image, v1alpha1.ReasonReady)
	for _, name := range (images{f}).importsOf(image) {
		f.Until(func() bool { return len(testkit.Read(f, name, &cdiv1.DataVolume{}).OwnerReferences) == 0 })
	}
}
