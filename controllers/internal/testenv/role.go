package testenv

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"

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

// As creates a user that has the generated roles of config/rbac, named by their files, and no other right. It returns
// how to connect as that user, and what the user was refused.
func (e *Environment) As(ctx context.Context, name string, roles ...string) (*rest.Config, *Refusals, error) {
	for _, file := range roles {
		role, err := e.installRole(ctx, file)
		if err != nil {
			return nil, nil, err
		}
		if err := e.Client.Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
		}); err != nil {
			return nil, nil, fmt.Errorf("bind role %s to user %s: %w", role, name, err)
		}
	}
	user, err := e.control.AddUser(envtest.User{Name: name}, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("add user %s: %w", name, err)
	}
	refusals := &Refusals{}
	config := rest.CopyConfig(user.Config())
	config.QPS, config.Burst = -1, -1
	config.Wrap(refusals.wrap)
	return config, refusals, nil
}

// installRole creates the ClusterRole of a file if it does not exist, and returns its name.
func (e *Environment) installRole(ctx context.Context, file string) (string, error) {
	path := repository("config", "rbac", file+".yaml")
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	role := &rbacv1.ClusterRole{}
	if err := yaml.UnmarshalStrict(content, role); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	if role.Name == "" {
		return "", fmt.Errorf("%s is no ClusterRole", path)
	}
	if err := client.IgnoreAlreadyExists(e.Client.Create(ctx, role)); err != nil {
		return "", fmt.Errorf("make ClusterRole %s: %w", role.Name, err)
	}
	return role.Name, nil
}
