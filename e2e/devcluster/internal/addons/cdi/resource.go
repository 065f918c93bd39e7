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

// seldomAsked lets kubelet ask CDI's controller every 15 seconds whether it is ready, and each second whether it has
// started. CDI has it execute a program in the container every five seconds
// (pkg/operator/resources/namespaced/controller.go), which takes more of a processor than the controller.
var seldomAsked = map[string]any{
	"resourceType": "Deployment",
	"resourceName": "cdi-deployment",
	"type":         "strategic",
	"patch": `{"spec":{"template":{"spec":{"containers":[{"name":"cdi-deployment",` +
		`"readinessProbe":{"initialDelaySeconds":0,"periodSeconds":15},` +
		`"startupProbe":{"exec":{"command":["cat","/tmp/ready"]},"periodSeconds":1,"failureThreshold":300}}]}}}}`,
}

// newCDI is the object that tells cdi-operator to install CDI. Registries named in insecureRegistries are read over
// plain HTTP.
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
			"customizeComponents": map[string]any{"patches": []any{seldomAsked}},
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
