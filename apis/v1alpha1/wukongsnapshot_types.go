package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SnapshotConsistency is how much the content of a snapshot can be relied on.
// +kubebuilder:validation:Enum=Application;Crash;Any
type SnapshotConsistency string

const (
	// ConsistencyApplication says that no guest wrote to the disks while the snapshot was taken: none ran, or its file
	// systems were frozen by the guest agent from before the first disk was cut until after the last one.
	ConsistencyApplication SnapshotConsistency = "Application"
	// ConsistencyCrash is as after a power failure: all disks are of one moment, at which a guest was running.
	ConsistencyCrash SnapshotConsistency = "Crash"
	// ConsistencyAny says that each disk is as after a power failure, but that they are not all of one moment.
	ConsistencyAny SnapshotConsistency = "Any"
)

// SnapshotIndication is a fact about how a snapshot was taken, in the words of KubeVirt's VirtualMachineSnapshot.
// +kubebuilder:validation:Enum=Online;GuestAgent;NoGuestAgent;QuiesceFailed;QuiesceTimeout;Paused
type SnapshotIndication string

const (
	// IndicationOnline means that a guest was running.
	IndicationOnline SnapshotIndication = "Online"
	// IndicationGuestAgent means that the guest agent froze the file systems, and they were frozen to the end.
	IndicationGuestAgent SnapshotIndication = "GuestAgent"
	// IndicationNoGuestAgent means that no guest agent was connected, so that nothing was frozen.
	IndicationNoGuestAgent SnapshotIndication = "NoGuestAgent"
	// IndicationQuiesceFailed means that the guest agent could not freeze the file systems.
	IndicationQuiesceFailed SnapshotIndication = "QuiesceFailed"
	// IndicationQuiesceTimeout means that the file systems were thawed, or may have been, before the last disk was cut.
	IndicationQuiesceTimeout SnapshotIndication = "QuiesceTimeout"
	// IndicationPaused means that the guest was paused.
	IndicationPaused SnapshotIndication = "Paused"
)

// WukongSnapshotSpec says what to take a snapshot of. A snapshot is taken once, and never again, whatever becomes of it: a point in time does not
// come back.
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

	// requiredConsistency waits until the snapshot would be no less, and gives it up where it turned out to be. Omitted, it
	// is Any: the snapshot is taken at once, as consistent as it can be, and status says how consistent it is.
	// +optional
	RequiredConsistency SnapshotConsistency `json:"requiredConsistency,omitempty"`

	// freezeTimeoutSeconds is how long the file systems of a running guest may be frozen, in seconds. The guest thaws them
	// by itself after that time, whatever happens to Wukong. Windows thaws after 10 seconds in any case.
	// +optional
	// +default=30
	// +kubebuilder:validation:Minimum=5
	// +kubebuilder:validation:Maximum=300
	FreezeTimeoutSeconds *int32 `json:"freezeTimeoutSeconds,omitempty"`

	// volumeSnapshotClassName to use. Omitted, the default class of each disk's driver.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	VolumeSnapshotClassName string `json:"volumeSnapshotClassName,omitempty"`

	// failureDeadlineSeconds after which an unfinished snapshot is given up and deleted, in seconds since it was begun.
	// +optional
	// +default=300
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=86400
	FailureDeadlineSeconds *int64 `json:"failureDeadlineSeconds,omitempty"`

	// reclaimPolicy says what happens to the snapshot's data when the WukongSnapshot is deleted.
	// +optional
	// +default="Delete"
	ReclaimPolicy ReclaimPolicy `json:"reclaimPolicy,omitempty"`

	// ttlSecondsAfterFinished deletes the WukongSnapshot that many seconds after it succeeded or failed, and its data as
	// reclaimPolicy says. Omitted, the WukongSnapshot stays.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=31536000
	TTLSecondsAfterFinished *int64 `json:"ttlSecondsAfterFinished,omitempty"`

	// cloneableFrom lists other namespaces whose disks may start from this snapshot; "*" stands for all. Its own namespace needs no grant.
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
	// vmRef names a WukongVM, running or not. Its snapshot holds its disks and its manifest.
	// +optional
	VMRef *LocalObjectReference `json:"vmRef,omitempty"`

	// disks are names in spec.disks of the WukongVM. Omitted, all of its disks, except those that status.excluded lists.
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

