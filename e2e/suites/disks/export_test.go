//go:build e2e

package disks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// A disk goes out and comes in again by CDI, by each way and from each mode of volume, and its bytes are the same.
func TestExportAndImportAgain(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	file, block := smallDisk(namespace, "file", harness.FromTiny()),
		smallDisk(namespace, "block", harness.FromTiny(), builder.OnBlock)
	cluster.Make(t, exportCredentials(namespace, testbed.S3SecretKey), file, block)
	for _, disk := range []*v1alpha1.WukongDisk{file, block} {
		cluster.WaitReady(t, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, importAndBoot)
	}
	s3Source := func(key string) builder.DiskOption { return builder.FromS3(testbed.S3URL(key), credentialsName) }
	image := testbed.RegistryHost() + "/exports/" + namespace + ":1"
	tests := []struct {
		name   string
		disk   *v1alpha1.WukongDisk
		target func(*v1alpha1.WukongExportSpec)
		source builder.DiskOption
		same   []builder.DiskOption
	}{
		{"s3-raw-gzip", file, toBucket(namespace+"/raw.img.gz", v1alpha1.ExportRaw, v1alpha1.ExportGzip),
			s3Source(namespace + "/raw.img.gz"), nil},
		{"s3-qcow2", block, toBucket(namespace+"/disk.qcow2", v1alpha1.ExportQCOW2, v1alpha1.ExportUncompressed),
			s3Source(namespace + "/disk.qcow2"), []builder.DiskOption{builder.OnBlock}},
		{"registry", file, toImage(image), builder.FromRegistry(testbed.RegistryURL(image)), nil},
	}
	checksums := map[string]string{file.Name: rawChecksum(t, file), block.Name: rawChecksum(t, block)}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			export := builder.Export(namespace, test.name, test.disk.Name, test.target)
			cluster.Make(t, export)
			cluster.WaitReady(t, export, metav1.ConditionTrue, v1alpha1.ReasonCompleted, patience)
			assert.Equal(t, v1alpha1.OperationSucceeded, export.Status.Phase)
			assert.NotEmpty(t, export.Status.Location)
			assert.Regexp(t, "^sha256:[0-9a-f]{64}$", export.Status.Checksum)
			assert.Positive(t, export.Status.SizeBytes)

			again := smallDisk(namespace, "again-"+test.name, append(test.same, test.source)...)
			cluster.Make(t, again)
			cluster.WaitReady(t, again, metav1.ConditionTrue, v1alpha1.ReasonReady, importAndBoot)
			assert.Equal(t, checksums[test.disk.Name], rawChecksum(t, again))
		})
	}
}

