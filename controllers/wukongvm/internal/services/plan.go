package services

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
)

// Entry is the decision about one entry of spec.services: the Service that it asks for, or why it cannot be created.
type Entry struct {
	Service *corev1.Service
	Cause   *cause.Cause
}

// Plan returns the entries in the order of spec.services. There are none while no Service can reach the WukongVM, and
// unreachable is the cause.
func Plan(vm *v1alpha1.WukongVM, networks nics.Networks) (entries []Entry, unreachable *cause.Cause) {
	if unreachable = Unreachable(vm, networks); unreachable != nil {
		return nil, unreachable
	}
	for i := range vm.Spec.Services {
		if found := Mislead(vm, &vm.Spec.Services[i]); found != nil {
			entries = append(entries, Entry{Cause: found})
		} else {
			entries = append(entries, Entry{Service: Desired(vm, &vm.Spec.Services[i])})
		}
	}
	return entries, nil
}

// Surplus returns the existing Services that no entry asks for.
func Surplus(entries []Entry, made map[string]*corev1.Service) []*corev1.Service {
	var result []*corev1.Service
	for name, service := range made {
		named := func(entry Entry) bool { return entry.Service != nil && entry.Service.Name == name }
		if service.DeletionTimestamp.IsZero() && !slices.ContainsFunc(entries, named) {
			result = append(result, service)
		}
	}
	return result
}
