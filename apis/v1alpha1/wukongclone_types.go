package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// IdentityPolicy determines whether a clone gets its own identity.
// +kubebuilder:validation:Enum=Renew;Keep
type IdentityPolicy string

const (
	// IdentityRenew gives the clone new MAC addresses, a new firmware UUID and serial number, a new host name and, by
	// cloud-init, a new machine ID and new SSH host keys.
	IdentityRenew IdentityPolicy = "Renew"
	// IdentityKeep copies the identity of the source. The source and the clone must not run on the same network at the
	// same time. overrides.isolated gives the clone a network of its own.
	IdentityKeep IdentityPolicy = "Keep"
)

// CloneAction determines how a disk of the new WukongVM is made.
// +kubebuilder:validation:Enum=Clone;Share;Omit;Blank
type CloneAction string

const (
	// CloneActionClone copies the disk.
	CloneActionClone CloneAction = "Clone"
	// CloneActionShare makes the new WukongVM use the same WukongDisk. It must be shared, and in the same namespace.
	CloneActionShare CloneAction = "Share"
	// CloneActionOmit makes the new WukongVM without the disk.
	CloneActionOmit CloneAction = "Omit"
	// CloneActionBlank makes an empty disk of the same size.
	CloneActionBlank CloneAction = "Blank"
)

// CloneDeletion determines what happens to the result of a WukongClone when the WukongClone is deleted.
// +kubebuilder:validation:Enum=Keep;Delete
type CloneDeletion string

const (
	// CloneDeletionKeep keeps the result. It has no owner reference to the WukongClone.
	CloneDeletionKeep CloneDeletion = "Keep"
	// CloneDeletionDelete deletes the result with the WukongClone, also when ttlSecondsAfterFinished deletes it. The
	// result has no wukongRef, and its disks have the reclaimPolicy Delete.
	CloneDeletionDelete CloneDeletion = "Delete"
)

// WukongCloneSpec names the source and the result of a clone. A clone is made once. The result outlives the
// WukongClone, unless onDelete is Delete.
//
// +kubebuilder:validation:XValidation:rule="self.source == oldSelf.source && self.targetName == oldSelf.targetName",message="source and targetName cannot change: create another WukongClone"
// +kubebuilder:validation:XValidation:rule="has(self.identity) == has(oldSelf.identity) && (!has(self.identity) || self.identity == oldSelf.identity)",message="identity cannot change: create another WukongClone"
// +kubebuilder:validation:XValidation:rule="has(self.powerState) == has(oldSelf.powerState) && (!has(self.powerState) || self.powerState == oldSelf.powerState)",message="powerState cannot change: create another WukongClone"
// +kubebuilder:validation:XValidation:rule="has(self.consistency) == has(oldSelf.consistency) && (!has(self.consistency) || self.consistency == oldSelf.consistency)",message="consistency cannot change: create another WukongClone"
// +kubebuilder:validation:XValidation:rule="has(self.disks) == has(oldSelf.disks) && (!has(self.disks) || self.disks == oldSelf.disks)",message="disks cannot change: create another WukongClone"
// +kubebuilder:validation:XValidation:rule="has(self.overrides) == has(oldSelf.overrides) && (!has(self.overrides) || self.overrides == oldSelf.overrides)",message="overrides cannot change: create another WukongClone"
// +kubebuilder:validation:XValidation:rule="has(self.onDelete) == has(oldSelf.onDelete) && (!has(self.onDelete) || self.onDelete == oldSelf.onDelete)",message="onDelete cannot change: create another WukongClone"
// +kubebuilder:validation:XValidation:rule="self.deadlineSeconds == oldSelf.deadlineSeconds",message="deadlineSeconds cannot change: create another WukongClone"
// +kubebuilder:validation:XValidation:rule="!has(self.source.diskRef) || (!has(self.identity) && !has(self.powerState) && !has(self.overrides))",message="identity, powerState and overrides are for a WukongVM: leave them out when a disk is cloned"
// +kubebuilder:validation:XValidation:rule="!has(self.consistency) || has(self.source.vmRef)",message="consistency is for source.vmRef: a snapshot is already taken, and a disk is cloned while no guest has it"
type WukongCloneSpec struct {
	// wukongRef names the application that the clone and its result belong to. The Wukong need not exist yet. With
	// onDelete Delete only the WukongClone belongs to it: the result is deleted with the WukongClone, and so with the
	// Wukong, but is no part of the application.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// source of the clone.
	// +required
	Source CloneSource `json:"source,omitzero"`

	// targetName is the name of the new WukongVM or WukongDisk, in the namespace of the WukongClone. It must not exist
	// yet.
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

	// consistency is the minimum consistency of the temporary snapshot that is taken of a WukongVM. Omitted, Any: it is
	// taken at once with the best possible consistency.
	// +optional
	Consistency SnapshotConsistency `json:"consistency,omitempty"`

	// disks determine how single disks of the source are cloned. Omitted, each disk is copied, shared disks of the same
	// namespace are used as they are, and CD-ROM drives become empty.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Disks []CloneDisk `json:"disks,omitempty"`

	// overrides are fields of the new WukongVM that differ from those of the source.
	// +optional
	Overrides *CloneOverrides `json:"overrides,omitempty"`

	// onDelete determines what happens to the new WukongVM or WukongDisk when the WukongClone is deleted. Omitted, Keep.
	// +optional
	OnDelete CloneDeletion `json:"onDelete,omitempty"`

	// deadlineSeconds is the time, in seconds after the creation of the WukongClone, after which an unfinished clone
	// fails.
	// +optional
	// +default=86400
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2592000
	DeadlineSeconds *int64 `json:"deadlineSeconds,omitempty"`

	// ttlSecondsAfterFinished deletes the WukongClone that many seconds after it succeeded or failed. The result stays,
	// unless onDelete is Delete. Omitted, the WukongClone is not deleted automatically.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=31536000
	TTLSecondsAfterFinished *int64 `json:"ttlSecondsAfterFinished,omitempty"`
}

