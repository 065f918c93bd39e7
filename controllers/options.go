package controllers

import (
	"fmt"
	"net/http"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/config"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"

	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/scope"
)

// Scheme knows every kind that the controllers read or write.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, v1alpha1.AddToScheme,
		kubevirtv1.AddToScheme, cdiv1.AddToScheme, networkv1.AddToScheme, snapshotv1.AddToScheme,
		nmstatev1.AddToScheme, nmstatev1beta1.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
	return scheme
}

// ManagerOptions are what a manager needs for the named controllers to keep their promises: a client that reads its own
// writes, so that no pass repeats one, and caches that hold only what is needed, of the namespaces that the release
// works in.
func ManagerOptions(names []string, concurrency int, namespaces []string) (ctrl.Options, error) {
	kinds, err := named(names)
	if err != nil {
		return ctrl.Options{}, err
	}
	reads := append([]kind.Read{definitions}, kind.Reads(kinds)...)
	scheme, limits := Scheme(), scope.Namespaces(namespaces)
	return ctrl.Options{
		Scheme:         scheme,
		MapperProvider: mapperOf(scheme, reads),
		Cache: cache.Options{
			DefaultNamespaces: limits.Cache(),
			DefaultTransform:  cache.TransformStripManagedFields(),
			ByObject:          kind.CacheOptions(scheme, reads),
		},
		NewClient: limits.NewClient,
		Client:    client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: ptr.To(true)}},
		Controller: config.Controller{
			MaxConcurrentReconciles: concurrency, ReconciliationTimeout: reconciliationTimeout,
		},
	}, nil
}

// definitions are read by all controllers, through the registry of APIs.
var definitions = kind.Read{
	Of: &apiextensionsv1.CustomResourceDefinition{}, Why: "which APIs the cluster serves",
	Keep: kind.Copy(dependency.KeepDefinition),
}

// mapperOf makes a REST mapper that knows the optional types of some reads, whether the cluster serves them or not.
func mapperOf(scheme *runtime.Scheme, reads []kind.Read) func(*rest.Config, *http.Client) (meta.RESTMapper, error) {
	return func(config *rest.Config, httpClient *http.Client) (meta.RESTMapper, error) {
		known := meta.NewDefaultRESTMapper(nil)
		kind.AddOptional(known, scheme, reads)
		discovered, err := apiutil.NewDynamicRESTMapper(config, httpClient)
		if err != nil {
			return nil, fmt.Errorf("make the REST mapper: %w", err)
		}
		return meta.FirstHitRESTMapper{MultiRESTMapper: meta.MultiRESTMapper{known, discovered}}, nil
	}
}
