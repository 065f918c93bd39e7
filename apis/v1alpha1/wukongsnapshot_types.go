package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SnapshotConsistency is the consistency of the content of a snapshot.
// +kubebuilder:validation:Enum=Application;Crash;Any
type SnapshotConsistency string

const (
	// ConsistencyApplication means that no guest wrote to the disks while the snapshot was taken: no guest ran, or the
	// guest agent froze its file systems from before the snapshot of the first disk until after that of the last one.
	ConsistencyApplication SnapshotConsistency = "Application"
	// ConsistencyCrash means that the disks are as after a power failure: the snapshots of all disks are of the same
	// moment, and a guest was running.
	ConsistencyCrash SnapshotConsistency = "Crash"
	// ConsistencyAny means that each disk is as after a power failure, but the snapshots of the disks are not of the
	// same moment.
	ConsistencyAny SnapshotConsistency = "Any"
)

// SnapshotIndication is a fact about how a snapshot was taken, with the names of KubeVirt's VirtualMachineSnapshot.
// +kubebuilder:validation:Enum=Online;GuestAgent;NoGuestAgent;QuiesceFailed;QuiesceTimeout;Paused
type SnapshotIndication string

const (
	// IndicationOnline means that a guest was running.
	IndicationOnline SnapshotIndication = "Online"
	// IndicationGuestAgent means that the guest agent froze the file systems, and they stayed frozen until the snapshot
	// of the last disk was taken.
	IndicationGuestAgent SnapshotIndication = "GuestAgent"
	// IndicationNoGuestAgent means that no guest agent was connected, so that nothing was frozen.
	IndicationNoGuestAgent SnapshotIndication = "NoGuestAgent"
	// IndicationQuiesceFailed means that the guest agent could not freeze the file systems.
	IndicationQuiesceFailed SnapshotIndication = "QuiesceFailed"
	// IndicationQuiesceTimeout means that the file systems were thawed, or may have been, before the snapshot of the
	// last disk was taken.
	IndicationQuiesceTimeout SnapshotIndication = "QuiesceTimeout"
	// IndicationPaused means that the guest was paused.
	IndicationPaused SnapshotIndication = "Paused"
)

// WukongSnapshotSpec names the source of a snapshot. A snapshot is taken only once, even if it is lost later: it cannot
// be repeated for the same point in time.
//
// +kubebuilder:validation:XValidation:rule="self.source == oldSelf.source",message="source cannot change: a snapshot is a point in time"
// +kubebuilder:validation:XValidation:rule="has(self.volumeSnapshotClassName) == has(oldSelf.volumeSnapshotClassName) && (!has(self.volumeSnapshotClassName) || self.volumeSnapshotClassName == oldSelf.volumeSnapshotClassName)",message="volumeSnapshotClassName cannot change: create another WukongSnapshot"
type WukongSnapshotSpec struct {
	// wukongRef names the application that the snapshot belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// source of the snapshot.
	// +required
	Source SnapshotSource `json:"source,omitzero"`

	// requiredConsistency is the minimum consistency. The snapshot is not taken before it is possible, and fails if it
	// was not reached. Omitted, Any: the snapshot is taken at once with the best possible consistency, which status
	// reports.
	// +optional
	RequiredConsistency SnapshotConsistency `json:"requiredConsistency,omitempty"`

	// freezeTimeoutSeconds is how long the file systems of a running guest may be frozen, in seconds. The guest thaws
	// them automatically after that time, even if Wukong does not run. Windows always thaws them after 10 seconds.
	// +optional
	// +default=30
	// +kubebuilder:validation:Minimum=5
	// +kubebuilder:validation:Maximum=300
	FreezeTimeoutSeconds *int32 `json:"freezeTimeoutSeconds,omitempty"`

	// volumeSnapshotClassName to use. Omitted, the default class of the driver of each disk.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	VolumeSnapshotClassName string `json:"volumeSnapshotClassName,omitempty"`

	// failureDeadlineSeconds is the time, in seconds after the snapshot began, after which an unfinished snapshot fails
	// and is deleted.
	// +optional
	// +default=300
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=86400
	FailureDeadlineSeconds *int64 `json:"failureDeadlineSeconds,omitempty"`

	// reclaimPolicy determines what happens to the data of the snapshot when the WukongSnapshot is deleted.
	// +optional
	// +default="Delete"
	ReclaimPolicy ReclaimPolicy `json:"reclaimPolicy,omitempty"`

	// ttlSecondsAfterFinished deletes the WukongSnapshot that many seconds after it succeeded or failed, and its data
	// according to reclaimPolicy. Omitted, it is not deleted automatically.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=31536000
	TTLSecondsAfterFinished *int64 `json:"ttlSecondsAfterFinished,omitempty"`

	// cloneableFrom lists other namespaces whose disks may be created from this snapshot; "*" means all namespaces. The
	// snapshot's own namespace needs no grant.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:XValidation:rule="self == '*' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="must be the name of a namespace, or * for all"
	CloneableFrom []string `json:"cloneableFrom,omitempty"`
}