// A stopped machine's disk goes out as a container disk, from which another machine boots. A running one is not read.
func TestExportOfAMachine(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	vm := tinyVM(namespace, "web")
	cluster.Make(t, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	export := builder.Export(namespace, "golden", "", builder.OfMachine("web", ""),
		toImage(testbed.RegistryHost()+"/machines/"+namespace+":1"))
	cluster.Make(t, export)
	ready := cluster.WaitReady(t, export, metav1.ConditionFalse, v1alpha1.ReasonSourceInUse, patience)
	assert.Contains(t, ready.Message, "in use by WukongVM web")

	change(t, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerStopped })
	cluster.WaitReady(t, export, metav1.ConditionTrue, v1alpha1.ReasonCompleted, patience)
	assert.Regexp(t, "/machines/"+namespace+"@sha256:[0-9a-f]{64}$", export.Status.Location)

	born := builder.VM(namespace, "born", builder.Stamped("root", builder.Size(harness.TinySize),
		builder.FromRegistry(testbed.RegistryURL(export.Status.Location))))
	cluster.Make(t, born)
	cluster.WaitReady(t, born, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	cluster.Shell(t, born).Close()
}

// A running machine's snapshot can be exported, and nothing of the restored claim is left.
func TestExportOfASnapshot(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	disk := smallDisk(namespace, "data", harness.FromTiny())
	cluster.Make(t, disk, exportCredentials(namespace, testbed.S3SecretKey))
	cluster.WaitReady(t, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, importAndBoot)
	snapshot := builder.VolumeSnapshot(namespace, "monday", disk.Status.ClaimName)
	export := builder.Export(namespace, "backup", "", builder.OfVolumeSnapshot("monday"),
		toBucket(namespace+"/snapshot.img", v1alpha1.ExportRaw, v1alpha1.ExportUncompressed))
	cluster.Make(t, export)
	cluster.WaitReady(t, export, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, patience)
	cluster.Make(t, snapshot)
	cluster.WaitReady(t, export, metav1.ConditionTrue, v1alpha1.ReasonCompleted, patience)
	assert.Equal(t, rawChecksum(t, disk), export.Status.Checksum)
	harness.Until(t, harness.CauseDeletion, patience, "the restored claim is deleted",
		func(ctx context.Context) string {
			claims := &corev1.PersistentVolumeClaimList{}
			if err := cluster.List(ctx, claims, client.InNamespace(namespace)); err != nil {
				return err.Error()
			}
			if len(claims.Items) != 1 {
				return fmt.Sprintf("there are %d claims", len(claims.Items))
			}
			return ""
		})
}

// The link gives the file to those with the token, and goes on in the middle.
func TestDownloadLinkWithRanges(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	disk := smallDisk(namespace, "data", harness.FromTiny())
	cluster.Make(t, disk)
	cluster.WaitReady(t, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, importAndBoot)
	export := builder.Export(namespace, "link", "data", toLink(v1alpha1.ExportQCOW2))
	cluster.Make(t, export)
	waitServed(t, export)
	assert.NotNil(t, export.Status.Download.ExpiresAt)

	get := download(t, export)
	response, whole := get(nil)
	require.Equal(t, http.StatusOK, response.StatusCode)
	sum := sha256.Sum256(whole)
	assert.Equal(t, export.Status.Checksum, "sha256:"+hex.EncodeToString(sum[:]))
	assert.Equal(t, export.Status.SizeBytes, int64(len(whole)))
	response, rest := get(map[string]string{"Range": fmt.Sprintf("bytes=%d-", len(whole)/3)})
	assert.Equal(t, http.StatusPartialContent, response.StatusCode)
	assert.True(t, bytes.Equal(whole[len(whole)/3:], rest))
	response, _ = get(map[string]string{"Authorization": "Bearer guess"})
	assert.Equal(t, http.StatusUnauthorized, response.StatusCode)
}

// Each fault is named in plain words, and mends itself when its cause is mended while attempts are left.
func TestExportFaultsInPlainWords(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	disk := smallDisk(namespace, "data", harness.FromTiny())
	cluster.Make(t, disk, exportCredentials(namespace, "wrong"))
	cluster.WaitReady(t, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, importAndBoot)
	refused := builder.Export(namespace, "refused", "data",
		toBucket(namespace+"/a", v1alpha1.ExportRaw, v1alpha1.ExportUncompressed))
	unreachable := builder.Export(namespace, "unreachable", "data", toImage(testbed.UnknownRegistryHost()+"/a/b:1"))
	cluster.Make(t, refused, unreachable)
	ready := cluster.WaitReady(t, refused, metav1.ConditionFalse, v1alpha1.ReasonCredentialsRefused, patience)
	assert.Contains(t, ready.Message, "correct accessKeyId and secretKey")
	ready = cluster.WaitReady(t, unreachable, metav1.ConditionFalse, v1alpha1.ReasonTargetUnreachable, patience)
	assert.Contains(t, ready.Message, "is not known")

	secret := exportCredentials(namespace, "")
	require.NoError(t,
		cluster.Patch(t.Context(), secret, client.RawPatch("application/merge-patch+json",
			[]byte(`{"stringData":{"secretKey":"`+testbed.S3SecretKey+`"}}`))))
	cluster.WaitReady(t, refused, metav1.ConditionTrue, v1alpha1.ReasonCompleted, patience)

	missing := builder.Export(namespace, "missing", "data", func(spec *v1alpha1.WukongExportSpec) {
		toBucket("a", v1alpha1.ExportRaw, v1alpha1.ExportUncompressed)(spec)
		spec.Target.S3.URL = testbed.S3BucketURL("nowhere", "a")
	})
	cluster.Make(t, missing)
	ready = cluster.WaitReady(t, missing, metav1.ConditionFalse, v1alpha1.ReasonBucketMissing, patience)
	assert.Contains(t, ready.Message, "bucket nowhere at "+testbed.S3Host()+" does not exist")

	none := builder.Quota(namespace, "none", corev1.ResourcePods, "0")
	cluster.Make(t, none)
	harness.Until(t, harness.CauseOther, patience, "the quota counts", func(ctx context.Context) string {
		if err := cluster.Get(ctx, client.ObjectKeyFromObject(none), none); err != nil {
			return err.Error()
		}
		if len(none.Status.Used) == 0 {
			return "it has no status"
		}
		return ""
	})
	forbidden := builder.Export(namespace, "forbidden", "data",
		toBucket(namespace+"/b", v1alpha1.ExportRaw, v1alpha1.ExportUncompressed))
	cluster.Make(t, forbidden)
	cluster.WaitCause(t, forbidden, v1alpha1.ReasonApplyRefused, "exceeded quota: none", patience)
	require.NoError(t, cluster.Delete(t.Context(), none))
	cluster.WaitReady(t, forbidden, metav1.ConditionTrue, v1alpha1.ReasonCompleted, patience)
}