// CloneSource is a WukongVM, a WukongDisk or a WukongSnapshot.
//
// +kubebuilder:validation:ExactlyOneOf=vmRef;diskRef;snapshotRef
type CloneSource struct {
	// namespace of the source. Omitted, that of the WukongClone. A source in another namespace must list the namespace of
	// the WukongClone in its spec.cloneableFrom.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`

	// vmRef names a WukongVM, running or stopped. A temporary WukongSnapshot is taken of it.
	// +optional
	VMRef *LocalObjectReference `json:"vmRef,omitempty"`

	// diskRef names a WukongDisk that no running guest has.
	// +optional
	DiskRef *LocalObjectReference `json:"diskRef,omitempty"`

	// snapshotRef names a WukongSnapshot of a WukongVM or of a WukongDisk.
	// +optional
	SnapshotRef *LocalObjectReference `json:"snapshotRef,omitempty"`
}

// CloneDisk determines how a disk of the source is cloned.
//
// +kubebuilder:validation:XValidation:rule="!has(self.action) || self.action in ['Clone', 'Blank'] || (!has(self.storageClassName) && !has(self.size))",message="storageClassName and size are for the actions Clone and Blank"
type CloneDisk struct {
	// name of the disk in spec.disks of the source WukongVM, or of the source WukongDisk.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`

	// action determines how the disk is made. Omitted, Share for a shared disk, and Clone for others. A shared disk of
	// another namespace needs Clone, Omit or Blank.
	// +optional
	Action CloneAction `json:"action,omitempty"`

	// storageClassName of the new disk. Omitted, that of the source.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	StorageClassName string `json:"storageClassName,omitempty"`

	// size of the new disk, in bytes. It is at least that of the source. Omitted, that of the source.
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Ei')) <= 0",message="size must be a quantity between 1Mi and 1Ei, for example 20Gi"
	Size *resource.Quantity `json:"size,omitempty"`
}

// CloneOverrides are fields of the new WukongVM that differ from those of the source.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.isolated) || !self.isolated || !has(self.networks)",message="isolated replaces all interfaces: leave networks out"
type CloneOverrides struct {
	// cpu of the guest.
	// +optional
	CPU *CPU `json:"cpu,omitempty"`

	// memory of the guest.
	// +optional
	Memory *Memory `json:"memory,omitempty"`

	// networks replace the interfaces of the same names completely. Interfaces with other names are added. Wukong writes
	// the new WukongVM with its own rights, so a template with hostAccess Unrestricted is refused.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(n, !has(n.template) || !has(n.template.spec.hostAccess) || n.template.spec.hostAccess != 'Unrestricted')",message="a WukongClone cannot make a network with hostAccess Unrestricted: name a WukongNetwork that an administrator created in networkRef"
	Networks []VMNetwork `json:"networks,omitempty"`

	// isolated replaces all interfaces by one on the pod network whose cable is unplugged (linkState Down). It leaves out
	// services, GPUs and other devices of the node, and the labels, annotations and priority of the pod. Shared disks need
	// the action Clone, Omit or Blank. With identity Keep the source may run meanwhile.
	// +optional
	Isolated *bool `json:"isolated,omitempty"`

	// labels of the new WukongVM, in addition to those of the source.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=64
	Labels map[string]string `json:"labels,omitempty"`

	// scheduling replaces that of the source, including the labels of its pods.
	// +optional
	Scheduling *Scheduling `json:"scheduling,omitempty"`

	// hostname of the guest. Omitted, the name of the new WukongVM, or with identity Keep that of the source.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$`
	Hostname string `json:"hostname,omitempty"`
}

