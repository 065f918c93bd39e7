package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MaxScheduleName is the maximum number of characters in the name of a WukongSnapshotSchedule: the name of a snapshot
// adds a date and a time to it.
const MaxScheduleName = 49

// LabelSchedule is on the WukongSnapshots of a WukongSnapshotSchedule, and on the WukongClone of a trial. Its value is
// the name of the schedule: one that is deleted and created again continues with its snapshots.
const LabelSchedule = GroupName + "/schedule"

// LabelPinned on a WukongSnapshot is "true" if no schedule may delete it. It does not count for retention either.
const LabelPinned = GroupName + "/pinned"

// ScheduleDeletion determines what happens to the snapshots of a WukongSnapshotSchedule when it is deleted.
// +kubebuilder:validation:Enum=Keep;Delete
type ScheduleDeletion string

const (
	// ScheduleDeletionKeep keeps the snapshots. A schedule that is created again with the same name continues with
	// them.
	ScheduleDeletionKeep ScheduleDeletion = "Keep"
	// ScheduleDeletionDelete deletes the snapshots with the schedule.
	ScheduleDeletionDelete ScheduleDeletion = "Delete"
)

// WukongSnapshotScheduleSpec describes when snapshots are taken, and how long they are kept.
//
// +kubebuilder:validation:XValidation:rule="self.template.spec.source == oldSelf.template.spec.source",message="template.spec.source cannot change: create another WukongSnapshotSchedule"
// +kubebuilder:validation:XValidation:rule="!has(self.trial) || has(self.template.spec.source.vmRef)",message="trial starts a guest: it needs template.spec.source.vmRef"
type WukongSnapshotScheduleSpec struct {
	// wukongRef names the application that the schedule belongs to. The Wukong need not exist yet. The snapshots do not
	// belong to it: they outlive the application, unless onDelete is Delete.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// schedule determines when snapshots are taken, as a cron expression with five fields, or as @hourly, @daily,
	// @weekly, @monthly or @yearly, for example "0 3 * * *".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[^ @]+( +[^ ]+){4})$')",message="schedule must be the five fields of cron, for example 0 3 * * *, or @hourly, @daily, @weekly, @monthly or @yearly"
	Schedule string `json:"schedule,omitempty"`

	// timeZone of schedule and trial.schedule, a name of the IANA time zone database such as Europe/Vienna. Omitted,
	// UTC. A time that does not exist because clocks are put forward comes when the missing hour is over. A time that
	// comes twice because clocks are put back counts once. An expression that matches every hour continues through
	// both.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$`
	TimeZone string `json:"timeZone,omitempty"`

	// suspend stops new snapshots and trials. Old snapshots are deleted as before, and WithinRPO is reported as before.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`

	// jitterSeconds delays each snapshot by up to that many seconds, so that many schedules do not begin at the same
	// moment. The delay follows from the UID of the schedule and the scheduled time.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3600
	JitterSeconds *int64 `json:"jitterSeconds,omitempty"`

	// startingDeadlineSeconds is how late a snapshot may be taken, or a trial begin, in seconds after its scheduled
	// time, for example because Wukong did not run. Of several missed times, only the last one counts.
	// +optional
	// +default=3600
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=604800
	StartingDeadlineSeconds *int64 `json:"startingDeadlineSeconds,omitempty"`

	// rpoSeconds is the recovery point objective: the maximum age, in seconds, of the newest snapshot. The condition
	// WithinRPO reports whether it is met. Omitted, there is no such condition.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=31536000
	RPOSeconds *int64 `json:"rpoSeconds,omitempty"`

	// retention determines which snapshots are deleted.
	// +required
	Retention SnapshotRetention `json:"retention,omitzero"`

	// template of the snapshots.
	// +required
	Template SnapshotTemplate `json:"template,omitzero"`

	// onDelete determines what happens to the snapshots when the schedule is deleted. Omitted, Keep.
	// +optional
	OnDelete ScheduleDeletion `json:"onDelete,omitempty"`

	// trial regularly restores the newest snapshot into a temporary WukongVM, and starts it.
	// +optional
	Trial *TrialRestore `json:"trial,omitempty"`

	// backup copies successful snapshots out of the cluster.
	// +optional
	Backup *ScheduledBackup `json:"backup,omitempty"`
}

