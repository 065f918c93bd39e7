package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SnapshotConsistency is how much the content of a snapshot can be relied on.
// +kubebuilder:validation:Enum=Application;Crash
type SnapshotConsistency string

const (
	// ConsistencyApplication says that the guest agent froze the file systems, or the machine was stopped.
	ConsistencyApplication SnapshotConsistency = "Application"
	// ConsistencyCrash is as after a power failure.
	ConsistencyCrash SnapshotConsistency = "Crash"
)

// WukongSnapshotSpec says what to take a snapshot of. A snapshot is taken once.
//
// +kubebuilder:validation:XValidation:rule="self.source == oldSelf.source",message="source cannot change: a snapshot is a point in time"
type WukongSnapshotSpec struct {
	// wukongRef names the application that the snapshot belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// source of the snapshot.
	// +required
	Source SnapshotSource `json:"source,omitzero"`

	// requiredConsistency refuses a snapshot that would be less. Omitted, any is taken and status says which.
	// +optional
	RequiredConsistency SnapshotConsistency `json:"requiredConsistency,omitempty"`

	// volumeSnapshotClassName to use. Omitted, the default class of each disk's driver.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	VolumeSnapshotClassName string `json:"volumeSnapshotClassName,omitempty"`

	// failureDeadlineSeconds after which an unfinished snapshot is given up, in seconds.
	// +optional
	// +default=300
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=86400
	FailureDeadlineSeconds *int64 `json:"failureDeadlineSeconds,omitempty"`

	// reclaimPolicy says what happens to the snapshot's data when the WukongSnapshot is deleted.
	// +optional
	// +default="Delete"
	ReclaimPolicy ReclaimPolicy `json:"reclaimPolicy,omitempty"`
}

// SnapshotSource is a machine or a disk.
//
// +kubebuilder:validation:ExactlyOneOf=vmRef;diskRef
type SnapshotSource struct {
	// vmRef names a WukongVM: all its disks, and what it is.
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
}

// WukongSnapshot is a point in time of a machine or of a disk.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wksnap,categories=wukong-all
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="VM",type=string,JSONPath=`.spec.source.vmRef.name`
// +kubebuilder:printcolumn:name="Disk",type=string,JSONPath=`.spec.source.diskRef.name`
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
