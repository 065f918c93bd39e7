//go:build e2e

package disks

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// imagePatience is how long a poll and an import may take together.
const imagePatience = importAndBoot

// A golden image from a registry on a schedule: CDI's poller finds the digest, imports it, and a disk starts from the
// DataSource.
func TestImageFromARegistryOnASchedule(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	image := newImage(namespace, "polled", v1alpha1.WukongImageSource{
		Registry: &v1alpha1.RegistrySource{URL: testbed.RegistryURL(testbed.TinyContainerDisk())},
	})
	image.Spec.Schedule = "0 3 * * *"
	require.NoError(t, cluster.Create(t.Context(), image))
	cluster.WaitReady(t, image, metav1.ConditionTrue, v1alpha1.ReasonReady, imagePatience)
	assert.Regexp(t, "^sha256:", image.Status.Digest)
	assert.Equal(t, "polled", image.Status.DataSourceName)
	startFrom(t, image)
	endsWithItsVersions(t, image)
}

// The catalogue follows its source: a new digest under the tag is imported, disks start from it, and versions beyond
// those to keep go. A disk that names a digest gets those bytes or none.
func TestImageFollowsItsSource(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	repository := testbed.RegistryHost() + "/catalogue/" + namespace
	first, second := smallDisk(namespace, "first", harness.FromTiny()), smallDisk(namespace, "second")
	cluster.Make(t, first, second)
	publish := func(disk *v1alpha1.WukongDisk) {
		waitDisk(t, disk)
		export := builder.Export(namespace, disk.Name, disk.Name, toImage(repository+":latest"))
		cluster.Make(t, export)
		cluster.WaitReady(t, export, metav1.ConditionTrue, v1alpha1.ReasonCompleted, importAndBoot)
	}
	publish(first)
	image := newImage(namespace, "follows",
		v1alpha1.WukongImageSource{Registry: &v1alpha1.RegistrySource{URL: "docker://" + repository + ":latest"}})
	image.Spec.Schedule, image.Spec.VersionsToKeep, image.Spec.Size = "* * * * *", 1, *first.Spec.Size
	cluster.Make(t, image)
	cluster.WaitReady(t, image, metav1.ConditionTrue, v1alpha1.ReasonReady, imagePatience)
	digest, version := image.Status.Digest, image.Status.CurrentVersion
	old := smallDisk(namespace, "old", builder.FromImage("", image.Name))
	cluster.Make(t, old)
	waitDisk(t, old)
	bytes := rawChecksum(t, first)
	assert.Equal(t, bytes, rawChecksum(t, old))

	publish(second)
	cluster.Wait(t, image, imagePatience, "at another version", func() bool {
		return image.Status.Digest != digest && image.Status.CurrentVersion != version &&
			meta.IsStatusConditionTrue(image.Status.Conditions, v1alpha1.ConditionUpToDate)
	})
	current := smallDisk(namespace, "current", builder.FromImage("", image.Name))
	pinned := smallDisk(namespace, "pinned", builder.FromRegistry("docker://"+repository+"@"+digest))
	wrong := smallDisk(namespace, "wrong", builder.FromRegistry("docker://"+repository+"@"+spoiled(digest)))
	cluster.Make(t, current, pinned, wrong)
	waitDisk(t, current)
	waitDisk(t, pinned)
	assert.Equal(t, rawChecksum(t, second), rawChecksum(t, current))
	assert.Equal(t, bytes, rawChecksum(t, pinned))
	cluster.WaitCause(t, wrong, v1alpha1.ReasonImportFailed, "manifest unknown", patience)
	cluster.WaitGone(t, builder.DataVolume(namespace, version), imagePatience)

	short := smallDisk(namespace, "short", builder.FromRegistry("docker://"+repository+"@"+digest[:len(digest)-2]))
	assert.ErrorContains(t, cluster.Create(t.Context(), short), "a digest is @sha256: and 64 hexadecimal digits")
}

// spoiled is a digest with another last digit.
func spoiled(digest string) string {
	last := "0"
	if strings.HasSuffix(digest, last) {
		last = "1"
	}
	return digest[:len(digest)-1] + last
}

// The same from a web server, imported once by ourselves.
func TestImageFromAWebServer(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	image := newImage(namespace, "once", v1alpha1.WukongImageSource{
		HTTP: &v1alpha1.HTTPSource{URL: testbed.ImageURL(testbed.TinyImage)},
	})
	require.NoError(t, cluster.Create(t.Context(), image))
	cluster.WaitReady(t, image, metav1.ConditionTrue, v1alpha1.ReasonReady, imagePatience)
	require.Len(t, image.Status.Versions, 1)
	startFrom(t, image)
	endsWithItsVersions(t, image)
}

// An image that does not exist is told in the importer's own words.
func TestImageFaultsInPlainWords(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	missing := newImage(namespace, "missing", v1alpha1.WukongImageSource{
		HTTP: &v1alpha1.HTTPSource{URL: testbed.NotFoundURL()},
	})
	untrusted := newImage(namespace, "untrusted", v1alpha1.WukongImageSource{HTTP: &v1alpha1.HTTPSource{
		URL:              testbed.SecureImageURL(testbed.TinyImage),
		CertConfigMapRef: &v1alpha1.LocalObjectReference{Name: "forgotten"},
	}})
	cluster.Make(t, missing, untrusted)
	cluster.WaitCause(t, missing, v1alpha1.ReasonImportFailed, "404", imagePatience)
	cluster.WaitCause(t, untrusted, v1alpha1.ReasonImportFailed, `configmap "forgotten" not found`, imagePatience)
	cluster.Make(t, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "forgotten"},
		Data:       map[string]string{"ca.crt": imageAuthority(t)},
	})
	cluster.WaitReady(t, untrusted, metav1.ConditionTrue, v1alpha1.ReasonReady, imagePatience)
}

func newImage(namespace, name string, source v1alpha1.WukongImageSource) *v1alpha1.WukongImage {
	return builder.Image(namespace, name, source, builder.ImageSize("256Mi"))
}

// startFrom makes a disk from an image, which the storage clones: no pod copies its bytes.
func startFrom(t *testing.T, image *v1alpha1.WukongImage) {
	t.Helper()
	disk := builder.Disk(image.Namespace, "from-"+image.Name, builder.Size("256Mi"), builder.FromImage("", image.Name))
	require.NoError(t, cluster.Create(t.Context(), disk))
	cluster.WaitReady(t, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, imagePatience)
	claim := &corev1.PersistentVolumeClaim{}
	require.NoError(t,
		cluster.Get(t.Context(), client.ObjectKey{Namespace: disk.Namespace, Name: disk.Status.ClaimName}, claim))
	// CDI's pkg/controller/common, AnnCloneType; the third strategy is "copy".
	assert.Contains(t, []string{"csi-clone", "snapshot"}, claim.Annotations["cdi.kubevirt.io/cloneType"])
}

// endsWithItsVersions deletes an image, and waits until its version is gone too.
func endsWithItsVersions(t *testing.T, image *v1alpha1.WukongImage) {
	t.Helper()
	version := builder.DataVolume(image.Namespace, image.Status.CurrentVersion)
	require.NoError(t, cluster.Delete(t.Context(), image))
	for _, object := range []client.Object{image, version} {
		cluster.WaitGone(t, object, patience)
	}
}
