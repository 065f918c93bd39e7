//go:build controlplane

package wukongexport_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
	"github.com/novasphere/wukong/mover"
)

// No token is made for a Job that the namespace's quota refuses, again and again.
func TestADownloadThatIsRefusedMakesNoToken(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	quota := builder.Quota(f.Namespace, "jobs", "count/jobs.batch", "0")
	f.Create(quota)
	quota.Status = corev1.ResourceQuotaStatus{
		Hard: quota.Spec.Hard, Used: corev1.ResourceList{"count/jobs.batch": resource.MustParse("0")},
	}
	f.SetStatus(quota)
	export := f.newExport("backup", "data", builder.ToDownload(600))
	f.Create(export)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonApplyRefused, "exceeded quota")
	assert.False(t, f.Exists("backup-download", &corev1.Secret{}))
}

// A Secret of someone else under the name of ours would be the token of the link.
func TestADownloadServesNoTokenOfSomeoneElse(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	f.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "backup-download"},
		StringData: map[string]string{"token": "known"},
	})
	export := f.newExport("backup", "data", builder.ToDownload(600))
	f.Create(export)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonNameConflict, "Secret backup-download already exists")
	assert.False(t, f.Exists("backup-mover", &batchv1.Job{}))
}

// The link, its token, what the mover tells meanwhile, and the end.
func TestDownloadLink(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	export := f.newExport("backup", "data", builder.ToDownload(600), func(spec *v1alpha1.WukongExportSpec) {
		spec.Compression = v1alpha1.ExportGzip
	})
	f.Create(export)
	job := f.waitJob(export)

	secret := &corev1.Secret{}
	f.Until(func() bool { return f.Exists("backup-download", secret) }, "made after the Job, whose pod waits for it")
	assert.True(t, metav1.IsControlledBy(secret, export))
	assert.GreaterOrEqual(t, len(secret.Data["token"]), 32)
	_, err := tls.X509KeyPair(secret.Data["tls.crt"], secret.Data["tls.key"])
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(secret.Data["ca.crt"]))
	service := &corev1.Service{}
	f.Until(func() bool { return f.Exists("backup-download", service) })
	assert.True(t, metav1.IsControlledBy(service, export))
	assert.Equal(t, map[string]string{v1alpha1.LabelExport: "backup"}, service.Spec.Selector)

	// A pod that tells of its work, at an address of this test.
	reports := make(chan mover.Report, 1)
	host, port := tellingMover(t, reports)
	pod := f.podOf(job, "1", func(pod *corev1.Pod) { pod.Spec.Containers[0].Ports[0].ContainerPort = port })
	pod.Status.Phase, pod.Status.PodIP = corev1.PodRunning, host
	pod.Status.PodIPs = []corev1.PodIP{{IP: host}}
	f.SetStatus(pod)
	for _, percent := range []int32{10, 70} {
		reports <- mover.Report{Percent: percent}
		f.Until(func() bool {
			return testkit.Read(f, export.Name, export).Status.ProgressPercent != nil &&
				*export.Status.ProgressPercent == percent
		}, "progress %d", percent)
	}
	assert.Equal(t, v1alpha1.OperationInProgress, export.Status.Phase)

	reports <- mover.Report{Percent: 100, SizeBytes: 77, Checksum: sum}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	f.SetStatus(pod)
	testkit.Wait(f, export, metav1.ConditionTrue, v1alpha1.ReasonServing, "token in Secret backup-download")
	f.Until(func() bool { return testkit.Read(f, export.Name, export).Status.Checksum == sum })
	assert.Equal(t, v1alpha1.OperationInProgress, export.Status.Phase)
	assert.Equal(t, "https://backup-download."+f.Namespace+".svc/backup.qcow2.gz", export.Status.Download.URL)
	assert.WithinDuration(t, time.Now().Add(10*time.Minute), export.Status.Download.ExpiresAt.Time, time.Minute)

	f.endPod(pod, corev1.PodSucceeded, mover.Report{Percent: 100, SizeBytes: 77, Checksum: sum})
	f.endJob(job, batchv1.JobComplete)
	testkit.Wait(f, export, metav1.ConditionFalse, v1alpha1.ReasonExpired, "over")
	assert.Equal(t, v1alpha1.OperationSucceeded, export.Status.Phase)
	f.WaitGone(job)
}

// tellingMover serves reports as a mover does.
func tellingMover(t *testing.T, reports <-chan mover.Report) (string, int32) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		assert.Equal(t, mover.StatusPath, request.URL.Path)
		for {
			select {
			case <-request.Context().Done():
				return
			case report := <-reports:
				_ = json.NewEncoder(w).Encode(report)
				w.(http.Flusher).Flush()
			}
		}
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	host, text, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	port, err := strconv.ParseInt(text, 10, 32)
	require.NoError(t, err)
	return host, int32(port)
}

// A finished export goes when its time is over, by the clock alone, and takes what is left of it along.
func TestFinishedExportsAgeOut(t *testing.T) {
	// Far enough ahead that one is over and the other is not, however long the start takes.
	clock := clocktesting.NewFakePassiveClock(time.Now().Add(30 * time.Minute))
	f := startAt(t, clock)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	soon, later, never := f.newExport("soon", "data", builder.ForgottenAfter(10)),
		f.newExport("later", "data", builder.ForgottenAfter(3600)), f.newExport("never", "data")
	f.Create(soon, later, never)
	for _, export := range []*v1alpha1.WukongExport{soon, later, never} {
		job := f.waitJob(export)
		f.endPod(f.podOf(job, "1"), corev1.PodSucceeded, mover.Report{Percent: 100, SizeBytes: 1, Checksum: sum})
		f.endJob(job, batchv1.JobComplete)
	}
	f.WaitGone(soon)
	testkit.Wait(f, later, metav1.ConditionTrue, v1alpha1.ReasonCompleted, "")
	testkit.Wait(f, never, metav1.ConditionTrue, v1alpha1.ReasonCompleted, "")
	f.WaitIdle()
	require.True(t, f.Exists(later.Name, later))
	clock.SetTime(time.Now().Add(2 * time.Hour))
	f.manager.Stop()
	f.StartManager()
	f.WaitGone(later)
	assert.True(t, f.Exists(never.Name, never))
}

// VolumeSnapshots, played by hand.

func (f exports) setSnapshot(snapshot *unstructured.Unstructured, status map[string]any) {
	f.Helper()
	snapshot.Object["status"] = status
	f.SetStatus(snapshot)
}
