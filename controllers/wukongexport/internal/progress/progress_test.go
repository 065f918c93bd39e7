package progress

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/mover"
)

// running is a pod whose mover reports at an address.
func running(t *testing.T, address string) *corev1.Pod {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	number, err := strconv.ParseInt(port, 10, 32)
	require.NoError(t, err)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{UID: "1"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "sidecar", Ports: []corev1.ContainerPort{{Name: moverpod.StatusPortName, ContainerPort: 1}}},
			{Name: moverpod.ContainerName, Ports: []corev1.ContainerPort{
				{Name: moverpod.StatusPortName, ContainerPort: int32(number)},
			}},
		}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: host},
	}
}

func TestTheMoverOfARunningPodIsFollowed(t *testing.T) {
	lines, closed := make(chan string), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		assert.Equal(t, mover.StatusPath, request.URL.Path)
		defer close(closed)
		for {
			writer.(http.Flusher).Flush()
			select {
			case line := <-lines:
				_, _ = writer.Write([]byte(line + "\n"))
			case <-request.Context().Done():
				return
			}
		}
	}))
	defer server.Close()
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	pod, export := running(t, address.Host), &v1alpha1.WukongExport{ObjectMeta: metav1.ObjectMeta{Name: "monday"}}

	followers := New()
	assert.True(t, followers.NeedLeaderElection())
	assert.Nil(t, followers.Report(export, pod), "the manager has not started")
	assert.Empty(t, followers.followers)
	go func() { _ = followers.Start(t.Context()) }()
	require.Eventually(t, func() bool {
		followers.mutex.Lock()
		defer followers.mutex.Unlock()
		return followers.ctx != nil
	}, 10*time.Second, time.Millisecond)

	assert.Nil(t, followers.Report(export, pod), "it has reported nothing")
	lines <- `{"percent":40}`
	event := <-followers.Events
	assert.Equal(t, "monday", event.Object.GetName())
	assert.EqualValues(t, 40, followers.Report(export, pod).Percent)
	followers.Stop(pod.UID)
	<-closed
	assert.Empty(t, followers.followers)
}

func TestAPodThatDoesNotRunIsNotFollowed(t *testing.T) {
	followers := New()
	followers.ctx = t.Context()
	pod := running(t, "192.0.2.1:1")
	pod.Status.Phase = corev1.PodPending
	assert.Nil(t, followers.Report(&v1alpha1.WukongExport{}, pod))
	assert.Empty(t, followers.followers)
}

func TestAddress(t *testing.T) {
	assert.Equal(t, "http://192.0.2.1:7"+mover.StatusPath, address(running(t, "192.0.2.1:7")))
	other := &corev1.Pod{Status: corev1.PodStatus{PodIP: "2001:db8::1"}}
	assert.Equal(t, "http://[2001:db8::1]:"+strconv.Itoa(mover.StatusPort)+mover.StatusPath, address(other))
}
