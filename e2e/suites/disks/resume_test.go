//go:build e2e

package disks

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// An export whose pod is lost half way goes on in another one, and the file is the disk.
func TestAnExportGoesOnAfterItsPodIsLost(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	disk := builder.Disk(namespace, "data", builder.Size("1Gi"),
		builder.FromHTTP(testbed.ImageURL(testbed.DebianImage)))
	cluster.Make(t, disk, exportCredentials(namespace, testbed.S3SecretKey))
	waitDisk(t, disk)
	export := builder.Export(namespace, "disturbed", "data",
		toBucket(namespace+"/disturbed.img.gz", v1alpha1.ExportRaw, v1alpha1.ExportGzip))
	cluster.Make(t, export)
	cluster.Wait(t, export, patience, "half way", func() bool {
		require.NotEqual(t, v1alpha1.OperationSucceeded, export.Status.Phase, "it was too quick to be disturbed")
		return export.Status.ProgressPercent != nil && *export.Status.ProgressPercent >= 10
	})
	lost := movers(t, export)
	require.Len(t, lost, 1)
	require.NoError(t, cluster.Delete(t.Context(), &lost[0], client.GracePeriodSeconds(0)))
	harness.Until(t, harness.CauseTransfer, patience, "another pod goes on", func(context.Context) string {
		if slices.ContainsFunc(movers(t, export), func(pod corev1.Pod) bool { return pod.UID != lost[0].UID }) {
			return ""
		}
		return "there is none"
	})
	jobs := &batchv1.JobList{}
	require.NoError(t, cluster.List(t.Context(), jobs, client.InNamespace(namespace)))
	require.Len(t, jobs.Items, 1)
	assert.False(t, lost[0].CreationTimestamp.Before(&jobs.Items[0].CreationTimestamp),
		"the Job of the first attempt goes on")
	cluster.WaitReady(t, export, metav1.ConditionTrue, v1alpha1.ReasonCompleted, importAndBoot)

	again := builder.Disk(namespace, "again", builder.Size("1Gi"),
		builder.FromS3(export.Spec.Target.S3.URL, credentialsName))
	cluster.Make(t, again)
	waitDisk(t, again)
	assert.Equal(t, rawChecksum(t, disk), rawChecksum(t, again), "what is in the bucket is the disk")
}

// The connection breaks every testbed.BrittleLimit bytes, which is less than the layer of a container disk, and little
// more than a part of an upload to S3. Only what goes on where it broke gets to its end.
func TestAnExportGoesOnWhereItsConnectionBreaks(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	disk := smallDisk(namespace, "data", harness.FromTiny())
	cluster.Make(t, disk, exportCredentials(namespace, testbed.S3SecretKey))
	waitDisk(t, disk)
	checksum := rawChecksum(t, disk)

	image := "/brittle/" + namespace + ":1"
	layer := builder.Export(namespace, "layer", "data", toImage(testbed.BrittleRegistryHost()+image))
	layer.Spec.Format, layer.Spec.Compression = v1alpha1.ExportRaw, v1alpha1.ExportUncompressed
	object := builder.Export(namespace, "object", "data",
		toBucket(namespace+"/brittle.img", v1alpha1.ExportRaw, v1alpha1.ExportUncompressed))
	object.Spec.Target.S3.URL = testbed.BrittleS3URL(namespace + "/brittle.img")
	sources := map[*v1alpha1.WukongExport]builder.DiskOption{
		layer:  builder.FromRegistry(testbed.RegistryURL(testbed.RegistryHost() + image)),
		object: builder.FromS3(testbed.S3URL(namespace+"/brittle.img"), credentialsName),
	}
	for export, source := range sources {
		cluster.Make(t, export)
		cluster.WaitReady(t, export, metav1.ConditionTrue, v1alpha1.ReasonCompleted, importAndBoot)
		assert.Equal(t, checksum, export.Status.Checksum)
		again := smallDisk(namespace, "again-"+export.Name, source)
		cluster.Make(t, again)
		waitDisk(t, again)
		assert.Equal(t, checksum, rawChecksum(t, again), "what went through %s", export.Name)
	}
	jobs := &batchv1.JobList{}
	require.NoError(t, cluster.List(t.Context(), jobs, client.InNamespace(namespace)))
	for i := range jobs.Items {
		assert.Zero(t, jobs.Items[i].Status.Failed, "no pod had to begin anew: %s", jobs.Items[i].Name)
	}
}

// movers are the pods that an export has now.
func movers(t *testing.T, export *v1alpha1.WukongExport) []corev1.Pod {
	t.Helper()
	pods := &corev1.PodList{}
	require.NoError(t, cluster.List(t.Context(), pods, client.InNamespace(export.Namespace),
		client.MatchingLabels{v1alpha1.LabelExport: export.Name}))
	return pods.Items
}
