package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RestoreStop determines who stops the guest for a restore.
// +kubebuilder:validation:Enum=Graceful;WhenStopped
type RestoreStop string

const (
	// RestoreStopGraceful shuts the guest down as powerState Stopped does, when all disks are filled.
	RestoreStopGraceful RestoreStop = "Graceful"
	// RestoreStopWhenStopped waits until a user sets powerState to Stopped.
	RestoreStopWhenStopped RestoreStop = "WhenStopped"
)

// SafetySnapshot determines whether a snapshot is taken before a restore.
// +kubebuilder:validation:Enum=Take;Skip
type SafetySnapshot string

const (
	// SafetySnapshotTake takes a WukongSnapshot of the stopped WukongVM before its disks are replaced.
	SafetySnapshotTake SafetySnapshot = "Take"
	// SafetySnapshotSkip takes none.
	SafetySnapshotSkip SafetySnapshot = "Skip"
)

// RestoreSuccess is when a restore has succeeded.
// +kubebuilder:validation:Enum=Running;GuestAgent
type RestoreSuccess string

const (
	// RestoreSuccessRunning means that the guest runs on the restored disks.
	RestoreSuccessRunning RestoreSuccess = "Running"
	// RestoreSuccessGuestAgent means that the guest agent answers, so that the operating system has started.
	RestoreSuccessGuestAgent RestoreSuccess = "GuestAgent"
)

const (
	// DefaultSafetyTTLSeconds is the default of restore.safetyTTLSeconds: a week.
	DefaultSafetyTTLSeconds int64 = 604800
	// DefaultStartDeadlineSeconds is the default of restore.startDeadlineSeconds.
	DefaultStartDeadlineSeconds int64 = 600
)

// VMRestore replaces the disks of a WukongVM with those of a snapshot, once. The new disks are filled while the guest
// runs. Then the guest stops, all disks are replaced or none, and the guest starts. If it does not start, the previous
// disks are put back.
type VMRestore struct {
	// requestedAt is the time of the request, such as 2026-03-01T12:00:00Z. The restore is carried out only if this time
	// is later than the creation of the WukongVM, and later than the last restore that was handled. A manifest that is
	// applied again, also after the WukongVM was deleted, therefore restores nothing. If the time is in the future, the
	// restore begins at that time. It is in UTC and whole seconds.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Format=date-time
	// +kubebuilder:validation:Pattern=`^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$`
	RequestedAt metav1.Time `json:"requestedAt,omitzero"`

	// snapshotRef names a WukongSnapshot of the WukongVM, or of one of its disks. After the restore it may be deleted.
	// +required
	SnapshotRef LocalObjectReference `json:"snapshotRef,omitzero"`

	// disks are names in spec.disks. Omitted, all disks that the snapshot contains. The other disks stay as they are.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=40
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Disks []string `json:"disks,omitempty"`

	// stop determines who stops the guest when all disks are filled.
	// +optional
	// +default="Graceful"
	Stop RestoreStop `json:"stop,omitempty"`

	// safetySnapshot determines whether a WukongSnapshot of the stopped WukongVM is taken before its disks are replaced.
	// +optional
	// +default="Take"
	SafetySnapshot SafetySnapshot `json:"safetySnapshot,omitempty"`

	// safetyTTLSeconds is how many seconds after it was taken that WukongSnapshot is deleted.
	// +optional
	// +default=604800
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=31536000
	SafetyTTLSeconds *int64 `json:"safetyTTLSeconds,omitempty"`

	// successWhen is when the restore has succeeded. Until then the previous disks are kept.
	// +optional
	// +default="Running"
	SuccessWhen RestoreSuccess `json:"successWhen,omitempty"`

	// startDeadlineSeconds is the time, in seconds, that the guest has to start on the restored disks. Afterwards the
	// previous disks are put back.
	// +optional
	// +default=600
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=86400
	StartDeadlineSeconds *int64 `json:"startDeadlineSeconds,omitempty"`
}

// RestorePhase is the progress of the restore of a WukongVM.
// +kubebuilder:validation:Enum=Pending;Filling;Stopping;Safety;Switching;Starting;Switched;RollingBack;Succeeded;Failed;RolledBack;NotRolledBack;Cancelled;Skipped
type RestorePhase string

