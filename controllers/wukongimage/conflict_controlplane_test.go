//go:build controlplane

package wukongimage_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// A DataSource of someone else has the name, such as one of another DataImportCron: it is told, and left alone, and nothing is imported.
func TestB19AForeignDataSourceIsLeftAlone(t *testing.T) {
	f, manager := start(t)
	foreign := &cdiv1.DataSource{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "debian", Labels: map[string]string{labelCron: "other"}}}
	f.create(foreign)
	image := f.newImage("debian", fromRegistry, at("@daily"))
	f.create(image)
	taken := f.wait(image, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNameConflict, "DataSource debian exists already")
	assert.Empty(t, taken.Status.DataSourceName, "it is told to no disk")
	testenv.WaitIdle(t, 0)
	assert.Zero(t, manager.Writes.Counts()[testenv.Write{Verb: "patch", Resource: "dataimportcrons"}])
	assert.Equal(t, foreign.ResourceVersion, read(f, "debian", &cdiv1.DataSource{}).ResourceVersion)

	f.remove(image)
	f.waitGone(image)
	assert.True(t, f.exists("debian", &cdiv1.DataSource{}), "it is not ours to delete")
}

// CDI may come after Wukong. An image that waits for it can be deleted.
func TestAnImageWaitsForCDI(t *testing.T) {
	bare := testenv.StartFor(t, testenv.Options{Without: []testenv.Definitions{testenv.CDI}, GarbageCollection: true})
	f := fixture{t, bare, bare.Namespace(t), clock.RealClock{}}
	f.startManager()
	image, other := f.newImage("debian"), f.newImage("other", fromRegistry, at("@daily"))
	f.create(image, other)
	f.wait(other, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing, "")
	f.remove(other)
	f.waitGone(other)
	f.wait(image, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing, "CDI (Containerized Data Importer) is not installed")
	bare.Install(t, testenv.CDI)
	f.wait(image, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonImporting, "")
	f.remove(image)
	f.waitGone(image)
}

// What the API server refuses, with words that name the field and the way out.
func TestTheAPIServerRefuses(t *testing.T) {
	f := fixture{t, environment, environment.Namespace(t), clock.RealClock{}}
	for name, test := range map[string]struct {
		option func(*v1alpha1.WukongImage)
		words  string
	}{
		"no source":           {func(i *v1alpha1.WukongImage) { i.Spec.Source = v1alpha1.WukongImageSource{} }, "source"},
		"a schedule of words": {at("every night"), "spec.schedule"},
		"@every":              {at("@every 1h"), "spec.schedule"},
		"a digest on a schedule": {func(i *v1alpha1.WukongImage) {
			fromRegistry(i)
			i.Spec.Source.Registry.URL = "docker://registry.example/debian@sha256:0123"
			i.Spec.Schedule = "@daily"
		}, "needs a source.registry.url with a tag"},
		"eleven versions":            {keeping(11), "versionsToKeep"},
		"a name with a dot":          {func(i *v1alpha1.WukongImage) { i.Name = "debian.13" }, "no dot"},
		"no size":                    {func(i *v1alpha1.WukongImage) { i.Spec.Size.Set(0) }, "size"},
		"a namespace that cannot be": {func(i *v1alpha1.WukongImage) { i.Spec.CloneableFrom = []string{"Team A"} }, "cloneableFrom"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, f.Client.Create(t.Context(), f.newImage("debian", test.option)), test.words)
		})
	}
	image := f.newImage("debian", fromRegistry, at("@daily"))
	f.create(image)
	for change, words := range map[string]string{
		`{"spec":{"source":{"registry":{"url":"docker://registry.example/debian:14"}}}}`: "source cannot change",
		`{"spec":{"size":"2Gi"}}`:              "size cannot change",
		`{"spec":{"storageClassName":"fast"}}`: "storageClassName cannot change",
		`{"spec":{"schedule":null}}`:           "not come or go",
	} {
		assert.ErrorContains(t, f.tryPatch(image, change), words)
	}
	for _, change := range []string{`{"spec":{"schedule":"@weekly"}}`, `{"spec":{"versionsToKeep":1}}`, `{"spec":{"cloneableFrom":["*","team-a"]}}`, `{"spec":{"reclaimPolicy":"Retain"}}`} {
		assert.NoError(t, f.tryPatch(image, change), change)
	}
}

// The umbrella may come later, and takes the image with it.
func TestAnImageBelongsToItsWukong(t *testing.T) {
	f, _ := start(t)
	image := f.newImage("debian", belongingTo("shop"))
	f.create(image)
	f.wait(image, v1alpha1.ConditionUmbrellaLinked, metav1.ConditionFalse, v1alpha1.ReasonUmbrellaMissing, "Wukong shop does not exist")
	shop := &v1alpha1.Wukong{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "shop"}}
	f.create(shop)
	require.Eventually(t, func() bool {
		current := read(f, "debian", &v1alpha1.WukongImage{})
		return len(current.OwnerReferences) == 1 && current.OwnerReferences[0].UID == shop.UID &&
			meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionUmbrellaLinked)
	}, patience, interval)
	f.remove(shop)
	f.waitGone(image)
}