// SnapshotSource is a WukongVM with its disks, or one WukongDisk.
//
// +kubebuilder:validation:ExactlyOneOf=vmRef;diskRef
// +kubebuilder:validation:XValidation:rule="!has(self.disks) || has(self.vmRef)",message="disks are those of a WukongVM: name it in vmRef, or leave disks out"
type SnapshotSource struct {
	// vmRef names a WukongVM, running or not. Its snapshot contains its disks and its manifest.
	// +optional
	VMRef *LocalObjectReference `json:"vmRef,omitempty"`

	// disks are names in spec.disks of the WukongVM. Omitted, all of its disks, except those that status.excluded
	// lists.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=40
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Disks []string `json:"disks,omitempty"`

	// diskRef names a WukongDisk.
	// +optional
	DiskRef *LocalObjectReference `json:"diskRef,omitempty"`
}

// WukongSnapshotStatus is the observed state of the snapshot.
type WukongSnapshotStatus struct {
	OperationStatus `json:",inline"`

	// takenAt is the point in time of the snapshot: when the snapshot of its last disk was taken.
	// +optional
	TakenAt *metav1.Time `json:"takenAt,omitempty"`

	// consistency that the snapshot reached.
	// +optional
	// +wukong:ledger
	Consistency SnapshotConsistency `json:"consistency,omitempty"`

	// indications are facts about how the snapshot was taken.
	// +optional
	// +wukong:ledger
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	Indications []SnapshotIndication `json:"indications,omitempty"`

	// quiesce reports how the file systems of the running guest are, or were, frozen.
	// +optional
	// +wukong:ledger
	Quiesce *SnapshotQuiesce `json:"quiesce,omitempty"`

	// machine is the WukongVM from which the snapshot was taken.
	// +optional
	// +wukong:ledger
	Machine *SnapshotMachine `json:"machine,omitempty"`

	// disks that the snapshot contains.
	// +optional
	// +wukong:ledger
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Disks []SnapshotDiskStatus `json:"disks,omitempty"`

	// excluded are the disks of the WukongVM that the snapshot does not contain, and the reasons.
	// +optional
	// +wukong:ledger
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Excluded []SnapshotExcludedDisk `json:"excluded,omitempty"`
}

// QuiesceStep is the current step of freezing a guest.
// +kubebuilder:validation:Enum=Freezing;Frozen;Thawing;Thawed
type QuiesceStep string

const (
	// QuiesceFreezing means that the guest agent is asked to freeze the file systems.
	QuiesceFreezing QuiesceStep = "Freezing"
	// QuiesceFrozen means that the file systems are frozen, and the snapshots of the disks are being taken.
	QuiesceFrozen QuiesceStep = "Frozen"
	// QuiesceThawing means that the guest agent is asked to thaw the file systems, repeatedly until it answers.
	QuiesceThawing QuiesceStep = "Thawing"
	// QuiesceThawed means that the guest can write again.
	QuiesceThawed QuiesceStep = "Thawed"
)

