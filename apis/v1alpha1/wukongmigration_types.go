package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// WukongMigrationSpec says which running WukongVM moves to another node, and when that was asked for. A request is carried
// out once, for ever: see requestedAt.
//
// +kubebuilder:validation:XValidation:rule="self.vmRef == oldSelf.vmRef",message="vmRef cannot change: create another WukongMigration"
// +kubebuilder:validation:XValidation:rule="self.requestedAt == oldSelf.requestedAt",message="requestedAt cannot change: create another WukongMigration"
// +kubebuilder:validation:XValidation:rule="has(self.nodeSelector) == has(oldSelf.nodeSelector) && (!has(self.nodeSelector) || self.nodeSelector == oldSelf.nodeSelector)",message="nodeSelector cannot change: create another WukongMigration"
// +kubebuilder:validation:XValidation:rule="!(has(oldSelf.cancel) && oldSelf.cancel) || (has(self.cancel) && self.cancel)",message="cancel cannot be taken back: create another WukongMigration"
type WukongMigrationSpec struct {
	// wukongRef names the application that the migration belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// vmRef names the WukongVM.
	// +required
	VMRef LocalObjectReference `json:"vmRef,omitzero"`

	// requestedAt is when the migration was asked for, such as 2026-03-01T12:00:00Z. It is carried out once: when it is later
	// than the creation of the WukongVM, and than the last request that the WukongVM has handled. So a WukongMigration that
	// is deleted and applied again, for example by Argo CD, moves nothing. A time in the future is an appointment.
	// +required
	RequestedAt metav1.Time `json:"requestedAt,omitzero"`

	// nodeSelector narrows the nodes that may be the target, beside what the WukongVM's own scheduling says. To name one
	// node, use kubernetes.io/hostname.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=32
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// attempts is how often the migration is tried before it fails. After a failed attempt the guest runs on where it is.
	// +optional
	// +default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	Attempts *int32 `json:"attempts,omitempty"`

	// deadlineSeconds is within how many seconds an attempt must begin, counted from requestedAt or from the creation of the
	// WukongMigration, whichever is later. An attempt that is under way then is not broken off.
	// +optional
	// +default=3600
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=604800
	DeadlineSeconds *int64 `json:"deadlineSeconds,omitempty"`

	// cancel breaks the migration off. The guest runs on where it is, unless it has moved already.
	// +optional
	Cancel *bool `json:"cancel,omitempty"`

	// ttlSecondsAfterFinished deletes the WukongMigration that many seconds after it ended. Omitted, the WukongMigration
	// stays.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=31536000
	TTLSecondsAfterFinished *int64 `json:"ttlSecondsAfterFinished,omitempty"`
}

// MigrationObstacle is why a migration cannot begin now.
type MigrationObstacle struct {
	// reason is one word.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`

	// message says what is in the way, and what to do.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// WukongMigrationStatus is what was observed of the migration.
type WukongMigrationStatus struct {
	OperationStatus `json:",inline"`

	// obstacles are all that keeps the migration from beginning now. The condition Ready has the first.
	// +optional
	// +listType=map
	// +listMapKey=reason
	// +kubebuilder:validation:MaxItems=16
	Obstacles []MigrationObstacle `json:"obstacles,omitempty"`

	// attempt is the number of the last attempt, from 1.
	// +optional
	// +wukong:ledger
	// +kubebuilder:validation:Minimum=0
	Attempt int32 `json:"attempt,omitempty"`

	// failedAttempts is how many attempts have failed.
	// +optional
	// +wukong:ledger
	// +kubebuilder:validation:Minimum=0
	FailedAttempts int32 `json:"failedAttempts,omitempty"`

	// failure of the last attempt that failed.
	// +optional
	// +wukong:ledger
	// +kubebuilder:validation:MaxLength=1024
	Failure string `json:"failure,omitempty"`

	// failedAt is when the last attempt failed that did.
	// +optional
	// +wukong:ledger
	FailedAt *metav1.Time `json:"failedAt,omitempty"`

	// migrationName is KubeVirt's VirtualMachineInstanceMigration of the last attempt.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	MigrationName string `json:"migrationName,omitempty"`

	// migrationUID is the UID of that VirtualMachineInstanceMigration.
	// +optional
	// +wukong:ledger
	// +kubebuilder:validation:MaxLength=64
	MigrationUID string `json:"migrationUID,omitempty"`

	// sourceNode that the guest left, or is to leave.
	// +optional
	// +wukong:ledger
	// +kubebuilder:validation:MaxLength=253
	SourceNode string `json:"sourceNode,omitempty"`

	// targetNode that the guest moved to, or moves to.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	TargetNode string `json:"targetNode,omitempty"`

	// mode is how KubeVirt copies the memory of the guest: PreCopy, PostCopy or Paused.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Mode string `json:"mode,omitempty"`

	// policyName is KubeVirt's MigrationPolicy that applies; empty where none does.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PolicyName string `json:"policyName,omitempty"`
}

// WukongMigration moves a running WukongVM to another node, while its guest runs.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wkmig,categories=wukong-all
// +kubebuilder:printcolumn:name="VM",type=string,JSONPath=`.spec.vmRef.name`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Source",type=string,JSONPath=`.status.sourceNode`
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.status.targetNode`
// +kubebuilder:printcolumn:name="Attempt",type=integer,JSONPath=`.status.attempt`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type WukongMigration struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the user asks for.
	// +required
	Spec WukongMigrationSpec `json:"spec,omitzero"`

	// status is what was observed.
	// +optional
	Status WukongMigrationStatus `json:"status,omitempty"`
}

// WukongMigrationList is a list of WukongMigrations.
//
// +kubebuilder:object:root=true
type WukongMigrationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WukongMigration `json:"items"`
}

func init() { register(&WukongMigration{}, &WukongMigrationList{}) }

// GetConditions implements Object.
func (o *WukongMigration) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongMigration) SetConditions(conditions []metav1.Condition) {
	o.Status.Conditions = conditions
}

// GetPhase implements Object.
func (o *WukongMigration) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongMigration) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// Finished implements Operation.
func (o *WukongMigration) Finished() bool { return o.Status.Finished() }

// OperationStatus implements Operation.
func (o *WukongMigration) OperationStatus() *OperationStatus { return &o.Status.OperationStatus }

// TTLAfterFinished implements Operation.
func (o *WukongMigration) TTLAfterFinished() *int64 { return o.Spec.TTLSecondsAfterFinished }
