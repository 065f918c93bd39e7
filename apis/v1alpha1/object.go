package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Object is the interface that all kinds implement. The code that controllers share uses it.
//
// +kubebuilder:object:generate=false
type Object interface {
	metav1.Object
	// GetConditions returns the conditions of status.
	GetConditions() []metav1.Condition
	// SetConditions replaces the conditions of status.
	SetConditions([]metav1.Condition)
	// GetPhase returns the phase of status as a plain string.
	GetPhase() string
	// UmbrellaName returns the name in spec.wukongRef, or "".
	UmbrellaName() string
}

// Operation is the interface of a kind whose work is done once.
//
// +kubebuilder:object:generate=false
type Operation interface {
	Object
	// Finished reports whether the work has ended: it succeeded, or is not retried.
	Finished() bool
	// OperationStatus returns the part of status that all operations have.
	OperationStatus() *OperationStatus
	// TTLAfterFinished returns ttlSecondsAfterFinished; nil without one.
	TTLAfterFinished() *int64
}

func umbrellaName(ref *LocalObjectReference) string {
	if ref == nil {
		return ""
	}
	return ref.Name
}
