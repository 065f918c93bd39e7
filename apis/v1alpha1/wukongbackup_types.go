package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LabelBackup is on the WukongExports of a WukongBackup, and on the pod that completes it. Its value is the name of the
// WukongBackup.
const LabelBackup = GroupName + "/backup"

// WukongBackupSpec names the snapshot that is copied out of the cluster, and where to. A backup is made once.
//
// +kubebuilder:validation:XValidation:rule="self.snapshotRef == oldSelf.snapshotRef",message="snapshotRef cannot change: a backup is made once; create another WukongBackup"
// +kubebuilder:validation:XValidation:rule="self.target == oldSelf.target",message="target cannot change: a backup is made once; create another WukongBackup"
// +kubebuilder:validation:XValidation:rule="has(self.retention) == has(oldSelf.retention) && (!has(self.retention) || self.retention == oldSelf.retention)",message="retention cannot change: a backup is made once; create another WukongBackup"
type WukongBackupSpec struct {
	// wukongRef names the application that the backup belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// snapshotRef names the WukongSnapshot that is copied: of a WukongVM or of a WukongDisk. The backup waits until it is
	// complete.
	// +required
	SnapshotRef LocalObjectReference `json:"snapshotRef,omitzero"`

	// target of the copy.
	// +required
	Target BackupTarget `json:"target,omitzero"`

	// retention deletes old backups in the folder of target, once this one is complete. Omitted, none is deleted.
	// +optional
	Retention *BackupRetention `json:"retention,omitempty"`

	// ttlSecondsAfterFinished deletes the WukongBackup that many seconds after it succeeded or failed. The data at the
	// target stays. Omitted, the WukongBackup is not deleted automatically.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=31536000
	TTLSecondsAfterFinished *int64 `json:"ttlSecondsAfterFinished,omitempty"`
}

// BackupTarget is where a backup is written to.
type BackupTarget struct {
	// s3 is a folder in a bucket.
	// +required
	S3 S3BackupTarget `json:"s3,omitzero"`
}

// S3BackupTarget is a folder in an S3 bucket.
type S3BackupTarget struct {
	// url of the folder, as HTTP URL: https://endpoint/bucket/folder. The bucket must exist. Each backup is a folder in
	// it, with the name of the WukongBackup.
	// +required
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@]+/[^/?#]+(/[^/?#]+)*$')",message="url must be https://endpoint/bucket/folder (or http), without user, query and a slash at the end"
	URL string `json:"url,omitempty"`

	// region of the bucket.
	// +optional
	// +default="us-east-1"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Region string `json:"region,omitempty"`

	// secretRef names a Secret with the credentials: keys accessKeyId and secretKey. They must permit to read, write, list
	// and, for retention, to delete.
	// +required
	SecretRef LocalObjectReference `json:"secretRef,omitzero"`

	// certConfigMapRef names a ConfigMap with CA certificates to trust in addition to the well-known ones, in PEM.
	// +optional
	CertConfigMapRef *LocalObjectReference `json:"certConfigMapRef,omitempty"`

	// encryption of the disks and of the manifest. Omitted, they are not encrypted.
	// +optional
	Encryption *Encryption `json:"encryption,omitempty"`
}

// BackupRetention determines which backups of a folder are deleted: those beyond maxCount, and those older than
// maxAgeSeconds. The newest one is never deleted. Neither is one with an object named pinned in its folder, which does
// not count either.
//
// +kubebuilder:validation:XValidation:rule="has(self.maxCount) || has(self.maxAgeSeconds)",message="retention needs maxCount, maxAgeSeconds, or both"
type BackupRetention struct {
	// maxCount is how many backups are kept.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxCount *int32 `json:"maxCount,omitempty"`

	// maxAgeSeconds is the age, in seconds since its snapshot was taken, at which a backup is deleted.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=315360000
	MaxAgeSeconds *int64 `json:"maxAgeSeconds,omitempty"`
}

// WukongBackupStatus is the observed state of the backup. After completionTime is set, it does not change.
type WukongBackupStatus struct {
	OperationStatus `json:",inline"`

	// takenAt is the point in time of the snapshot.
	// +optional
	// +wukong:ledger
	TakenAt *metav1.Time `json:"takenAt,omitempty"`

	// disks that are copied.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	// +wukong:ledger
	Disks []BackupDiskStatus `json:"disks,omitempty"`

	// progressPercent is the share of the bytes that are written, in steps of ten.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +wukong:ledger
	ProgressPercent *int32 `json:"progressPercent,omitempty"`

	// sizeBytes of all files at the target.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +wukong:ledger
	SizeBytes int64 `json:"sizeBytes,omitempty"`

	// location is the URL of the manifest at the target. It restores the backup when it is applied to a cluster.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +wukong:ledger
	Location string `json:"location,omitempty"`

	// deletedBackups is how many old backups were deleted at the target.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +wukong:ledger
	DeletedBackups int32 `json:"deletedBackups,omitempty"`

	// warning is why old backups could not be deleted. The backup itself is complete.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	// +wukong:ledger
	Warning string `json:"warning,omitempty"`
}

// BackupDiskStatus is a disk of a backup.
type BackupDiskStatus struct {
	// name of the disk: of the entry in spec.disks of the WukongVM, or of the WukongDisk.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// exportName is the WukongExport that copies the disk. It is deleted when the backup has succeeded.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ExportName string `json:"exportName,omitempty"`

	// location is the URL of the file at the target.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Location string `json:"location,omitempty"`

	// sizeBytes of the file at the target.
	// +optional
	// +kubebuilder:validation:Minimum=0
	SizeBytes int64 `json:"sizeBytes,omitempty"`

	// checksum of the file at the target, as sha256:<hex>.
	// +optional
	// +kubebuilder:validation:MaxLength=71
	Checksum string `json:"checksum,omitempty"`
}

// WukongBackup copies a WukongSnapshot into an S3 bucket: its disks, and a manifest that restores it in any cluster.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wkbackup,categories=wukong-all
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Snapshot",type=string,JSONPath=`.spec.snapshotRef.name`
// +kubebuilder:printcolumn:name="Progress",type=integer,JSONPath=`.status.progressPercent`
// +kubebuilder:printcolumn:name="Size",type=integer,JSONPath=`.status.sizeBytes`
// +kubebuilder:printcolumn:name="Location",type=string,JSONPath=`.status.location`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="the name of a WukongBackup has at most 63 lower-case letters, digits and hyphens, and no dot: a label and a folder have it, too"
type WukongBackup struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec WukongBackupSpec `json:"spec,omitzero"`

	// status is the observed state.
	// +optional
	Status WukongBackupStatus `json:"status,omitempty"`
}

// WukongBackupList is a list of WukongBackups.
//
// +kubebuilder:object:root=true
type WukongBackupList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WukongBackup `json:"items"`
}

func init() { register(&WukongBackup{}, &WukongBackupList{}) }

// GetConditions implements Object.
func (o *WukongBackup) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongBackup) SetConditions(conditions []metav1.Condition) { o.Status.Conditions = conditions }

// GetPhase implements Object.
func (o *WukongBackup) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongBackup) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// Finished implements Operation.
func (o *WukongBackup) Finished() bool { return o.Status.Finished() }

// OperationStatus implements Operation.
func (o *WukongBackup) OperationStatus() *OperationStatus { return &o.Status.OperationStatus }

// TTLAfterFinished implements Operation.
func (o *WukongBackup) TTLAfterFinished() *int64 { return o.Spec.TTLSecondsAfterFinished }
