package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// OperationPhase is a one-word summary of work that is done once.
// +kubebuilder:validation:Enum=Pending;InProgress;Succeeded;Failed;Cancelled;Skipped
type OperationPhase string

// Phases of WukongSnapshot, WukongExport, WukongBackup, WukongClone and WukongMigration.
const (
	// OperationPending: the work has not begun. The condition Ready reports what it waits for.
	OperationPending OperationPhase = "Pending"
	// OperationInProgress: the work has begun and is not finished.
	OperationInProgress OperationPhase = "InProgress"
	// OperationSucceeded: the work is finished.
	OperationSucceeded OperationPhase = "Succeeded"
	// OperationFailed: the work failed. It is not retried.
	OperationFailed OperationPhase = "Failed"
	// OperationCancelled: the work was cancelled, as its spec requires. It is not retried.
	OperationCancelled OperationPhase = "Cancelled"
	// OperationSkipped: the work did not begin, because the request for it was handled before.
	OperationSkipped OperationPhase = "Skipped"
)

// OperationStatus is the part of status that all kinds whose work is done once have.
type OperationStatus struct {
	// conditions: Ready, UmbrellaLinked, and those of the kind.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// phase is a one-word summary for users.
	// +optional
	// +wukong:ledger
	Phase OperationPhase `json:"phase,omitempty"`

	// startTime is when the work began, that is, when the first object that carries it out was created.
	// +optional
	// +wukong:ledger
	StartTime *metav1.Time `json:"startTime,omitempty"`

	// completionTime is when the work succeeded, failed or was cancelled. The reported result does not change
	// afterwards.
	// +optional
	// +wukong:ledger
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
}

// Finished reports whether the work has ended, with or without success.
func (s *OperationStatus) Finished() bool { return s.CompletionTime != nil }
