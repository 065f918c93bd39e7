package testenv

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A counter that misses requests would make every test of writes succeed.
func TestWritesCountsWhatChangesSomething(t *testing.T) {
	const machines = "/apis/vm.novasphere.dev/v1alpha1/namespaces/shop/wukongvms"
	for _, test := range []struct {
		name, method, path string
		want               map[Write]int
	}{
		{"create", http.MethodPost, machines, map[Write]int{{"create", "wukongvms"}: 1}},
		{"update", http.MethodPut, machines + "/web", map[Write]int{{"update", "wukongvms"}: 1}},
		{"apply", http.MethodPatch, machines + "/web?fieldManager=x", map[Write]int{{"patch", "wukongvms"}: 1}},
		{"status", http.MethodPatch, machines + "/web/status", map[Write]int{{"patch", "wukongvms/status"}: 1}},
		{"delete", http.MethodDelete, machines + "/web", map[Write]int{{"delete", "wukongvms"}: 1}},
		{"delete all", http.MethodDelete, machines, map[Write]int{{"deletecollection", "wukongvms"}: 1}},
		{"core group", http.MethodPost, "/api/v1/namespaces/shop/secrets", map[Write]int{{"create", "secrets"}: 1}},
		{"read", http.MethodGet, machines + "/web", map[Write]int{}},
		{"watch", http.MethodGet, machines + "?watch=true", map[Write]int{}},
		{"heartbeat", http.MethodPut, "/apis/coordination.k8s.io/v1/namespaces/shop/leases/wukong", map[Write]int{}},
		{"question", http.MethodPost, "/apis/authorization.k8s.io/v1/subjectaccessreviews", map[Write]int{}},
		{"another namespace", http.MethodPatch,
			"/apis/vm.novasphere.dev/v1alpha1/namespaces/office/wukongvms/web", map[Write]int{}},
		{"no resource", http.MethodPost, "/healthz", map[Write]int{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			writes := NewWrites("shop")
			send(t, writes, test.method, test.path, http.StatusOK)
			assert.Equal(t, test.want, writes.Counts())
			assert.Zero(t, writes.Conflicts())
		})
	}
}

func TestWritesCountsConflicts(t *testing.T) {
	writes := NewWrites("shop")
	send(t, writes, http.MethodPut, "/api/v1/namespaces/shop/configmaps/a", http.StatusConflict)
	assert.Equal(t, 1, writes.Conflicts())
	assert.Equal(t, 1, writes.Total())
	assert.Equal(t, "1 update configmaps", writes.String())

	writes.Reset()
	assert.Zero(t, writes.Total())
	assert.Zero(t, writes.Conflicts())
}

// send sends a request through the counter to a server that answers with the code.
func send(t *testing.T, writes *Writes, method, path string, code int) {
	t.Helper()
	server := httptest.NewServer(
		http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) { response.WriteHeader(code) }))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
	require.NoError(t, err)
	response, err := writes.Wrap(http.DefaultTransport).RoundTrip(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
}
