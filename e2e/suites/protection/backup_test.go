//go:build e2e

package protection

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// bucketOf is a client of the dev cluster's bucket, as a person has it who restores.
func bucketOf(t *testing.T) *minio.Client {
	t.Helper()
	port := harness.PortForward(t.Context(), t, testbed.ServersNamespace, testbed.S3Service, testbed.S3Port)
	made, err := minio.New("localhost:"+port, &minio.Options{
		Creds: credentials.NewStaticV4(testbed.S3AccessKey, testbed.S3SecretKey, ""), Region: testbed.S3Region,
	})
	require.NoError(t, err)
	return made
}

func readObject(t *testing.T, bucket *minio.Client, key string) io.Reader {
	t.Helper()
	object, err := bucket.GetObject(t.Context(), testbed.S3Bucket, key, minio.GetObjectOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = object.Close() })
	return object
}

// keyOf is a Secret with a key of age.
func keyOf(namespace, name, field, key string) *corev1.Secret {
	return builder.Secret(namespace, name, map[string]string{field: key})
}

// known is what a guest is known by.
func known(t *testing.T, vm *v1alpha1.WukongVM) string {
	t.Helper()
	return cluster.Ask(t, vm, "cat /sys/class/dmi/id/product_uuid /sys/class/net/e*/address /kept")
}

// A schedule copies a running WukongVM out of the cluster, encrypted by a public key. All of it is deleted. Who has the
// secret key restores it by the manifest in the bucket: the same bytes, and the same identity.
func TestAWukongVMIsRestoredFromTheBucket(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	key, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	other, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	vm := builder.VM(namespace, "web", harness.TinyDisk("root"), builder.OnPodNetwork)
	cluster.Make(t, vm, builder.Secret(namespace, "bucket", map[string]string{
		testbed.S3AccessKeyField: testbed.S3AccessKey, testbed.S3SecretKeyField: testbed.S3SecretKey,
	}), keyOf(namespace, "key", "recipient", key.Recipient().String()))
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	guest := cluster.Shell(t, vm)
	guest.Run(t, "echo what was written > /kept; sync")
	guest.Close()
	before := known(t, vm)
	require.Contains(t, before, "what was written")

	target := builder.S3Folder(testbed.S3URL(namespace), testbed.S3Region, "bucket", "key")
	schedule := builder.Schedule(namespace, "web", "web", "* * * * *", builder.BackedUpTo(target))
	cluster.Make(t, schedule)
	cluster.Wait(t, schedule, importAndBoot, "backed up", func() bool { return schedule.Status.LastBackup != nil })
	require.Equal(t, v1alpha1.BackupSucceeded, schedule.Status.LastBackup.Result, schedule.Status.LastBackup.Message)
	harness.Change(t, cluster, schedule, func(schedule *v1alpha1.WukongSnapshotSchedule) {
		schedule.Spec.Suspend = ptr.To(true)
	})

	// Another backup in the same folder, which keeps one.
	target.S3.URL += "/" + namespace + "/web"
	again := builder.Backup(namespace, "web-again", schedule.Status.LastBackup.SnapshotName, target,
		builder.KeepingBackups(1))
	cluster.Make(t, again)
	cluster.WaitReady(t, again, metav1.ConditionTrue, v1alpha1.ReasonCompleted, importAndBoot)
	assert.GreaterOrEqual(t, again.Status.DeletedBackups, int32(1), again.Status.Warning)
	bucket, folder := bucketOf(t), namespace+"/"+namespace+"/web/web-again/"
	var index struct {
		Encrypted bool
		Disks     []struct{ Name, File string }
	}
	require.NoError(t, json.NewDecoder(readObject(t, bucket, folder+"backup.json")).Decode(&index))
	assert.True(t, index.Encrypted)
	require.Len(t, index.Disks, 1)
	decrypted, err := age.Decrypt(readObject(t, bucket, folder+"restore.yaml.age"), key)
	require.NoError(t, err)
	manifest, err := io.ReadAll(decrypted)
	require.NoError(t, err)

	require.NoError(t, cluster.Delete(t.Context(), schedule))
	require.NoError(t, cluster.Delete(t.Context(), vm))
	cluster.WaitGone(t, vm, patience)
	cluster.WaitGone(t, builder.Disk(namespace, "web-root"), patience)
	require.NoError(t, cluster.DeleteAllOf(t.Context(), &v1alpha1.WukongSnapshot{}, client.InNamespace(namespace)))
	require.NoError(t, cluster.DeleteAllOf(t.Context(), &v1alpha1.WukongBackup{}, client.InNamespace(namespace)))

	// With another key nothing is imported, and the cause is there. The right one is taken when it is there.
	secret := keyOf(namespace, "key", "identity", other.String())
	require.NoError(t, cluster.Delete(t.Context(), secret))
	cluster.Make(t, secret)
	output := harness.Kubectl(t).Run(t, string(manifest), "create", "--namespace", namespace, "--filename", "-")
	assert.Contains(t, output, "wukongvm.vm.novasphere.dev/web created")
	disk := builder.Disk(namespace, "web-root")
	cluster.WaitCause(t, disk, v1alpha1.ReasonKeyRefused, "encrypted for another key", patience)
	harness.Change(t, cluster, secret, func(secret *corev1.Secret) {
		secret.StringData = map[string]string{"identity": key.String()}
	})
	restored := builder.VM(namespace, "web")
	cluster.WaitReady(t, restored, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	assert.Equal(t, before, known(t, restored))
	assert.True(t, strings.HasSuffix(restored.Annotations[v1alpha1.AnnotationRestoredFrom], "/web-again"),
		fmt.Sprint(restored.Annotations))
}
