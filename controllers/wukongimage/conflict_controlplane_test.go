//go:build controlplane

package wukongimage_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// An unmanaged DataSource has the name, such as one of another DataImportCron: it is reported and left alone, and
// nothing is imported.
func TestB19AForeignDataSourceIsLeftAlone(t *testing.T) {
	f, manager := start(t)
	unmanaged := &cdiv1.DataSource{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "debian",
		Labels: map[string]string{labelCron: "other"}}}
	f.Create(unmanaged)
	image := f.newImage("debian", fromRegistry, builder.At("@daily"))
	f.Create(image)
	taken := testkit.Wait(f, image, metav1.ConditionFalse, v1alpha1.ReasonNameConflict,
		"DataSource debian already exists")
	assert.Empty(t, taken.Status.DataSourceName, "it is told to no disk")
	f.WaitIdle()
	assert.Zero(t, manager.Writes.Counts()[testenv.Write{Verb: "patch", Resource: "dataimportcrons"}])
	assert.Equal(t, unmanaged.ResourceVersion, testkit.Read(f, "debian", &cdiv1.DataSource{}).ResourceVersion)

	f.Remove(image)
	f.WaitGone(image)
	assert.True(t, f.Exists("debian", &cdiv1.DataSource{}), "it is not ours to delete")
}

// CDI may be installed after Wukong. An image that waits for it can be deleted.
func TestAnImageWaitsForCDI(t *testing.T) {
	apart := testkit.Apart(t, testenv.Options{Without: []testenv.Definitions{testenv.CDI}, GarbageCollection: true})
	f := images{apart.Running("wukongimage")}
	f.StartManager()
	image, other := f.newImage("debian"), f.newImage("other", fromRegistry, builder.At("@daily"))
	f.Create(image, other)
	testkit.Wait(f, other, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing, "")
	f.Remove(other)
	f.WaitGone(other)
	testkit.Wait(f, image, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing,
		"CDI (Containerized Data Importer) is not installed")
	f.Install(testenv.CDI)
	testkit.Wait(f, image, metav1.ConditionFalse, v1alpha1.ReasonImporting, "")
	f.Remove(image)
	f.WaitGone(image)
}

// The API server refuses these, with messages that name the field and the fix.
func TestTheAPIServerRefuses(t *testing.T) {
	f := alone(t)
	for name, test := range map[string]struct {
		option builder.ImageOption
		words  string
	}{
		"no source": {
			func(i *v1alpha1.WukongImageSpec) { i.Source = v1alpha1.WukongImageSource{} }, "source",
		},
		"a schedule of words": {builder.At("every night"), "spec.schedule"},
		"@every":              {builder.At("@every 1h"), "spec.schedule"},
		"a digest on a schedule": {func(i *v1alpha1.WukongImageSpec) {
			fromRegistry(i)
			i.Source.Registry.URL = "docker://registry.example/debian@sha256:0123"
			i.Schedule = "@daily"
		}, "needs a source.registry.url with a tag"},
		"eleven versions": {builder.Keeping(11), "versionsToKeep"},
		"no size":         {func(i *v1alpha1.WukongImageSpec) { i.Size.Set(0) }, "size"},
		"a namespace that cannot be": {func(i *v1alpha1.WukongImageSpec) { i.CloneableFrom = []string{"Team A"} },
			"cloneableFrom"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, f.Client.Create(t.Context(), f.newImage("debian", test.option)), test.words)
		})
	}
	assert.ErrorContains(t, f.Client.Create(t.Context(), f.newImage("debian.13")), "no dot")
	image := f.newImage("debian", fromRegistry, builder.At("@daily"))
	f.Create(image)
	for change, words := range map[string]string{
		`{"spec":{"source":{"registry":{"url":"docker://registry.example/debian:14"}}}}`: "source cannot change",
		`{"spec":{"size":"2Gi"}}`:              "size cannot change",
		`{"spec":{"storageClassName":"fast"}}`: "storageClassName cannot change",
		`{"spec":{"schedule":null}}`:           "cannot be added or removed",
	} {
		assert.ErrorContains(t, f.TryPatch(image, change), words)
	}
	for _, change := range []string{`{"spec":{"schedule":"@weekly"}}`, `{"spec":{"versionsToKeep":1}}`,
		`{"spec":{"cloneableFrom":["*","team-a"]}}`, `{"spec":{"reclaimPolicy":"Retain"}}`} {
		assert.NoError(t, f.TryPatch(image, change), change)
	}
}

// The umbrella may be created later. The image is deleted with it.
func TestAnImageBelongsToItsWukong(t *testing.T) {
	f, _ := start(t)
	image := builder.PartOf("shop", f.newImage("debian"))
	f.Create(image)
	testkit.WaitCondition(f, image, v1alpha1.ConditionUmbrellaLinked, metav1.ConditionFalse,
		v1alpha1.ReasonUmbrellaMissing, "Wukong shop does not exist")
	shop := builder.Wukong(f.Namespace, "shop")
	f.Create(shop)
	f.Until(func() bool {
		current := testkit.Read(f, "debian", &v1alpha1.WukongImage{})
		return len(current.OwnerReferences) == 1 && current.OwnerReferences[0].UID == shop.UID &&
			meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionUmbrellaLinked)
	})
	f.Remove(shop)
	f.WaitGone(image)
}