// SnapshotRetention determines which snapshots of a schedule are deleted: those beyond maxCount, and those older than
// maxAgeSeconds. The newest successful one is never deleted, however old it is. Neither are those with the label
// vm.novasphere.dev/pinned: "true", which do not count either, and those from which something is being restored or
// cloned.
//
// +kubebuilder:validation:XValidation:rule="has(self.maxCount) || has(self.maxAgeSeconds)",message="retention needs maxCount, maxAgeSeconds, or both"
type SnapshotRetention struct {
	// maxCount is how many successful snapshots are kept.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxCount *int32 `json:"maxCount,omitempty"`

	// maxAgeSeconds is the age, in seconds, at which a successful snapshot is deleted.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=315360000
	MaxAgeSeconds *int64 `json:"maxAgeSeconds,omitempty"`

	// failedToKeep is how many failed snapshots are kept, to see why they failed.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	FailedToKeep *int32 `json:"failedToKeep,omitempty"`
}

// SnapshotTemplate is what each WukongSnapshot of a schedule is made from.
type SnapshotTemplate struct {
	// labels of the WukongSnapshots.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('vm.novasphere.dev/') && size(k) <= 317 && size(self[k]) <= 63)",message="labels are at most 63 characters long, and those of vm.novasphere.dev/ are set by Wukong"
	Labels map[string]string `json:"labels,omitempty"`

	// spec of the WukongSnapshots. The fields are those of a WukongSnapshot, with the same defaults.
	// +required
	Spec SnapshotTemplateSpec `json:"spec,omitzero"`
}

// SnapshotTemplateSpec is the part of the spec of a WukongSnapshot that a schedule determines.
type SnapshotTemplateSpec struct {
	// source of the snapshots.
	// +required
	Source SnapshotSource `json:"source,omitzero"`

	// requiredConsistency is the minimum consistency. Omitted, Any.
	// +optional
	RequiredConsistency SnapshotConsistency `json:"requiredConsistency,omitempty"`

	// freezeTimeoutSeconds is how long the file systems of a running guest may be frozen, in seconds. Omitted, 30.
	// +optional
	// +kubebuilder:validation:Minimum=5
	// +kubebuilder:validation:Maximum=300
	FreezeTimeoutSeconds *int32 `json:"freezeTimeoutSeconds,omitempty"`

	// volumeSnapshotClassName to use. Omitted, the default class of the driver of each disk.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	VolumeSnapshotClassName string `json:"volumeSnapshotClassName,omitempty"`

	// failureDeadlineSeconds is the time, in seconds after a snapshot began, after which it fails if it is unfinished.
	// Omitted, 300.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=86400
	FailureDeadlineSeconds *int64 `json:"failureDeadlineSeconds,omitempty"`

	// cloneableFrom lists other namespaces whose disks may be created from the snapshots; "*" means all namespaces.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:XValidation:rule="self == '*' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="must be the name of a namespace, or * for all"
	CloneableFrom []string `json:"cloneableFrom,omitempty"`
}

// TrialRestore restores the newest successful snapshot into a temporary WukongVM, the name of which is that of the
// schedule with the suffix -trial. Its network is unplugged (overrides.isolated of the WukongClone). When the guest has
// started, or has not in time, the WukongVM and its disks are deleted. One trial runs at a time; one that takes more
// than half an hour no longer delays those of other namespaces.
type TrialRestore struct {
	// schedule determines when a trial begins, as spec.schedule does for snapshots.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[^ @]+( +[^ ]+){4})$')",message="schedule must be the five fields of cron, for example 0 3 * * *, or @hourly, @daily, @weekly, @monthly or @yearly"
	Schedule string `json:"schedule,omitempty"`

	// timeoutSeconds is how long a trial may take, in seconds, including the copies of the disks. A guest whose
	// cloud-init waits for a network takes longer than usual.
	// +optional
	// +default=1800
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=86400
	TimeoutSeconds *int64 `json:"timeoutSeconds,omitempty"`

	// successWhen is when a trial has succeeded. Running means that the guest has run for 60 seconds.
	// +optional
	// +default="Running"
	SuccessWhen RestoreSuccess `json:"successWhen,omitempty"`

	// cpu of the temporary WukongVM. Omitted, that of the snapshot.
	// +optional
	CPU *CPU `json:"cpu,omitempty"`

	// memory of the temporary WukongVM. Omitted, that of the snapshot.
	// +optional
	Memory *Memory `json:"memory,omitempty"`

	// storageClassName of the temporary disks. Omitted, that of each disk.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	StorageClassName string `json:"storageClassName,omitempty"`
}