// SnapshotQuiesce reports how the file systems of a running guest are, or were, frozen.
type SnapshotQuiesce struct {
	// step is the current step of freezing the guest.
	// +required
	Step QuiesceStep `json:"step,omitempty"`

	// instanceUID is the UID of the VirtualMachineInstance whose guest is frozen.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	InstanceUID string `json:"instanceUID,omitempty"`

	// nodeName is the node on which that guest runs.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	NodeName string `json:"nodeName,omitempty"`

	// calledAt is when the guest agent was asked to freeze, by Wukong's clock.
	// +optional
	CalledAt *metav1.MicroTime `json:"calledAt,omitempty"`

	// frozenAt is when the guest agent answered that the file systems are frozen.
	// +optional
	FrozenAt *metav1.MicroTime `json:"frozenAt,omitempty"`

	// thawedAt is when the guest agent answered that the file systems are thawed.
	// +optional
	ThawedAt *metav1.MicroTime `json:"thawedAt,omitempty"`

	// proven is true if the file systems are known to have been frozen from before the snapshot of the first disk until
	// after that of the last one.
	// +optional
	Proven bool `json:"proven,omitempty"`

	// attempts is the number of attempts to freeze the guest.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempts int32 `json:"attempts,omitempty"`

	// failure is the error of the last failed attempt.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Failure string `json:"failure,omitempty"`
}

// SnapshotMachine is the WukongVM from which a snapshot was taken.
type SnapshotMachine struct {
	// name of the WukongVM.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`

	// uid of the WukongVM.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`

	// generation of the WukongVM when the snapshot began.
	// +optional
	Generation int64 `json:"generation,omitempty"`

	// revisionName is the ControllerRevision with the manifest of the WukongVM at that time.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	RevisionName string `json:"revisionName,omitempty"`
}

// SnapshotDiskStatus is the snapshot of one disk.
type SnapshotDiskStatus struct {
	// name of the disk in spec.disks of the WukongVM, or of the WukongDisk.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// diskName is the name of the WukongDisk.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	DiskName string `json:"diskName,omitempty"`

	// claimName is the PersistentVolumeClaim from which the snapshot was taken.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ClaimName string `json:"claimName,omitempty"`

	// size of the disk, in bytes, when the snapshot began.
	// +optional
	Size *resource.Quantity `json:"size,omitempty"`

	// storageClassName of the claim.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	StorageClassName string `json:"storageClassName,omitempty"`

	// volumeSnapshotName is the name of the VolumeSnapshot.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	VolumeSnapshotName string `json:"volumeSnapshotName,omitempty"`

	// takenAt is when the storage took the snapshot of the disk, by the clock of the storage.
	// +optional
	TakenAt *metav1.Time `json:"takenAt,omitempty"`

	// restoreSize is the minimum size of a claim that is created from the snapshot, in bytes, if the storage reports
	// one.
	// +optional
	RestoreSize *resource.Quantity `json:"restoreSize,omitempty"`
}

// SnapshotExcludedDisk is a disk of the WukongVM that a snapshot does not contain.
type SnapshotExcludedDisk struct {
	// name of the disk in spec.disks of the WukongVM.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Name string `json:"name,omitempty"`

	// reason why the snapshot does not contain the disk.
	// +required
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`
}

// WukongSnapshot is a snapshot of a WukongVM with its disks, or of one WukongDisk, at a point in time.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wksnap,categories=wukong-all
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="VM",type=string,JSONPath=`.spec.source.vmRef.name`
// +kubebuilder:printcolumn:name="Disk",type=string,JSONPath=`.spec.source.diskRef.name`
// +kubebuilder:printcolumn:name="Consistency",type=string,JSONPath=`.status.consistency`
// +kubebuilder:printcolumn:name="Taken",type=date,JSONPath=`.status.takenAt`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type WukongSnapshot struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec WukongSnapshotSpec `json:"spec,omitzero"`

	// status is the observed state.
	// +optional
	Status WukongSnapshotStatus `json:"status,omitempty"`
}

// WukongSnapshotList is a list of WukongSnapshots.
//
// +kubebuilder:object:root=true
type WukongSnapshotList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WukongSnapshot `json:"items"`
}

func init() { register(&WukongSnapshot{}, &WukongSnapshotList{}) }

// GetConditions implements Object.
func (o *WukongSnapshot) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongSnapshot) SetConditions(conditions []metav1.Condition) {
	o.Status.Conditions = conditions
}

// GetPhase implements Object.
func (o *WukongSnapshot) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongSnapshot) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// Finished implements Operation.
func (o *WukongSnapshot) Finished() bool { return o.Status.Finished() }

// OperationStatus implements Operation.
func (o *WukongSnapshot) OperationStatus() *OperationStatus { return &o.Status.OperationStatus }

// TTLAfterFinished implements Operation.
func (o *WukongSnapshot) TTLAfterFinished() *int64 { return o.Spec.TTLSecondsAfterFinished }
