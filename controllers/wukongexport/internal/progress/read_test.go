package progress

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/mover"
)

// answering is a pod that answers each request by a function.
func answering(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL + mover.StatusPath
}

func lines(all ...string) http.HandlerFunc {
	return func(writer http.ResponseWriter, _ *http.Request) {
		_, _ = writer.Write([]byte(strings.Join(all, "\n")))
	}
}

// What answers at the address of a pod may be anything: a tenant can run what it wants there.
func TestWhatAPodMayAnswer(t *testing.T) {
	elsewhere := answering(t, lines(`{"percent":99}`))
	redirect := func(writer http.ResponseWriter, request *http.Request) {
		http.Redirect(writer, request, elsewhere, http.StatusFound)
	}
	refuse := func(writer http.ResponseWriter, _ *http.Request) { writer.WriteHeader(http.StatusForbidden) }
	for name, row := range map[string]struct {
		answer   http.HandlerFunc
		percents []int32
		fails    string
	}{
		"nothing":           {lines(), nil, ""},
		"reports":           {lines(`{"percent":10}`, `{"percent":20}`, `{"percent":100}`), []int32{10, 20, 100}, ""},
		"more than all":     {lines(`{"percent":1000}`, `{"percent":-5}`), []int32{100, 0}, ""},
		"unknown fields":    {lines(`{"percent":10,"phase":"copy"}`), []int32{10}, ""},
		"no report":         {lines(`{"percent":10}`, "done", `{"percent":20}`), []int32{10}, "read the mover's report: "},
		"an endless line":   {lines(`{"percent":10}`, strings.Repeat("x", 2*maxLine)), []int32{10}, "token too long"},
		"another address":   {redirect, nil, "answers 302 Found"},
		"no permission":     {refuse, nil, "answers 403 Forbidden"},
		"a line that lacks": {lines(`{"percent":10}`, `{"perc`), []int32{10}, "read the mover's report: "},
	} {
		t.Run(name, func(t *testing.T) {
			var percents []int32
			err := New().read(t.Context(), answering(t, row.answer), func(report *mover.Report) {
				percents = append(percents, report.Percent)
			})
			assert.Equal(t, row.percents, percents)
			if row.fails == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.fails)
		})
	}
	err := New().read(t.Context(), "http://[::1]:namedport", nil)
	require.ErrorContains(t, err, "invalid port")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, New().read(ended, elsewhere, nil), context.Canceled)
}

// A pod is followed while it runs, and by one connection however many passes ask.
func TestAConnectionEndsWithItsPod(t *testing.T) {
	asked, closed := make(chan struct{}, 9), make(chan struct{})
	location, err := url.Parse(answering(t, func(writer http.ResponseWriter, request *http.Request) {
		asked <- struct{}{}
		writer.(http.Flusher).Flush()
		<-request.Context().Done()
		close(closed)
	}))
	require.NoError(t, err)
	followers, pod, export := New(), running(t, location.Host), &v1alpha1.WukongExport{}
	followers.ctx = t.Context()
	for range 3 {
		assert.Nil(t, followers.Report(export, pod))
	}
	<-asked
	assert.Len(t, followers.followers, 1)
	pod.Status.Phase = corev1.PodSucceeded
	assert.Nil(t, followers.Report(export, pod))
	<-closed
	assert.Empty(t, asked, "one request, that lasted")
	assert.Empty(t, followers.followers)
}

// Nothing is followed that cannot be reached, or is about to end.
func TestWhichPodsAreNotFollowed(t *testing.T) {
	for name, change := range map[string]func(*corev1.Pod){
		"it waits":            func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodPending },
		"it failed":           func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodFailed },
		"it has no address":   func(pod *corev1.Pod) { pod.Status.PodIP = "" },
		"it is being deleted": func(pod *corev1.Pod) { pod.DeletionTimestamp = ptr.To(metav1.Now()) },
	} {
		followers, pod := New(), running(t, "192.0.2.1:1")
		followers.ctx = t.Context()
		change(pod)
		assert.Nil(t, followers.Report(&v1alpha1.WukongExport{}, pod), name)
		assert.Empty(t, followers.followers, name)
		followers.Stop(pod.UID) // of one that is not followed
	}
}

// The last report of a pod stays until the connection of the next one reports.
func TestReportsAreKeptByPod(t *testing.T) {
	followers, pod := New(), running(t, "192.0.2.1:1")
	followers.followers[pod.UID] = &follower{cancel: func() {}, report: &mover.Report{Percent: 40}}
	assert.EqualValues(t, 40, followers.Report(&v1alpha1.WukongExport{}, pod).Percent)
	other := running(t, "192.0.2.2:1")
	other.UID = "2"
	assert.Nil(t, followers.Report(&v1alpha1.WukongExport{}, other), "that of another pod is none")
	ended := pod.DeepCopy()
	ended.Status.Phase = corev1.PodSucceeded
	assert.EqualValues(t, 40, followers.Report(&v1alpha1.WukongExport{}, ended).Percent, "its last one, once more")
	assert.Nil(t, followers.Report(&v1alpha1.WukongExport{}, ended), "its termination message has it from now on")
}

func TestTheAddressOfAMover(t *testing.T) {
	pod := running(t, "192.0.2.1:7")
	pod.Spec.Containers[1].Ports = append([]corev1.ContainerPort{{Name: "download", ContainerPort: 8443}},
		pod.Spec.Containers[1].Ports...)
	assert.Equal(t, "http://192.0.2.1:7"+mover.StatusPath, address(pod), "by its name, not by its order")
}