// ScheduledBackup copies each successful snapshot by a WukongBackup, which has the name of the snapshot. While a copy
// is being made, none of another snapshot begins; then only the newest snapshot is copied.
type ScheduledBackup struct {
	// target of the copies. Each schedule has a folder of its own in it: namespace/name of the schedule.
	// +required
	Target BackupTarget `json:"target,omitzero"`

	// retention deletes old copies of this schedule. Omitted, none is deleted.
	// +optional
	Retention *BackupRetention `json:"retention,omitempty"`
}

// SchedulePhase is a one-word summary of a schedule.
// +kubebuilder:validation:Enum=Active;Taking;Trying;Suspended;Error
type SchedulePhase string

// Phases of WukongSnapshotSchedule.
const (
	// ScheduleActive: the next snapshot is taken at status.nextScheduleTime.
	ScheduleActive SchedulePhase = "Active"
	// ScheduleTaking: a snapshot is being taken.
	ScheduleTaking SchedulePhase = "Taking"
	// ScheduleTrying: a trial is running.
	ScheduleTrying SchedulePhase = "Trying"
	// ScheduleSuspended: spec.suspend is true.
	ScheduleSuspended SchedulePhase = "Suspended"
	// ScheduleError: no snapshot can be taken, or none was taken at the last scheduled time; the condition Ready
	// reports why.
	ScheduleError SchedulePhase = "Error"
)

// WukongSnapshotScheduleStatus is the observed state of the schedule.
type WukongSnapshotScheduleStatus struct {
	// conditions: Ready, WithinRPO, TrialPassed, BackedUp, UmbrellaLinked.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +wukong:hint
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status describes.
	// +optional
	// +wukong:hint
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// phase is a one-word summary for users.
	// +optional
	Phase SchedulePhase `json:"phase,omitempty"`

	// lastScheduleTime is the last scheduled time that was handled: a snapshot was created for it, or it was missed.
	// +optional
	// +wukong:ledger
	LastScheduleTime *metav1.Time `json:"lastScheduleTime,omitempty"`

	// nextScheduleTime is the next scheduled time, without the delay of jitterSeconds.
	// +optional
	NextScheduleTime *metav1.Time `json:"nextScheduleTime,omitempty"`

	// missed is the number of scheduled times for which no snapshot was taken, because Wukong did not run, another
	// snapshot was not finished, or the source was missing. Times while suspend is true are not counted.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +wukong:ledger
	Missed int64 `json:"missed,omitempty"`

	// kept is the number of successful snapshots, without pinned ones.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Kept int32 `json:"kept,omitempty"`

	// lastSnapshot is the newest successful snapshot.
	// +optional
	LastSnapshot *ScheduledSnapshot `json:"lastSnapshot,omitempty"`

	// lastMissed is the last scheduled time for which no snapshot was taken.
	// +optional
	// +wukong:ledger
	LastMissed *MissedSnapshot `json:"lastMissed,omitempty"`

	// lastTrialScheduleTime is the last scheduled time of a trial that was handled: the trial began, or it was too
	// late.
	// +optional
	// +wukong:ledger
	LastTrialScheduleTime *metav1.Time `json:"lastTrialScheduleTime,omitempty"`

	// lastTrial is the last trial that has ended.
	// +optional
	// +wukong:ledger
	LastTrial *TrialStatus `json:"lastTrial,omitempty"`

	// lastBackup is the last WukongBackup of the schedule that has ended.
	// +optional
	// +wukong:ledger
	LastBackup *ScheduledBackupStatus `json:"lastBackup,omitempty"`
}

// BackupResult is how a backup ended.
// +kubebuilder:validation:Enum=Succeeded;Failed
type BackupResult string

const (
	// BackupSucceeded means that the backup is complete.
	BackupSucceeded BackupResult = "Succeeded"
	// BackupFailed means that it is not.
	BackupFailed BackupResult = "Failed"
)

