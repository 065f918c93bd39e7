// Package manifesttest helps tests to compare the manifests of add-ons with the names that package testbed states.
package manifesttest

import (
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
)

// Find reads an object of a manifest into a typed one, by kind and name. The test fails when it is not there. The
// namespace is empty for what has none.
func Find(t *testing.T, manifest []byte, kind, namespace, name string, into any) {
	t.Helper()
	objects, err := addon.ParseYAML(manifest)
	require.NoError(t, err)
	for _, object := range objects {
		if object.GetKind() == kind && object.GetNamespace() == namespace && object.GetName() == name {
			require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, into))
			return
		}
	}
	require.Fail(t, "the manifest has no "+kind+" "+namespace+"/"+name, "%v", names(objects))
}

func names(objects []*unstructured.Unstructured) []string {
	var all []string
	for _, object := range objects {
		all = append(all, object.GetKind()+" "+object.GetNamespace()+"/"+object.GetName())
	}
	return all
}

// Ports are those of a Service, by name.
func Ports(t *testing.T, manifest []byte, namespace, service string) map[string]int32 {
	t.Helper()
	found := &corev1.Service{}
	Find(t, manifest, "Service", namespace, service, found)
	ports := map[string]int32{}
	for _, port := range found.Spec.Ports {
		ports[port.Name] = port.Port
	}
	return ports
}

// Arguments are those of the first container of a Deployment.
func Arguments(t *testing.T, manifest []byte, namespace, deployment string) []string {
	t.Helper()
	found := &appsv1.Deployment{}
	Find(t, manifest, "Deployment", namespace, deployment, found)
	return found.Spec.Template.Spec.Containers[0].Args
}
