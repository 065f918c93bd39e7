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
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/mover"
)

// No token is made for a Job that the namespace's quota refuses, again and again.
func TestADownloadThatIsRefusedMakesNoToken(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "jobs"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"count/jobs.batch": resource.MustParse("0")}},
	}
	f.create(quota)
	quota.Status = corev1.ResourceQuotaStatus{Hard: quota.Spec.Hard, Used: corev1.ResourceList{"count/jobs.batch": resource.MustParse("0")}}
	require.NoError(t, f.Client.Status().Update(t.Context(), quota))
	export := f.newExport("backup", "data", toDownload)
	f.create(export)
	f.wait(export, metav1.ConditionFalse, v1alpha1.ReasonApplyRefused, "exceeded quota")
	assert.False(t, f.exists("backup-download", &corev1.Secret{}))
}

// A Secret of someone else under the name of ours would be the token of the link.
func TestADownloadServesNoTokenOfSomeoneElse(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	f.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "backup-download"}, StringData: map[string]string{"token": "known"}})
	export := f.newExport("backup", "data", toDownload)
	f.create(export)
	f.wait(export, metav1.ConditionFalse, v1alpha1.ReasonNameConflict, "Secret backup-download exists already")
	assert.False(t, f.exists("backup-mover", &batchv1.Job{}))
}

// The link, its token, what the mover tells meanwhile, and the end.
func TestDownloadLink(t *testing.T) {
	f := start(t)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	export := f.newExport("backup", "data", toDownload, func(spec *v1alpha1.WukongExportSpec) { spec.Compression = v1alpha1.ExportGzip })
	f.create(export)
	job := f.waitJob(export)

	secret := &corev1.Secret{}
	require.Eventually(t, func() bool { return f.exists("backup-download", secret) }, patience, interval, "made after the Job, whose pod waits for it")
	assert.True(t, metav1.IsControlledBy(secret, export))
	assert.GreaterOrEqual(t, len(secret.Data["token"]), 32)
	_, err := tls.X509KeyPair(secret.Data["tls.crt"], secret.Data["tls.key"])
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(secret.Data["ca.crt"]))
	service := &corev1.Service{}
	require.Eventually(t, func() bool { return f.exists("backup-download", service) }, patience, interval)
	assert.True(t, metav1.IsControlledBy(service, export))
	assert.Equal(t, map[string]string{v1alpha1.LabelExport: "backup"}, service.Spec.Selector)

	// A pod that tells of its work, at an address of this test.
	reports := make(chan mover.Report, 1)
	host, port := tellingMover(t, reports)
	pod := f.podOf(job, "1", func(pod *corev1.Pod) { pod.Spec.Containers[0].Ports[0].ContainerPort = port })
	pod.Status.Phase, pod.Status.PodIP = corev1.PodRunning, host
	pod.Status.PodIPs = []corev1.PodIP{{IP: host}}
	require.NoError(t, f.Client.Status().Update(t.Context(), pod))
	for _, percent := range []int32{10, 70} {
		reports <- mover.Report{Percent: percent}
		require.Eventually(t, func() bool {
			return read(f, export.Name, export).Status.ProgressPercent != nil && *export.Status.ProgressPercent == percent
		}, patience, interval, "progress %d", percent)
	}
	assert.Equal(t, v1alpha1.ExportTransferring, export.Status.Phase)

	reports <- mover.Report{Percent: 100, SizeBytes: 77, Checksum: sum}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	require.NoError(t, f.Client.Status().Update(t.Context(), pod))
	f.wait(export, metav1.ConditionTrue, v1alpha1.ReasonServing, "token in Secret backup-download")
	require.Eventually(t, func() bool { return read(f, export.Name, export).Status.Checksum == sum }, patience, interval)
	assert.Equal(t, v1alpha1.ExportServing, export.Status.Phase)
	assert.Equal(t, "https://backup-download."+f.namespace+".svc/backup.qcow2.gz", export.Status.Download.URL)
	assert.WithinDuration(t, time.Now().Add(10*time.Minute), export.Status.Download.ExpiresAt.Time, time.Minute)

	f.endPod(pod, corev1.PodSucceeded, mover.Report{Percent: 100, SizeBytes: 77, Checksum: sum})
	f.endJob(job, batchv1.JobComplete)
	f.wait(export, metav1.ConditionFalse, v1alpha1.ReasonExpired, "over")
	assert.Equal(t, v1alpha1.ExportExpired, export.Status.Phase)
	f.waitGone(job.Name, job)
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
	clock := clocktesting.NewFakePassiveClock(time.Now().Add(30 * time.Second))
	f := startAt(t, clock)
	f.readyDisk("data", corev1.PersistentVolumeFilesystem)
	soon, later, never := f.newExport("soon", "data", forgottenAfter(10)), f.newExport("later", "data", forgottenAfter(3600)), f.newExport("never", "data")
	f.create(soon, later, never)
	for _, export := range []*v1alpha1.WukongExport{soon, later, never} {
		job := f.waitJob(export)
		f.endPod(f.podOf(job, "1"), corev1.PodSucceeded, mover.Report{Percent: 100, SizeBytes: 1, Checksum: sum})
		f.endJob(job, batchv1.JobComplete)
	}
	f.waitGone(soon.Name, soon)
	f.wait(later, metav1.ConditionTrue, v1alpha1.ReasonCompleted, "")
	f.wait(never, metav1.ConditionTrue, v1alpha1.ReasonCompleted, "")
	testenv.WaitIdle(t, 0)
	require.True(t, f.exists(later.Name, later))
	clock.SetTime(time.Now().Add(2 * time.Hour))
	f.manager.Stop()
	f.StartManager(t, testenv.ManagerOptions{Namespace: f.namespace, Controllers: []string{"wukongexport"}, Clock: clock, MoverImage: image})
	f.waitGone(later.Name, later)
	assert.True(t, f.exists(never.Name, never))
}

// VolumeSnapshots, played by hand.

func (f fixture) snapshot(name, claim string) *unstructured.Unstructured {
	f.Helper()
	snapshot := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot",
		"metadata": map[string]any{"namespace": f.namespace, "name": name},
		"spec":     map[string]any{"source": map[string]any{"persistentVolumeClaimName": claim}},
	}}
	f.create(snapshot)
	return snapshot
}

func (f fixture) setSnapshot(snapshot *unstructured.Unstructured, status map[string]any) {
	f.Helper()
	snapshot.Object["status"] = status
	require.NoError(f, f.Client.Status().Update(f.Context(), snapshot))
}
