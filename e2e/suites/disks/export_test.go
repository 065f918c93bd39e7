//go:build e2e

package disks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/console"
)

// A disk goes out and comes in again by CDI, by each way and from each mode of volume, and its bytes are the same.
func TestExportAndImportAgain(t *testing.T) {
	t.Parallel()
	namespace := cluster.Namespace(t)
	file, block := exportedDisk(namespace, "file", fromTiny()), exportedDisk(namespace, "block", fromTiny(), onBlock)
	exportCreate(t, exportCredentials(namespace, testbed.S3SecretKey), file, block)
	for _, disk := range []*v1alpha1.WukongDisk{file, block} {
		cluster.WaitReady(t, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, importAndBoot)
	}
	s3Source := func(key string) *v1alpha1.WukongDiskSource {
		return &v1alpha1.WukongDiskSource{S3: &v1alpha1.S3Source{
			URL: testbed.S3URL(key), SecretRef: &v1alpha1.LocalObjectReference{Name: credentialsName},
		}}
	}
	image := testbed.RegistryHost() + "/exports/" + namespace + ":1"
	tests := []struct {
		name   string
		disk   *v1alpha1.WukongDisk
		target func(*v1alpha1.WukongExportSpec)
		source *v1alpha1.WukongDiskSource
		same   []func(*v1alpha1.WukongDiskSpec)
	}{
		{"s3-raw-gzip", file, toBucket(namespace+"/raw.img.gz", v1alpha1.ExportRaw, v1alpha1.ExportGzip), s3Source(namespace + "/raw.img.gz"), nil},
		{"s3-qcow2", block, toBucket(namespace+"/disk.qcow2", v1alpha1.ExportQCOW2, v1alpha1.ExportUncompressed), s3Source(namespace + "/disk.qcow2"), []func(*v1alpha1.WukongDiskSpec){onBlock}},
		{"registry", file, toImage(image), &v1alpha1.WukongDiskSource{Registry: &v1alpha1.RegistrySource{URL: "docker://" + image}}, nil},
	}
	checksums := map[string]string{file.Name: rawChecksum(t, file), block.Name: rawChecksum(t, block)}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			export := diskExport(namespace, test.name, test.disk.Name, test.target)
			exportCreate(t, export)
			cluster.WaitReady(t, export, metav1.ConditionTrue, v1alpha1.ReasonCompleted, patience)
			assert.Equal(t, v1alpha1.ExportCompleted, export.Status.Phase)
			assert.NotEmpty(t, export.Status.Location)
			assert.Regexp(t, "^sha256:[0-9a-f]{64}$", export.Status.Checksum)
			assert.Positive(t, export.Status.SizeBytes)

			again := exportedDisk(namespace, "again-"+test.name, test.source, test.same...)
			exportCreate(t, again)
			cluster.WaitReady(t, again, metav1.ConditionTrue, v1alpha1.ReasonReady, importAndBoot)
			assert.Equal(t, checksums[test.disk.Name], rawChecksum(t, again))
		})
	}
}

// A stopped machine's disk goes out as a container disk, from which another machine boots. A running one is not read.
func TestExportOfAMachine(t *testing.T) {
	t.Parallel()
	namespace := cluster.Namespace(t)
	size := resource.MustParse(exportDiskSize)
	vm := &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"},
		Spec: v1alpha1.WukongVMSpec{
			Memory: v1alpha1.Memory{Guest: resource.MustParse("128Mi")}, TerminationGracePeriodSeconds: new(int64),
			Disks: []v1alpha1.VMDisk{{Name: "root", Template: &v1alpha1.DiskTemplate{Spec: v1alpha1.WukongDiskSpec{Size: &size, Source: fromTiny()}}}},
		},
	}
	exportCreate(t, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	export := diskExport(namespace, "golden", "", toImage(testbed.RegistryHost()+"/machines/"+namespace+":1"))
	export.Spec.Source = v1alpha1.ExportSource{VM: &v1alpha1.ExportVMSource{Name: "web"}}
	exportCreate(t, export)
	ready := cluster.WaitReady(t, export, metav1.ConditionFalse, v1alpha1.ReasonSourceInUse, patience)
	assert.Contains(t, ready.Message, "in use by WukongVM web")

	require.NoError(t, cluster.Patch(t.Context(), vm, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"powerState":"Stopped"}}`))))
	cluster.WaitReady(t, export, metav1.ConditionTrue, v1alpha1.ReasonCompleted, patience)
	assert.Regexp(t, "/machines/"+namespace+"@sha256:[0-9a-f]{64}$", export.Status.Location)

	source := &v1alpha1.WukongDiskSource{Registry: &v1alpha1.RegistrySource{URL: "docker://" + export.Status.Location}}
	born := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "born"}, Spec: *vm.Spec.DeepCopy()}
	born.Spec.PowerState, born.Spec.Disks[0].Template.Spec.Source = v1alpha1.PowerRunning, source
	exportCreate(t, born)
	cluster.WaitReady(t, born, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	ctx, cancel := context.WithTimeout(t.Context(), importAndBoot)
	defer cancel()
	guest, err := console.Reach(ctx, cluster.Config, namespace, born.Name, os.Stderr, func(guest *console.Console) error {
		_, err := guest.Prod(ctx, regexp.MustCompile(`# $`))
		return err
	})
	require.NoError(t, err, "it boots to a shell")
	require.NoError(t, guest.Close())
}

