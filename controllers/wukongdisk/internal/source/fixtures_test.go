package source

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/scope"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/growth"
)

// objects are what a cache has. A nil list is a cache that does not answer.
type objects struct {
	client.Client
	list []client.Object
}

func (o objects) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if o.list == nil {
		return errors.New("connection refused")
	}
	for _, object := range o.list {
		if client.ObjectKeyFromObject(object) == key && reflect.TypeOf(object) == reflect.TypeOf(into) {
			reflect.ValueOf(into).Elem().Set(reflect.ValueOf(object).Elem())
			return nil
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
}

// List answers by the same indexes as the cache.
func (o objects) List(_ context.Context, into client.ObjectList, options ...client.ListOption) error {
	if o.list == nil {
		return errors.New("connection refused")
	}
	asked := (&client.ListOptions{}).ApplyOptions(options)
	var found []runtime.Object
	for _, object := range o.list {
		items := reflect.ValueOf(into).Elem().FieldByName("Items").Type().Elem()
		if reflect.TypeOf(object).Elem() == items && selects(asked, object) {
			found = append(found, object)
		}
	}
	return meta.SetList(into, found)
}

func selects(asked *client.ListOptions, object client.Object) bool {
	if asked.Namespace != "" && asked.Namespace != object.GetNamespace() {
		return false
	}
	if asked.FieldSelector == nil {
		return true
	}
	return !slices.ContainsFunc(asked.FieldSelector.Requirements(), func(required fields.Requirement) bool {
		return !slices.Contains(index.Of(object, required.Field)[0].Keys(object), required.Value)
	})
}

// readerOf is a Reader of a cluster that has the objects, and serves VolumeSnapshots or not.
func readerOf(t *testing.T, served bool, list ...client.Object) Reader {
	t.Helper()
	definitions := objects{list: []client.Object{}}
	if served {
		definition := &apiextensionsv1.CustomResourceDefinition{}
		definition.Name = dependency.VolumeSnapshots.Resource
		definition.Status.Conditions = []apiextensionsv1.CustomResourceDefinitionCondition{
			{Type: apiextensionsv1.Established, Status: apiextensionsv1.ConditionTrue},
		}
		definitions.list = append(definitions.list, definition)
	}
	known := runtime.NewScheme()
	require.NoError(t, apiextensionsv1.AddToScheme(known))
	// The manager is never started. The registry reads by its client.
	manager, err := ctrl.NewManager(&rest.Config{Host: "localhost"}, ctrl.Options{
		Scheme: known, Metrics: server.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) {
			return meta.NewDefaultRESTMapper(nil), nil
		},
		NewClient: func(*rest.Config, client.Options) (client.Client, error) { return definitions, nil },
	})
	require.NoError(t, err)
	registry, err := dependency.NewRegistry(manager)
	require.NoError(t, err)
	return Reader{
		Storage: growth.Reader{
			Cached: objects{list: append([]client.Object{}, list...)}, Live: objects{list: []client.Object{overheads()}},
			ImporterServed: true,
		},
		Dependencies: registry,
		Namespaces:   scope.Namespaces{"shop", "images"},
	}
}

// overheads are those of the file systems on each class.
func overheads() *cdiv1.CDIConfig {
	config := &cdiv1.CDIConfig{}
	config.Name = "config"
	config.Status.FilesystemOverhead = &cdiv1.FilesystemOverhead{
		Global: "0.055", StorageClass: map[string]cdiv1.Percent{"thrifty": "0.01"},
	}
	return config
}
