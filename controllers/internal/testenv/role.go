package testenv

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"
)

// Refusals collects the requests that the API server answered with 403 Forbidden.
type Refusals struct {
	mutex    sync.Mutex
	requests []string
}

// List returns each refused request once, in order.
func (r *Refusals) List() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(r.requests)))
}

func (r *Refusals) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		if err == nil && response.StatusCode == http.StatusForbidden {
			r.mutex.Lock()
			defer r.mutex.Unlock()
			r.requests = append(r.requests, request.Method+" "+request.URL.Path)
		}
		return response, err
	})
}

// As makes a user that has the generated roles of config/rbac, named by their files, and no other right. It returns how to connect as
// that user, and what that user was refused.
func (e *Environment) As(tb testing.TB, roles ...string) (*rest.Config, *Refusals) {
	tb.Helper()
	name := tb.Name() + "/" + strings.Join(roles, "+")
	for _, role := range roles {
		require.NoError(tb, e.Client.Create(tb.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: e.installRole(tb, role)},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
		}))
	}
	user, err := e.control.AddUser(envtest.User{Name: name}, nil)
	require.NoError(tb, err, "add user %s", name)
	refusals := &Refusals{}
	config := rest.CopyConfig(user.Config())
	config.QPS, config.Burst = -1, -1
	config.Wrap(refusals.wrap)
	return config, refusals
}

// installRole makes the ClusterRole of a file if it is not there, and returns its name.
func (e *Environment) installRole(tb testing.TB, file string) string {
	tb.Helper()
	path := repository("config", "rbac", file+".yaml")
	content, err := os.ReadFile(path)
	require.NoError(tb, err)
	role := &rbacv1.ClusterRole{}
	require.NoError(tb, yaml.UnmarshalStrict(content, role), path)
	require.NotEmpty(tb, role.Name, "%s is no ClusterRole", path)
	require.NoError(tb, client.IgnoreAlreadyExists(e.Client.Create(tb.Context(), role)))
	return role.Name
}
