//go:build e2e

package disks

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// imagePatience is how long a poll and an import may take together.
const imagePatience = importAndBoot

// A golden image from a registry on a schedule: CDI's poller finds the digest, imports it, and a disk starts from the DataSource.
func TestImageFromARegistryOnASchedule(t *testing.T) {
	t.Parallel()
	namespace := cluster.Namespace(t)
	image := newImage(namespace, "polled", v1alpha1.WukongImageSource{
		Registry: &v1alpha1.RegistrySource{URL: "docker://registry.wukong-devcluster.svc:5000/guest/tiny:1"},
	})
	image.Spec.Schedule = "0 3 * * *"
	require.NoError(t, cluster.Create(t.Context(), image))
	cluster.WaitReady(t, image, metav1.ConditionTrue, v1alpha1.ReasonReady, imagePatience)
	assert.Regexp(t, "^sha256:", image.Status.Digest)
	assert.Equal(t, "polled", image.Status.DataSourceName)
	startFrom(t, image)
	endsWithItsVersions(t, image)
}

// The same from a web server, imported once by ourselves.
func TestImageFromAWebServer(t *testing.T) {
	t.Parallel()
	namespace := cluster.Namespace(t)
	image := newImage(namespace, "once", v1alpha1.WukongImageSource{
		HTTP: &v1alpha1.HTTPSource{URL: "http://images.wukong-devcluster.svc/tiny.qcow2"},
	})
	require.NoError(t, cluster.Create(t.Context(), image))
	cluster.WaitReady(t, image, metav1.ConditionTrue, v1alpha1.ReasonReady, imagePatience)
	require.Len(t, image.Status.Versions, 1)
	startFrom(t, image)
	endsWithItsVersions(t, image)
}

// An image that does not exist is told in the importer's own words.
func TestImageThatTheServerDoesNotHave(t *testing.T) {
	t.Parallel()
	image := newImage(cluster.Namespace(t), "missing", v1alpha1.WukongImageSource{
		HTTP: &v1alpha1.HTTPSource{URL: "http://images.wukong-devcluster.svc/status/404"},
	})
	require.NoError(t, cluster.Create(t.Context(), image))
	cluster.WaitCause(t, image, v1alpha1.ReasonImportFailed, "404", imagePatience)
}

func newImage(namespace, name string, source v1alpha1.WukongImageSource) *v1alpha1.WukongImage {
	return &v1alpha1.WukongImage{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.WukongImageSpec{Source: source, Size: resource.MustParse("256Mi")},
	}
}

// startFrom makes a disk from an image.
func startFrom(t *testing.T, image *v1alpha1.WukongImage) {
	t.Helper()
	disk := &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Namespace: image.Namespace, Name: "from-" + image.Name},
		Spec: v1alpha1.WukongDiskSpec{
			Source: &v1alpha1.WukongDiskSource{Image: &v1alpha1.DiskImageSource{Name: image.Name}},
			Size:   ptr.To(resource.MustParse("256Mi")),
		},
	}
	require.NoError(t, cluster.Create(t.Context(), disk))
	cluster.WaitReady(t, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, imagePatience)
}

// endsWithItsVersions deletes an image, and waits until its version is gone too.
func endsWithItsVersions(t *testing.T, image *v1alpha1.WukongImage) {
	t.Helper()
	version := dataVolume(image.Namespace, image.Status.CurrentVersion)
	require.NoError(t, cluster.Delete(t.Context(), image))
	for _, object := range []client.Object{image, version} {
		cluster.WaitGone(t, object, patience)
	}
}

func dataVolume(namespace, name string) *unstructured.Unstructured {
	volume := &unstructured.Unstructured{}
	volume.SetAPIVersion("cdi.kubevirt.io/v1beta1")
	volume.SetKind("DataVolume")
	volume.SetNamespace(namespace)
	volume.SetName(name)
	return volume
}
