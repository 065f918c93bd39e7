package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// IdentityPolicy determines whether a clone gets its own identity.
// +kubebuilder:validation:Enum=Renew;Keep
type IdentityPolicy string

const (
	// IdentityRenew gives the clone new MAC addresses, a new firmware UUID and a new host name.
	IdentityRenew IdentityPolicy = "Renew"
	// IdentityKeep copies the identity of the source. The source and the clone must not run on the same network at the
	// same time.
	IdentityKeep IdentityPolicy = "Keep"
)

// WukongCloneSpec names the source and the result of a clone. A clone is made once. The result outlives the
// WukongClone.
//
// +kubebuilder:validation:XValidation:rule="self.source == oldSelf.source && self.targetName == oldSelf.targetName",message="source and targetName cannot change: create another WukongClone"
// +kubebuilder:validation:XValidation:rule="!has(self.source.diskRef) || (!has(self.identity) && !has(self.powerState))",message="identity and powerState are for a WukongVM: leave them out when a disk is cloned"
type WukongCloneSpec struct {
	// wukongRef names the application that the clone belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// source of the clone.
	// +required
	Source CloneSource `json:"source,omitzero"`

	// targetName is the name of the new WukongVM or WukongDisk, in the same namespace. It must not exist yet.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	TargetName string `json:"targetName,omitempty"`

	// identity determines whether the new WukongVM gets its own identity. Omitted, Renew.
	// +optional
	Identity IdentityPolicy `json:"identity,omitempty"`

	// powerState of the new WukongVM. Omitted, Stopped.
	// +optional
	PowerState PowerState `json:"powerState,omitempty"`

	// ttlSecondsAfterFinished deletes the WukongClone that many seconds after it succeeded or failed. The result stays.
	// Omitted, the WukongClone is not deleted automatically.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=31536000
	TTLSecondsAfterFinished *int64 `json:"ttlSecondsAfterFinished,omitempty"`
}

// CloneSource is a WukongVM, a WukongDisk or a WukongSnapshot.
//
// +kubebuilder:validation:ExactlyOneOf=vmRef;diskRef;snapshotRef
type CloneSource struct {
	// vmRef names a WukongVM, running or stopped.
	// +optional
	VMRef *LocalObjectReference `json:"vmRef,omitempty"`

	// diskRef names a WukongDisk.
	// +optional
	DiskRef *LocalObjectReference `json:"diskRef,omitempty"`

	// snapshotRef names a WukongSnapshot.
	// +optional
	SnapshotRef *LocalObjectReference `json:"snapshotRef,omitempty"`
}

// WukongCloneStatus is the observed state of the clone.
type WukongCloneStatus struct {
	OperationStatus `json:",inline"`
}

// WukongClone creates a new WukongVM or WukongDisk from an existing one, or from a WukongSnapshot.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wkclone,categories=wukong-all
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.spec.targetName`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type WukongClone struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec WukongCloneSpec `json:"spec,omitzero"`

	// status is the observed state.
	// +optional
	Status WukongCloneStatus `json:"status,omitempty"`
}

// WukongCloneList is a list of WukongClones.
//
// +kubebuilder:object:root=true
type WukongCloneList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WukongClone `json:"items"`
}

func init() { register(&WukongClone{}, &WukongCloneList{}) }

// GetConditions implements Object.
func (o *WukongClone) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongClone) SetConditions(conditions []metav1.Condition) { o.Status.Conditions = conditions }

// GetPhase implements Object.
func (o *WukongClone) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongClone) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// Finished implements Operation.
func (o *WukongClone) Finished() bool { return o.Status.Finished() }

// OperationStatus implements Operation.
func (o *WukongClone) OperationStatus() *OperationStatus { return &o.Status.OperationStatus }

// TTLAfterFinished implements Operation.
func (o *WukongClone) TTLAfterFinished() *int64 { return o.Spec.TTLSecondsAfterFinished }
