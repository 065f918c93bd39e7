// Package served gives unit tests what knows which optional APIs the cluster serves. It needs no control plane.
package served

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/novasphere/wukong/controllers/internal/dependency"
)

// Definition is the CustomResourceDefinition of an API that the cluster serves.
func Definition(api dependency.API) *apiextensionsv1.CustomResourceDefinition {
	definition := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: api.Resource}}
	definition.Status.Conditions = []apiextensionsv1.CustomResourceDefinitionCondition{
		{Type: apiextensionsv1.Established, Status: apiextensionsv1.ConditionTrue},
	}
	return definition
}

// Manager returns a manager that never starts, and whose client is api.
func Manager(t *testing.T, api client.Client) ctrl.Manager {
	t.Helper()
	manager, err := ctrl.NewManager(&rest.Config{}, ctrl.Options{
		Scheme:         api.Scheme(),
		NewClient:      func(*rest.Config, client.Options) (client.Client, error) { return api, nil },
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return api.RESTMapper(), nil },
		Metrics:        metricsserver.Options{BindAddress: "0"},
		Controller:     config.Controller{SkipNameValidation: ptr.To(true)},
	})
	require.NoError(t, err)
	return manager
}

// Registry returns a registry that reads definitions with api.
func Registry(t *testing.T, api client.Client) *dependency.Registry {
	t.Helper()
	registry, err := dependency.NewRegistry(Manager(t, api))
	require.NoError(t, err)
	return registry
}
