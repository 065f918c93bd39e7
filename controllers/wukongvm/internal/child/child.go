// Package child is what all objects have in common that a WukongVM makes.
package child

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Metadata has the label by which the caches, Services and policies find what belongs to a WukongVM.
func Metadata(vm *v1alpha1.WukongVM, name string, labels map[string]string, finalizers ...string) metav1.ObjectMeta {
	all := map[string]string{v1alpha1.LabelVM: string(vm.UID)}
	for key, value := range labels {
		all[key] = value
	}
	return metav1.ObjectMeta{Name: name, Namespace: vm.Namespace, Labels: all, Finalizers: finalizers}
}
