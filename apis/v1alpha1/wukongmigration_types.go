package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// WukongMigrationSpec names the WukongVM whose running guest migrates to another node, and the time of the request. A
// request is carried out only once, ever: see requestedAt.
//
// +kubebuilder:validation:XValidation:rule="self.vmRef == oldSelf.vmRef",message="vmRef cannot change: create another WukongMigration"
// +kubebuilder:validation:XValidation:rule="self.requestedAt == oldSelf.requestedAt",message="requestedAt cannot change: create another WukongMigration"
// +kubebuilder:validation:XValidation:rule="has(self.nodeSelector) == has(oldSelf.nodeSelector) && (!has(self.nodeSelector) || self.nodeSelector == oldSelf.nodeSelector)",message="nodeSelector cannot change: create another WukongMigration"
// +kubebuilder:validation:XValidation:rule="has(self.attempts) == has(oldSelf.attempts) && (!has(self.attempts) || self.attempts == oldSelf.attempts)",message="attempts cannot change: create another WukongMigration"
// +kubebuilder:validation:XValidation:rule="!(has(oldSelf.cancel) && oldSelf.cancel) || (has(self.cancel) && self.cancel)",message="cancel cannot be taken back: create another WukongMigration"
type WukongMigrationSpec struct {
	// wukongRef names the application that the migration belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// vmRef names the WukongVM.
	// +required
	VMRef LocalObjectReference `json:"vmRef,omitzero"`

	// requestedAt is the time of the request, such as 2026-03-01T12:00:00Z. The migration is carried out only if this
	// time is later than the creation of the WukongVM, and later than the last request that was handled for the
	// WukongVM. A WukongMigration that is deleted and applied again, for example by Argo CD, therefore has no effect.
	// If the time is in the future, the migration begins at that time. It is in UTC and whole seconds.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Format=date-time
	// +kubebuilder:validation:Pattern=`^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$`
	RequestedAt metav1.Time `json:"requestedAt,omitzero"`

	// nodeSelector restricts the target nodes, in addition to the WukongVM's own scheduling. To select one node, use
	// kubernetes.io/hostname.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=32
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// attempts is the maximum number of attempts before the migration fails. After a failed attempt, the guest keeps
	// running on its node.
	// +optional
	// +default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	Attempts *int32 `json:"attempts,omitempty"`

	// deadlineSeconds is the time, in seconds, within which an attempt must begin. It starts at requestedAt or at the
	// creation of the WukongMigration, whichever is later. An attempt that is in progress when it ends is not
	// cancelled.
	// +optional
	// +default=3600
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=604800
	DeadlineSeconds *int64 `json:"deadlineSeconds,omitempty"`

	// cancel cancels the migration. The guest keeps running on its node, unless it has already migrated.
	// +optional
	Cancel *bool `json:"cancel,omitempty"`

	// ttlSecondsAfterFinished deletes the WukongMigration that many seconds after it ended. Omitted, it is not deleted
	// automatically.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=31536000
	TTLSecondsAfterFinished *int64 `json:"ttlSecondsAfterFinished,omitempty"`
}

// MigrationObstacle is a cause that prevents a migration from beginning now.
type MigrationObstacle struct {
	// reason is the cause as one CamelCase word.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`

	// message describes the cause, and what to do.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// WukongMigrationStatus is the observed state of the migration.
type WukongMigrationStatus struct {
	OperationStatus `json:",inline"`

	// obstacles lists all causes that prevent the migration from beginning now. The condition Ready reports the first.
	// +optional
	// +listType=map
	// +listMapKey=reason
	// +kubebuilder:validation:MaxItems=16
	Obstacles []MigrationObstacle `json:"obstacles,omitempty"`

	// attempt is the number of the last attempt. The first has number 1.
	// +optional
	// +wukong:ledger
	// +kubebuilder:validation:Minimum=0
	Attempt int32 `json:"attempt,omitempty"`

	// failedAttempts is the number of attempts that failed.
	// +optional
	// +wukong:ledger
	// +kubebuilder:validation:Minimum=0
	FailedAttempts int32 `json:"failedAttempts,omitempty"`

	// failure is the error of the last failed attempt.
	// +optional
	// +wukong:ledger
	// +kubebuilder:validation:MaxLength=1024
	Failure string `json:"failure,omitempty"`

	// failedAt is the time of the last failed attempt.
	// +optional
	// +wukong:ledger
	FailedAt *metav1.Time `json:"failedAt,omitempty"`

	// migrationName is KubeVirt's VirtualMachineInstanceMigration of the last attempt.
	// +optional
	// +wukong:ledger
	// +kubebuilder:validation:MaxLength=253
	MigrationName string `json:"migrationName,omitempty"`

	// migrationUID is the UID of that VirtualMachineInstanceMigration.
	// +optional
	// +wukong:ledger
	// +kubebuilder:validation:MaxLength=64
	MigrationUID string `json:"migrationUID,omitempty"`

	// sourceNode is the node from which the guest migrates, or migrated.
	// +optional
	// +wukong:ledger
	// +kubebuilder:validation:MaxLength=253
	SourceNode string `json:"sourceNode,omitempty"`

	// targetNode is the node to which the guest migrates, or migrated.
	// +optional
	// +wukong:ledger
	// +kubebuilder:validation:MaxLength=253
	TargetNode string `json:"targetNode,omitempty"`

	// mode is how KubeVirt copies the memory of the guest: PreCopy, PostCopy or Paused.
	// +optional
	// +wukong:ledger
	// +kubebuilder:validation:MaxLength=32
	Mode string `json:"mode,omitempty"`

	// policyName is KubeVirt's MigrationPolicy that applies; empty if none applies.
	// +optional
	// +wukong:ledger
	// +kubebuilder:validation:MaxLength=253
	PolicyName string `json:"policyName,omitempty"`
}

// WukongMigration migrates the running guest of a WukongVM to another node (live migration).
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

	// spec is the desired state.
	// +required
	Spec WukongMigrationSpec `json:"spec,omitzero"`

	// status is the observed state.
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