// A running machine's snapshot can be exported, and nothing of the restored claim is left.
func TestExportOfASnapshot(t *testing.T) {
	t.Parallel()
	namespace := cluster.Namespace(t)
	disk := exportedDisk(namespace, "data", fromTiny())
	exportCreate(t, disk, exportCredentials(namespace, testbed.S3SecretKey))
	cluster.WaitReady(t, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, importAndBoot)
	snapshot := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot",
		"metadata": map[string]any{"namespace": namespace, "name": "monday"},
		"spec":     map[string]any{"source": map[string]any{"persistentVolumeClaimName": disk.Status.ClaimName}},
	}}
	export := diskExport(namespace, "backup", "", toBucket(namespace+"/snapshot.img", v1alpha1.ExportRaw, v1alpha1.ExportUncompressed))
	export.Spec.Source = v1alpha1.ExportSource{VolumeSnapshot: &v1alpha1.ExportSnapshotSource{Name: "monday"}}
	exportCreate(t, export)
	cluster.WaitReady(t, export, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, patience)
	exportCreate(t, snapshot)
	cluster.WaitReady(t, export, metav1.ConditionTrue, v1alpha1.ReasonCompleted, patience)
	assert.Equal(t, rawChecksum(t, disk), export.Status.Checksum)
	require.Eventually(t, func() bool {
		claims := &corev1.PersistentVolumeClaimList{}
		return cluster.List(t.Context(), claims, client.InNamespace(namespace)) == nil && len(claims.Items) == 1
	}, patience, time.Second, "the restored claim does not go")
}

// The link gives the file to those with the token, and goes on in the middle.
func TestDownloadLinkWithRanges(t *testing.T) {
	t.Parallel()
	namespace := cluster.Namespace(t)
	disk := exportedDisk(namespace, "data", fromTiny())
	exportCreate(t, disk)
	cluster.WaitReady(t, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, importAndBoot)
	export := diskExport(namespace, "link", "data", toLink(v1alpha1.ExportQCOW2))
	exportCreate(t, export)
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
	t.Parallel()
	namespace := cluster.Namespace(t)
	disk := exportedDisk(namespace, "data", fromTiny())
	exportCreate(t, disk, exportCredentials(namespace, "wrong"))
	cluster.WaitReady(t, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, importAndBoot)
	refused := diskExport(namespace, "refused", "data", toBucket(namespace+"/a", v1alpha1.ExportRaw, v1alpha1.ExportUncompressed))
	unreachable := diskExport(namespace, "unreachable", "data", toImage(testbed.UnknownRegistryHost()+"/a/b:1"))
	exportCreate(t, refused, unreachable)
	ready := cluster.WaitReady(t, refused, metav1.ConditionFalse, v1alpha1.ReasonCredentialsRefused, patience)
	assert.Contains(t, ready.Message, "correct accessKeyId and secretKey")
	ready = cluster.WaitReady(t, unreachable, metav1.ConditionFalse, v1alpha1.ReasonTargetUnreachable, patience)
	assert.Contains(t, ready.Message, "is not known")

	secret := exportCredentials(namespace, "")
	require.NoError(t, cluster.Patch(t.Context(), secret, client.RawPatch("application/merge-patch+json", []byte(`{"stringData":{"secretKey":"`+testbed.S3SecretKey+`"}}`))))
	cluster.WaitReady(t, refused, metav1.ConditionTrue, v1alpha1.ReasonCompleted, patience)

	missing := diskExport(namespace, "missing", "data", func(spec *v1alpha1.WukongExportSpec) {
		toBucket("a", v1alpha1.ExportRaw, v1alpha1.ExportUncompressed)(spec)
		spec.Target.S3.URL = testbed.S3BucketURL("nowhere", "a")
	})
	exportCreate(t, missing)
	ready = cluster.WaitReady(t, missing, metav1.ConditionFalse, v1alpha1.ReasonBucketMissing, patience)
	assert.Contains(t, ready.Message, "bucket nowhere at "+testbed.S3Host()+" does not exist")

	none := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "none"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}},
	}
	exportCreate(t, none)
	require.Eventually(t, func() bool {
		return cluster.Get(t.Context(), client.ObjectKeyFromObject(none), none) == nil && len(none.Status.Used) > 0
	}, patience, time.Second, "the quota counts")
	forbidden := diskExport(namespace, "forbidden", "data", toBucket(namespace+"/b", v1alpha1.ExportRaw, v1alpha1.ExportUncompressed))
	exportCreate(t, forbidden)
	cluster.WaitCause(t, forbidden, v1alpha1.ReasonApplyRefused, "exceeded quota: none", patience)
	require.NoError(t, cluster.Delete(t.Context(), none))
	cluster.WaitReady(t, forbidden, metav1.ConditionTrue, v1alpha1.ReasonCompleted, patience)
}
