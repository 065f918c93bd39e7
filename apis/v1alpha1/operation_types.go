package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// OperationPhase is a one-word summary of work that is done once.
// +kubebuilder:validation:Enum=Pending;InProgress;Succeeded;Failed;Cancelled;Skipped
type OperationPhase string

// Phases of WukongSnapshot, WukongExport, WukongClone and WukongMigration.
const (
	// OperationPending: the work has not begun. The condition Ready says what it waits for.
	OperationPending OperationPhase = "Pending"
	// OperationInProgress: the work has begun and is not finished.
	OperationInProgress OperationPhase = "InProgress"
	// OperationSucceeded: the work is finished.
	OperationSucceeded OperationPhase = "Succeeded"
	// OperationFailed: the work was given up. It is not tried again.
	OperationFailed OperationPhase = "Failed"
	// OperationCancelled: the work was broken off because its spec asks for that. It is not tried again.
	OperationCancelled OperationPhase = "Cancelled"
	// OperationSkipped: the work was not begun, because the request for it was handled before.
	OperationSkipped OperationPhase = "Skipped"
)

// OperationStatus is what every kind reports whose work is done once.
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

	// phase is a one-word summary for people.
	// +optional
	// +wukong:ledger
	Phase OperationPhase `json:"phase,omitempty"`

	// startTime is when the work began: when the first object that carries it out was created.
	// +optional
	// +wukong:ledger
	StartTime *metav1.Time `json:"startTime,omitempty"`

	// completionTime is when the work was finished or given up. What status reports of it does not change afterwards.
	// +optional
	// +wukong:ledger
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
}

// Finished reports whether the work has ended for good, well or not.
func (s *OperationStatus) Finished() bool { return s.CompletionTime != nil }
