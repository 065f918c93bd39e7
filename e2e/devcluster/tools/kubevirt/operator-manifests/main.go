// Command operator-manifests prints what has to be applied so that KubeVirt's operator runs: its namespace, priority
// class, CustomResourceDefinition, rights and Deployment, all made by KubeVirt's own packages. The operator installs
// the rest.
package main

import (
	"flag"
	"fmt"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/components"
	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/rbac"
	"kubevirt.io/kubevirt/tools/util"
)

func main() {
	namespace := flag.String("namespace", "kubevirt", "namespace of the operator")
	repository := flag.String("repository", "", "repository of the images, for example localhost/kubevirt")
	version := flag.String("version", "", "version of KubeVirt, which is the tag of the images")
	flag.Parse()
	if err := printManifests(*namespace, *repository, *version); err != nil {
		fmt.Fprintln(os.Stderr, "operator-manifests:", err)
		os.Exit(1)
	}
}

func printManifests(namespace, repository, version string) error {
	definition, err := components.NewKubeVirtCrd()
	if err != nil {
		return fmt.Errorf("make the CustomResourceDefinition: %w", err)
	}
	objects := []any{newNamespace(namespace), components.NewKubeVirtPriorityClassCR(), definition}
	for _, object := range rbac.GetAllOperator(namespace) {
		objects = append(objects, object)
	}
	objects = append(objects, newDeployment(namespace, repository, version))
	for _, object := range objects {
		if err := util.MarshallObject(object, os.Stdout); err != nil {
			return fmt.Errorf("print %T: %w", object, err)
		}
	}
	return nil
}

func newNamespace(name string) *corev1.Namespace {
	return &corev1.Namespace{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			"kubevirt.io": "",
			// virt-handler is privileged.
			"pod-security.kubernetes.io/enforce": "privileged",
		}},
	}
}

// newDeployment names no image but the operator's: the operator derives the others from the repository and the tag of
// its own.
func newDeployment(namespace, repository, version string) *appsv1.Deployment {
	const verbosity, derived = "2", ""
	deployment := components.NewOperatorDeployment(namespace, repository, "", version, verbosity, version, "",
		derived, derived, derived, derived, derived, derived, derived, derived, derived, derived, derived,
		corev1.PullIfNotPresent)
	one := int32(1)
	deployment.Spec.Replicas = &one
	// All else waits for the operator while the whole cluster starts on a few processors: it gets more than a hundredth
	// of one.
	requests := deployment.Spec.Template.Spec.Containers[0].Resources.Requests
	requests[corev1.ResourceCPU] = resource.MustParse("500m")
	return deployment
}