// WukongSnapshotStatus is what was observed of the snapshot.
type WukongSnapshotStatus struct {
	OperationStatus `json:",inline"`

	// takenAt is the point in time that the snapshot holds: when the last of its disks was cut.
	// +optional
	TakenAt *metav1.Time `json:"takenAt,omitempty"`

	// consistency that was reached.
	// +optional
	// +wukong:ledger
	Consistency SnapshotConsistency `json:"consistency,omitempty"`

	// indications are facts about how the snapshot was taken.
	// +optional
	// +wukong:ledger
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	Indications []SnapshotIndication `json:"indications,omitempty"`

	// quiesce is how the file systems of a running guest are, or were, frozen.
	// +optional
	// +wukong:ledger
	Quiesce *SnapshotQuiesce `json:"quiesce,omitempty"`

	// machine is the WukongVM that the snapshot was taken of.
	// +optional
	// +wukong:ledger
	Machine *SnapshotMachine `json:"machine,omitempty"`

	// disks that the snapshot holds.
	// +optional
	// +wukong:ledger
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Disks []SnapshotDiskStatus `json:"disks,omitempty"`

	// excluded are the disks of the WukongVM that the snapshot does not hold, and why.
	// +optional
	// +wukong:ledger
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Excluded []SnapshotExcludedDisk `json:"excluded,omitempty"`
}

// QuiesceStep is where the freezing of a guest is.
// +kubebuilder:validation:Enum=Freezing;Frozen;Thawing;Thawed
type QuiesceStep string

const (
	// QuiesceFreezing means that the guest agent is asked to freeze the file systems.
	QuiesceFreezing QuiesceStep = "Freezing"
	// QuiesceFrozen means that the file systems are frozen, and the disks are cut.
	QuiesceFrozen QuiesceStep = "Frozen"
	// QuiesceThawing means that the guest agent is asked to thaw the file systems until it answers.
	QuiesceThawing QuiesceStep = "Thawing"
	// QuiesceThawed means that the guest writes again.
	QuiesceThawed QuiesceStep = "Thawed"
)

// SnapshotQuiesce is how the file systems of a running guest are, or were, frozen.
type SnapshotQuiesce struct {
	// step is where the freezing is.
	// +required
	Step QuiesceStep `json:"step,omitempty"`

	// instanceUID is the VirtualMachineInstance whose guest is frozen.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	InstanceUID string `json:"instanceUID,omitempty"`

	// nodeName is where that guest runs.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	NodeName string `json:"nodeName,omitempty"`

	// calledAt is when the guest agent was asked to freeze, by Wukong's clock.
	// +optional
	CalledAt *metav1.MicroTime `json:"calledAt,omitempty"`

	// frozenAt is when it answered.
	// +optional
	FrozenAt *metav1.MicroTime `json:"frozenAt,omitempty"`

	// thawedAt is when it answered that the file systems are thawed.
	// +optional
	ThawedAt *metav1.MicroTime `json:"thawedAt,omitempty"`

	// proven: the file systems were frozen from before the first disk was cut until after the last one.
	// +optional
	Proven bool `json:"proven,omitempty"`

	// attempts to freeze the guest.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempts int32 `json:"attempts,omitempty"`

	// failure of the last attempt.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Failure string `json:"failure,omitempty"`
}

// SnapshotMachine is the WukongVM that a snapshot was taken of.
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

	// generation of the WukongVM when the snapshot was begun.
	// +optional
	Generation int64 `json:"generation,omitempty"`

	// revisionName is the ControllerRevision with the manifest of the WukongVM as it was then.
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

	// diskName is the WukongDisk.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	DiskName string `json:"diskName,omitempty"`

	// claimName is the PersistentVolumeClaim that the snapshot was cut from.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ClaimName string `json:"claimName,omitempty"`

	// size of the disk when the snapshot was begun.
	// +optional
	Size *resource.Quantity `json:"size,omitempty"`

	// storageClassName of the claim.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	StorageClassName string `json:"storageClassName,omitempty"`

	// volumeSnapshotName is the VolumeSnapshot.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	VolumeSnapshotName string `json:"volumeSnapshotName,omitempty"`

	// takenAt is when the storage cut the disk, by its own clock.
	// +optional
	TakenAt *metav1.Time `json:"takenAt,omitempty"`

	// restoreSize is the least that a claim made from the snapshot must ask for, in bytes, where the storage says so.
	// +optional
	RestoreSize *resource.Quantity `json:"restoreSize,omitempty"`
}

// SnapshotExcludedDisk is a disk of the WukongVM that a snapshot does not hold.
type SnapshotExcludedDisk struct {
	// name of the disk in spec.disks of the WukongVM.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Name string `json:"name,omitempty"`

	// reason why the snapshot does not hold it.
	// +required
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`
}

// WukongSnapshot is a point in time of a WukongVM, or of one WukongDisk.
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

	// spec is what the user asks for.
	// +required
	Spec WukongSnapshotSpec `json:"spec,omitzero"`

	// status is what was observed.
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
