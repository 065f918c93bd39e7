package controllers

import (
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
)

// newMapper makes a REST mapper that knows the kinds which cacheOptions names, whether the cluster serves them or not: the cache asks
// for their scope when it is made, and without this a manager could not start before KubeVirt, CDI and NMState are installed.
func newMapper(config *rest.Config, httpClient *http.Client) (meta.RESTMapper, error) {
	known := meta.NewDefaultRESTMapper(nil)
	known.Add(kubevirtv1.VirtualMachineGroupVersionKind, meta.RESTScopeNamespace)
	known.Add(kubevirtv1.VirtualMachineInstanceGroupVersionKind, meta.RESTScopeNamespace)
	known.Add(kubevirtv1.KubeVirtGroupVersionKind, meta.RESTScopeNamespace)
	for _, kind := range []string{"NodeNetworkConfigurationEnactment", "NodeNetworkState"} {
		known.Add(nmstatev1beta1.GroupVersion.WithKind(kind), meta.RESTScopeRoot)
	}
	for _, kind := range []string{"DataVolume", "DataSource", "DataImportCron"} {
		known.Add(cdiv1.SchemeGroupVersion.WithKind(kind), meta.RESTScopeNamespace)
	}

	discovered, err := apiutil.NewDynamicRESTMapper(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("make the REST mapper: %w", err)
	}
	return meta.FirstHitRESTMapper{MultiRESTMapper: meta.MultiRESTMapper{known, discovered}}, nil
}