// CloneStep is the current step of a clone.
// +kubebuilder:validation:Enum=Snapshotting;Creating
type CloneStep string

const (
	// CloneSnapshotting means that the temporary snapshot of the source is taken.
	CloneSnapshotting CloneStep = "Snapshotting"
	// CloneCreating means that the result exists, and that its disks are copied.
	CloneCreating CloneStep = "Creating"
)

// CloneTarget is the result of a clone.
type CloneTarget struct {
	// kind of the result: WukongVM or WukongDisk.
	// +required
	// +kubebuilder:validation:Enum=WukongVM;WukongDisk
	Kind string `json:"kind,omitempty"`

	// name of the result.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`

	// uid of the result.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
}

// CloneDiskStatus is the state of one disk of the result.
type CloneDiskStatus struct {
	// name of the disk in spec.disks of the new WukongVM, or of the new WukongDisk.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`

	// diskName is the name of the WukongDisk.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	DiskName string `json:"diskName,omitempty"`

	// method is how CDI copies the disk: see status.cloneMethod of the WukongDisk.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Method string `json:"method,omitempty"`

	// phase of the WukongDisk.
	// +optional
	Phase DiskPhase `json:"phase,omitempty"`
}

// MachineIDRenewal is what happens to the machine ID of the guest.
// +kubebuilder:validation:Enum=Renewed;NotRenewed;Kept
type MachineIDRenewal string

const (
	// MachineIDRenewed means that cloud-init is asked to make a new machine ID at the first start of the guest.
	MachineIDRenewed MachineIDRenewal = "Renewed"
	// MachineIDNotRenewed means that cloudInit.userDataSecretRef is the whole user-data, to which nothing is added.
	MachineIDNotRenewed MachineIDRenewal = "NotRenewed"
	// MachineIDKept means that identity is Keep.
	MachineIDKept MachineIDRenewal = "Kept"
)

// CloneIdentity reports the identity of the new WukongVM.
type CloneIdentity struct {
	// machineID is what happens to the machine ID and the SSH host keys of the guest.
	// +optional
	MachineID MachineIDRenewal `json:"machineID,omitempty"`
}

// WukongCloneStatus is the observed state of the clone.
type WukongCloneStatus struct {
	OperationStatus `json:",inline"`

	// step is the current step, or the last one.
	// +optional
	Step CloneStep `json:"step,omitempty"`

	// source is the object that is cloned, as kind and name.
	// +optional
	// +kubebuilder:validation:MaxLength=340
	Source string `json:"source,omitempty"`

	// snapshotName is the WukongSnapshot from which the disks are copied. A temporary one is deleted when the clone has
	// succeeded.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SnapshotName string `json:"snapshotName,omitempty"`

	// target is the result.
	// +optional
	Target *CloneTarget `json:"target,omitempty"`

	// progressPercent is the average progress of the disks.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	ProgressPercent *int32 `json:"progressPercent,omitempty"`

	// disks of the result that are copied.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Disks []CloneDiskStatus `json:"disks,omitempty"`

	// identity of the new WukongVM.
	// +optional
	Identity *CloneIdentity `json:"identity,omitempty"`

	// pointInTime is the time of the content of the disks: when the snapshot of the last disk was taken.
	// +optional
	// +wukong:ledger
	PointInTime *metav1.Time `json:"pointInTime,omitempty"`
}

// WukongClone creates a new WukongVM or WukongDisk from an existing one, or from a WukongSnapshot.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wkclone,categories=wukong-all
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Step",type=string,JSONPath=`.status.step`
// +kubebuilder:printcolumn:name="Progress",type=integer,JSONPath=`.status.progressPercent`
// +kubebuilder:printcolumn:name="Source",type=string,JSONPath=`.status.source`
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
