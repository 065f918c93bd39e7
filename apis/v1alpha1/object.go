package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Object is what all kinds have in common. Controllers share their machinery through it.
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

// Operation is a kind whose work is done once.
//
// +kubebuilder:object:generate=false
type Operation interface {
	Object
	// Finished reports whether the work succeeded or was given up, for good.
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
