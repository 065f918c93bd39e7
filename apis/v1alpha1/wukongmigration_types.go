package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// WukongMigrationSpec says which machine moves, and where to. A migration is done once.
//
// +kubebuilder:validation:XValidation:rule="self.vmRef == oldSelf.vmRef",message="vmRef cannot change: create another WukongMigration"
// +kubebuilder:validation:XValidation:rule="has(self.nodeSelector) == has(oldSelf.nodeSelector) && (!has(self.nodeSelector) || self.nodeSelector == oldSelf.nodeSelector)",message="nodeSelector cannot change: create another WukongMigration"
// +kubebuilder:validation:XValidation:rule="has(self.disks) == has(oldSelf.disks) && (!has(self.disks) || self.disks == oldSelf.disks)",message="disks cannot change: create another WukongMigration"
type WukongMigrationSpec struct {
	// wukongRef names the application that the migration belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// vmRef names the WukongVM.
	// +required
	VMRef LocalObjectReference `json:"vmRef,omitzero"`

	// nodeSelector narrows the nodes that may be the target, beside what the machine's own scheduling says. To name one
	// node, use kubernetes.io/hostname.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=32
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// disks that move to another storage class.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Disks []DiskMigration `json:"disks,omitempty"`

	// ttlSecondsAfterFinished deletes the WukongMigration that many seconds after it succeeded or failed. Omitted, the
	// WukongMigration stays.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=31536000
	TTLSecondsAfterFinished *int64 `json:"ttlSecondsAfterFinished,omitempty"`
}

// DiskMigration moves a disk to another storage class.
type DiskMigration struct {
	// name of the disk within the machine.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`

	// storageClassName of the new claim.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	StorageClassName string `json:"storageClassName,omitempty"`
}

// WukongMigrationStatus is what was observed of the migration.
type WukongMigrationStatus struct {
	OperationStatus `json:",inline"`

	// sourceNode that the machine left.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SourceNode string `json:"sourceNode,omitempty"`

	// targetNode that the machine moved to.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	TargetNode string `json:"targetNode,omitempty"`
}

// WukongMigration moves a running machine to another node, or its disks to another storage class.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wkmig,categories=wukong-all
// +kubebuilder:printcolumn:name="VM",type=string,JSONPath=`.spec.vmRef.name`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Source",type=string,JSONPath=`.status.sourceNode`
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.status.targetNode`
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