// ScheduledBackupStatus is a backup that has ended.
type ScheduledBackupStatus struct {
	// snapshotName is the WukongSnapshot that was copied.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SnapshotName string `json:"snapshotName,omitempty"`

	// takenAt is the point in time of the snapshot.
	// +optional
	TakenAt *metav1.Time `json:"takenAt,omitempty"`

	// completionTime is when the backup ended.
	// +required
	CompletionTime metav1.Time `json:"completionTime,omitzero"`

	// result is how it ended.
	// +required
	Result BackupResult `json:"result,omitempty"`

	// location is the URL of the manifest that restores it.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Location string `json:"location,omitempty"`

	// message explains why it failed, or why old backups could not be deleted.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// MissedSnapshot is a scheduled time for which no snapshot was taken.
type MissedSnapshot struct {
	// scheduleTime is the scheduled time.
	// +required
	ScheduleTime metav1.Time `json:"scheduleTime,omitzero"`

	// message explains why no snapshot was taken.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// ScheduledSnapshot is a successful snapshot of a schedule.
type ScheduledSnapshot struct {
	// name of the WukongSnapshot.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// takenAt is the point in time of the snapshot.
	// +required
	TakenAt metav1.Time `json:"takenAt,omitzero"`

	// consistency that the snapshot reached.
	// +optional
	Consistency SnapshotConsistency `json:"consistency,omitempty"`
}

// TrialResult is how a trial ended.
// +kubebuilder:validation:Enum=Passed;Failed
type TrialResult string

const (
	// TrialPassed means that the guest started from the snapshot.
	TrialPassed TrialResult = "Passed"
	// TrialFailed means that it did not.
	TrialFailed TrialResult = "Failed"
)

// TrialStatus is a trial that has ended.
type TrialStatus struct {
	// snapshotName is the WukongSnapshot that was restored.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SnapshotName string `json:"snapshotName,omitempty"`

	// startTime is when the trial began.
	// +required
	StartTime metav1.Time `json:"startTime,omitzero"`

	// completionTime is when the trial ended.
	// +required
	CompletionTime metav1.Time `json:"completionTime,omitzero"`

	// result is how it ended.
	// +required
	Result TrialResult `json:"result,omitempty"`

	// message explains why it failed.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// WukongSnapshotSchedule takes WukongSnapshots of a WukongVM or WukongDisk at scheduled times, and deletes old ones.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wksched,categories=wukong-all
// +kubebuilder:printcolumn:name="Schedule",type=string,JSONPath=`.spec.schedule`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Last",type=date,JSONPath=`.status.lastSnapshot.takenAt`
// +kubebuilder:printcolumn:name="Kept",type=integer,JSONPath=`.status.kept`
// +kubebuilder:printcolumn:name="RPO",type=string,JSONPath=`.status.conditions[?(@.type=="WithinRPO")].status`
// +kubebuilder:printcolumn:name="Trial",type=string,JSONPath=`.status.conditions[?(@.type=="TrialPassed")].status`
// +kubebuilder:printcolumn:name="Backup",type=string,JSONPath=`.status.lastBackup.result`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 49 && !self.metadata.name.contains('.')",message="the name of a WukongSnapshotSchedule may have at most 49 characters and no dot: its snapshots are named after it"
type WukongSnapshotSchedule struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec WukongSnapshotScheduleSpec `json:"spec,omitzero"`

	// status is the observed state.
	// +optional
	Status WukongSnapshotScheduleStatus `json:"status,omitempty"`
}

// WukongSnapshotScheduleList is a list of WukongSnapshotSchedules.
//
// +kubebuilder:object:root=true
type WukongSnapshotScheduleList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WukongSnapshotSchedule `json:"items"`
}

func init() { register(&WukongSnapshotSchedule{}, &WukongSnapshotScheduleList{}) }

// GetConditions implements Object.
func (o *WukongSnapshotSchedule) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongSnapshotSchedule) SetConditions(conditions []metav1.Condition) {
	o.Status.Conditions = conditions
}

// GetPhase implements Object.
func (o *WukongSnapshotSchedule) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongSnapshotSchedule) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }
