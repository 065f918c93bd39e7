package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SnapshotConsistency is how much the content of a snapshot can be relied on.
// +kubebuilder:validation:Enum=Application;Crash
type SnapshotConsistency string

const (
	// ConsistencyApplication says that no guest wrote to the disk while the snapshot was taken.
	ConsistencyApplication SnapshotConsistency = "Application"
	// ConsistencyCrash is as after a power failure: a machine was running.
	ConsistencyCrash SnapshotConsistency = "Crash"
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

	// requiredConsistency waits until the snapshot would be no less, and gives it up where it turned out to be. Omitted, it is taken at once and
	// status says how consistent it is.
	// +optional
	RequiredConsistency SnapshotConsistency `json:"requiredConsistency,omitempty"`

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

// SnapshotSource is a disk.
//
// +kubebuilder:validation:ExactlyOneOf=vmRef;diskRef
// +kubebuilder:validation:XValidation:rule="!has(self.vmRef)",message="snapshots of a whole machine are not carried out yet: take one of each of its disks by diskRef"
type SnapshotSource struct {
	// vmRef names a WukongVM. It is refused for now: the disks of a machine are taken one by one.
	// +optional
	VMRef *LocalObjectReference `json:"vmRef,omitempty"`

	// diskRef names a WukongDisk.
	// +optional
	DiskRef *LocalObjectReference `json:"diskRef,omitempty"`
}

// OperationPhase is a one-word summary of work that is done once.
// +kubebuilder:validation:Enum=Pending;InProgress;Succeeded;Failed;Terminating
type OperationPhase string

// Phases of WukongSnapshot, WukongClone and WukongMigration.
const (
	OperationPending     OperationPhase = "Pending"
	OperationInProgress  OperationPhase = "InProgress"
	OperationSucceeded   OperationPhase = "Succeeded"
	OperationFailed      OperationPhase = "Failed"
	OperationTerminating OperationPhase = "Terminating"
)

// WukongSnapshotStatus is what was observed of the snapshot.
type WukongSnapshotStatus struct {
	// conditions: Ready, UmbrellaLinked.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// phase is a one-word summary for people.
	// +optional
	Phase OperationPhase `json:"phase,omitempty"`

	// takenAt is the point in time that the snapshot holds.
	// +optional
	TakenAt *metav1.Time `json:"takenAt,omitempty"`

	// consistency that was reached.
	// +optional
	Consistency SnapshotConsistency `json:"consistency,omitempty"`

	// completionTime is when the snapshot was complete, or given up. What status says of it stays from then on.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`

	// disks that the snapshot holds.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Disks []SnapshotDiskStatus `json:"disks,omitempty"`
}

// SnapshotDiskStatus is the snapshot of one disk.
type SnapshotDiskStatus struct {
	// name of the disk in the machine, or of the WukongDisk.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// volumeSnapshotName is the VolumeSnapshot.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	VolumeSnapshotName string `json:"volumeSnapshotName,omitempty"`

	// restoreSize is the least that a claim made from the snapshot must ask for, in bytes, where the storage says so.
	// +optional
	RestoreSize *resource.Quantity `json:"restoreSize,omitempty"`
}

// WukongSnapshot is a point in time of a disk.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wksnap,categories=wukong-all
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Disk",type=string,JSONPath=`.spec.source.diskRef.name`
// +kubebuilder:printcolumn:name="Consistency",type=string,JSONPath=`.status.consistency`
// +kubebuilder:printcolumn:name="Taken",type=date,JSONPath=`.status.takenAt`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
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

// Finished implements Operation.
func (o *WukongSnapshot) Finished() bool { return o.Status.CompletionTime != nil }

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
