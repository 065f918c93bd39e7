package cdi

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func newNamespace() *corev1.Namespace {
	return &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: Namespace, Labels: map[string]string{"cdi.kubevirt.io": ""}},
	}
}

// newCDI is the object that tells cdi-operator to install CDI. Registries named in insecureRegistries are read over plain HTTP.
func newCDI(insecureRegistries []string) *unstructured.Unstructured {
	registries := make([]any, 0, len(insecureRegistries))
	for _, registry := range insecureRegistries {
		registries = append(registries, registry)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "cdi.kubevirt.io/v1beta1",
		"kind":       "CDI",
		"metadata":   map[string]any{"name": "cdi"},
		"spec": map[string]any{
			"imagePullPolicy": "IfNotPresent",
			"infra": map[string]any{
				"deploymentReplicas":  int64(1),
				"apiServerReplicas":   int64(1),
				"uploadProxyReplicas": int64(1),
			},
			"config": map[string]any{
				"featureGates":       []any{"HonorWaitForFirstConsumer"},
				"insecureRegistries": registries,
				// Small enough that many imports fit on a small node at once.
				"podResourceRequirements": map[string]any{
					"requests": map[string]any{"cpu": "10m", "memory": "60Mi"},
					"limits":   map[string]any{"cpu": "1", "memory": "600Mi"},
				},
			},
		},
	}}
}