const (
	// RestorePending means that nothing was begun; the condition Restored reports what the restore waits for.
	RestorePending RestorePhase = "Pending"
	// RestoreFilling means that a new claim is filled for each disk. The guest runs on.
	RestoreFilling RestorePhase = "Filling"
	// RestoreStopping means that all new claims are filled, and the guest shuts down.
	RestoreStopping RestorePhase = "Stopping"
	// RestoreSafety means that the safety snapshot of the stopped WukongVM is taken.
	RestoreSafety RestorePhase = "Safety"
	// RestoreSwitching means that the new claims replace the previous ones.
	RestoreSwitching RestorePhase = "Switching"
	// RestoreStarting means that the guest starts on the new claims.
	RestoreStarting RestorePhase = "Starting"
	// RestoreSwitched means that the new claims are in use, and powerState is Stopped. The previous claims are kept until
	// the guest has started.
	RestoreSwitched RestorePhase = "Switched"
	// RestoreRollingBack means that the guest did not start, and the previous claims are put back.
	RestoreRollingBack RestorePhase = "RollingBack"
	// RestoreSucceeded means that the guest runs on the restored disks.
	RestoreSucceeded RestorePhase = "Succeeded"
	// RestoreFailed means that no disk was replaced.
	RestoreFailed RestorePhase = "Failed"
	// RestoreRolledBack means that the guest did not start on the restored disks, and has the previous ones again.
	RestoreRolledBack RestorePhase = "RolledBack"
	// RestoreNotRolledBack means that the guest did not start on the restored disks, and that a previous claim could not
	// be put back, because it was deleted.
	RestoreNotRolledBack RestorePhase = "NotRolledBack"
	// RestoreCancelled means that the request was withdrawn before any disk was replaced.
	RestoreCancelled RestorePhase = "Cancelled"
	// RestoreSkipped means that the request was not carried out, because of its time.
	RestoreSkipped RestorePhase = "Skipped"
)

// VMRestoreStatus is the last restore of a WukongVM. The condition Restored reports what it waits for, or how it ended.
type VMRestoreStatus struct {
	// phase is the progress of the restore. The controllers of the disks act on it.
	// +required
	Phase RestorePhase `json:"phase,omitempty"`

	// since is when this phase began.
	// +optional
	Since metav1.Time `json:"since,omitzero"`

	// request is the restore that was requested, as it was when it began. It continues to the end even if spec.restore
	// changes after disks were replaced.
	// +required
	Request VMRestore `json:"request,omitzero"`

	// disks that are restored.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Disks []VMRestoreDisk `json:"disks,omitempty"`

	// notInSnapshot are the disks of the WukongVM that the snapshot does not contain. They stay as they are.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=40
	NotInSnapshot []string `json:"notInSnapshot,omitempty"`

	// safetySnapshotName is the WukongSnapshot of the WukongVM before its disks were replaced.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SafetySnapshotName string `json:"safetySnapshotName,omitempty"`

	// cause is why the restore failed, was rolled back, cancelled or skipped.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Cause string `json:"cause,omitempty"`

	// reason is the cause as one CamelCase word.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`
}

// VMRestoreDisk is a disk that is restored.
type VMRestoreDisk struct {
	// name of the disk in spec.disks.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Name string `json:"name,omitempty"`

	// diskName is the name of the WukongDisk.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	DiskName string `json:"diskName,omitempty"`

	// volumeSnapshotName is the VolumeSnapshot from which the new claim is filled.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	VolumeSnapshotName string `json:"volumeSnapshotName,omitempty"`

	// previousClaimName is the PersistentVolumeClaim that the disk had before. It is kept until the restore has ended.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PreviousClaimName string `json:"previousClaimName,omitempty"`
}

// DiskRestorePhase is the progress of the restore of one disk.
// +kubebuilder:validation:Enum=Filling;Filled;InUse;Returned;Failed;Done
type DiskRestorePhase string

const (
	// DiskRestoreFilling means that the new claim is being filled. The guest has the previous one.
	DiskRestoreFilling DiskRestorePhase = "Filling"
	// DiskRestoreFilled means that the new claim is filled. The guest has the previous one.
	DiskRestoreFilled DiskRestorePhase = "Filled"
	// DiskRestoreInUse means that the new claim holds the disk, and the previous one is kept.
	DiskRestoreInUse DiskRestorePhase = "InUse"
	// DiskRestoreReturned means that the previous claim holds the disk again. The new one is about to be deleted.
	DiskRestoreReturned DiskRestorePhase = "Returned"
	// DiskRestoreFailed means that the new claim cannot be filled, or was lost.
	DiskRestoreFailed DiskRestorePhase = "Failed"
	// DiskRestoreDone means that the new claim holds the disk, and the previous one is no longer kept.
	DiskRestoreDone DiskRestorePhase = "Done"
)

// DiskRestore is the restore of a disk from a snapshot, on request of its WukongVM.
type DiskRestore struct {
	// requestedAt is the time of the request of the WukongVM.
	// +required
	RequestedAt metav1.Time `json:"requestedAt,omitzero"`

	// phase is the progress. The controller of the WukongVM acts on it.
	// +required
	Phase DiskRestorePhase `json:"phase,omitempty"`

	// volumeSnapshotName is the VolumeSnapshot from which the new claim is filled.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	VolumeSnapshotName string `json:"volumeSnapshotName,omitempty"`

	// targetClaimName is the new PersistentVolumeClaim.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	TargetClaimName string `json:"targetClaimName,omitempty"`

	// previousClaimName is the PersistentVolumeClaim that the disk had before. It is empty if that was deleted.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PreviousClaimName string `json:"previousClaimName,omitempty"`

	// message reports how far the new claim is filled, or why it is not.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}
