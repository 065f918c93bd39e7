package v1alpha1

// Condition types. Every condition follows the Kubernetes convention: True is good, and Unknown means not observed yet.
// The message names the object concerned and what to do.
const (
	// ConditionReady summarises the state of an object, for every kind. If it is False, the message names the object
	// that is the cause, and the next step.
	ConditionReady = "Ready"
	// ConditionUmbrellaLinked is False while spec.wukongRef names a Wukong that does not exist. The object works
	// nevertheless. It is linked once the Wukong is created.
	ConditionUmbrellaLinked = "UmbrellaLinked"

	// ConditionDisksReady on a WukongVM: every disk's claim is bound and its content is complete.
	ConditionDisksReady = "DisksReady"
	// ConditionNetworksReady on a WukongVM: every network that it uses is ready, and its addresses are valid.
	ConditionNetworksReady = "NetworksReady"
	// ConditionCloudInitReady on a WukongVM: all Secrets with cloud-init data exist and are valid.
	ConditionCloudInitReady = "CloudInitReady"
	// ConditionServicesReady on a WukongVM with services: all Services exist as spec defines them and, while this
	// WukongVM runs, have an endpoint. Absent without services.
	ConditionServicesReady = "ServicesReady"
	// ConditionPolicyReady on a WukongVM that has a traffic policy, of its own or of its network: the NetworkPolicy
	// contains the rules of both, and the cluster's network plugin enforces it. Unknown if it is not known whether the
	// plugin enforces it. Absent without a policy.
	ConditionPolicyReady = "PolicyReady"
	// ConditionSynchronized on a WukongVM: KubeVirt's VirtualMachine matches the spec.
	ConditionSynchronized = "Synchronized"
	// ConditionGuestAgentConnected on a WukongVM: qemu-guest-agent in the guest answers.
	ConditionGuestAgentConnected = "GuestAgentConnected"
	// ConditionLiveMigratable on a WukongVM: KubeVirt can migrate the running guest to another node.
	ConditionLiveMigratable = "LiveMigratable"
	// ConditionRestartRequired on a WukongVM: True while a change of spec takes effect only after a restart of the
	// guest.
	ConditionRestartRequired = "RestartRequired"

	// ConditionRestored on a WukongDisk: False while the disk is being restored from a snapshot; the message reports the
	// progress. Absent otherwise. On a WukongVM with spec.restore: the disks were restored from the snapshot, or the
	// request was skipped. If it is False, the message reports the progress, or why the restore failed. Absent without
	// spec.restore.
	ConditionRestored = "Restored"

	// ConditionHostBridgeReady on a WukongNetwork with a managed bridge: every selected node has the bridge in its desired
	// state. Absent on other networks.
	ConditionHostBridgeReady = "HostBridgeReady"

	// ConditionComplete on a WukongDisk: all its bytes are there. Only then can it be used, cloned, exported and
	// snapshotted. It stays True while the disk grows, and when the disk cannot grow to the size in its spec.
	ConditionComplete = "Complete"
	// ConditionStorageMoved on a WukongDisk: False while the disk is not on the StorageClass that its spec names.
	// Absent otherwise.
	ConditionStorageMoved = "StorageMoved"

	// ConditionWithinRPO on a WukongSnapshotSchedule with rpoSeconds: the newest snapshot is not older than that. Absent
	// without rpoSeconds.
	ConditionWithinRPO = "WithinRPO"
	// ConditionTrialPassed on a WukongSnapshotSchedule with a trial: the last trial restored a snapshot into a guest that
	// started. Unknown before the first one. Absent without a trial.
	ConditionTrialPassed = "TrialPassed"

	// ConditionBackedUp on a WukongSnapshotSchedule with a backup: the last backup is complete. Unknown before the first
	// one. Absent without backup.
	ConditionBackedUp = "BackedUp"

	// ConditionUpToDate on a WukongImage: the current version is the one that the source had when it was last checked.
	ConditionUpToDate = "UpToDate"
	// ConditionCompleted on a WukongExport: True once the bytes are at the target. False with reason Failed or Expired
	// is final, too.
	ConditionCompleted = "Completed"

	// ConditionChildrenReady on a Wukong: every WukongVM, WukongDisk, WukongImage and WukongNetwork is ready.
	ConditionChildrenReady = "ChildrenReady"
)

// Reasons that several kinds share.
const (
	// ReasonReady: the actual state is the desired state.
	ReasonReady = "Ready"
	// ReasonPending: work has begun and nothing is wrong.
	ReasonPending = "Pending"
	// ReasonTerminating: the object is being deleted; the message reports what it waits for.
	ReasonTerminating = "Terminating"
	// ReasonDependencyMissing: an API that the object needs is not served by the cluster (CDI, Multus, KubeVirt).
	ReasonDependencyMissing = "DependencyMissing"
	// ReasonNameConflict: an object that is not managed by Wukong has a name that Wukong needs. Wukong does not change
	// it.
	ReasonNameConflict = "NameConflict"
	// ReasonInvalidSpec: the spec cannot be carried out, for a cause that admission cannot check.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonApplyRefused: the API server refused a child that Wukong applied, or the pod of a Job. The message is the
	// API server's.
	ReasonApplyRefused = "ApplyRefused"
	// ReasonReconcileError: a step failed temporarily, for example because a webhook of KubeVirt does not answer. It is
	// retried. The message is that of the error.
	ReasonReconcileError = "ReconcileError"
	// ReasonStoppedOutside is the reason of an event: the VirtualMachine of a WukongVM with powerState Running was
	// stopped by a user or another program. Wukong starts it again.
	ReasonStoppedOutside = "StoppedOutside"
	// ReasonForeignVolume: KubeVirt's VirtualMachineRestore replaced a disk with another volume. Wukong does not change
	// that volume.
	ReasonForeignVolume = "ForeignVolume"
	// ReasonGuestNotChanged: KubeVirt cannot apply a change to the running guest. The message is KubeVirt's.
	ReasonGuestNotChanged = "GuestNotChanged"
	// ReasonStartFailing: the WukongVM does not start; KubeVirt, the scheduler, kubelet or an admission policy reports
	// why. It is retried.
	ReasonStartFailing = "StartFailing"
	// ReasonNotObserved: the actual state was not observed yet.
	ReasonNotObserved = "NotObserved"
	// ReasonBytesLost: the claim that held a disk was deleted. The disk is not filled again automatically.
	ReasonBytesLost = "BytesLost"
	// ReasonClaimDeleted: the claim that holds a disk is being deleted, and is deleted once the guest has released it.
	ReasonClaimDeleted = "ClaimDeleted"
	// ReasonSourceMissing: the WukongVM, disk or snapshot that is the source does not exist.
	ReasonSourceMissing = "SourceMissing"
	// ReasonSecretMissing: a Secret, or a key of it, does not exist.
	ReasonSecretMissing = "SecretMissing"
	// ReasonSecretInvalid: a Secret's content cannot be used, for example because it holds a private key in place of a
	// public key.
	ReasonSecretInvalid = "SecretInvalid"

	// ReasonUmbrellaMissing: the Wukong that spec.wukongRef names does not exist.
	ReasonUmbrellaMissing = "UmbrellaMissing"
	// ReasonUmbrellaLinked: the owner reference to the Wukong is set.
	ReasonUmbrellaLinked = "UmbrellaLinked"
)

// Reasons of WukongDisk.
const (
	// ReasonStorageClassMissing: spec.storageClassName names no StorageClass, or none is the default.
	ReasonStorageClassMissing = "StorageClassMissing"
	// ReasonClaimMissing: the existing PersistentVolumeClaim that the disk adopts does not exist.
	ReasonClaimMissing = "ClaimMissing"
	// ReasonClaimLost: the PersistentVolumeClaim lost its volume.
	ReasonClaimLost = "ClaimLost"
	// ReasonClaimPending: the storage provisioner has not bound the claim yet.
	ReasonClaimPending = "ClaimPending"
	// ReasonProvisioningFailed: the storage provisioner could not create the volume, and retries. The message is the
	// provisioner's.
	ReasonProvisioningFailed = "ProvisioningFailed"
	// ReasonAwaitingConsumer: the StorageClass binds the claim when the first WukongVM that uses the disk is scheduled.
	// This is not an error.
	ReasonAwaitingConsumer = "AwaitingConsumer"
	// ReasonImporting: CDI copies the source into the claim.
	ReasonImporting = "Importing"
	// ReasonImportFailed: CDI could not read the source, and retries. The message is the importer's.
	ReasonImportFailed = "ImportFailed"
	// ReasonInUse: the disk is being deleted, and a WukongVM still uses it.
	ReasonInUse = "InUse"
	// ReasonAwaitingUpload: CDI waits until a user uploads the disk image. The message explains how.
	ReasonAwaitingUpload = "AwaitingUpload"
	// ReasonSourceNotReady: the source of the clone is not complete yet, or CDI does not offer a version of the image
	// yet. The message is the cause that the source reports.
	ReasonSourceNotReady = "SourceNotReady"
	// ReasonCloneNotGranted: the source of the clone is in another namespace, and either does not exist or does not
	// grant access to this namespace. The reason does not distinguish the two.
	ReasonCloneNotGranted = "CloneNotGranted"
	// ReasonExpanding: the claim grows to spec.size. WukongVMs can use the disk meanwhile.
	ReasonExpanding = "Expanding"
	// ReasonExpansionUnsupported: the StorageClass does not allow its claims to grow.
	ReasonExpansionUnsupported = "ExpansionUnsupported"
	// ReasonExpansionFailed: the storage could not expand the claim, and retries. The message is the storage's.
	ReasonExpansionFailed = "ExpansionFailed"
	// ReasonMoving: the disk is being moved to another StorageClass.
	ReasonMoving = "Moving"
	// ReasonMoveUnsupported: the disk cannot be moved in its current state, and stays on its StorageClass. The message
	// explains why, and what to do.
	ReasonMoveUnsupported = "MoveUnsupported"
	// ReasonMoveUndecided: the guest stopped while the disk moved, and it is unknown which of two claims has the newest
	// data. Both are kept until a user chooses one.
	ReasonMoveUndecided = "MoveUndecided"
	// ReasonClaimInUse: another WukongDisk already uses the claim that the disk adopts, or an instance or pod that is
	// not of the disk's owner uses the claim. The message names it.
	ReasonClaimInUse = "ClaimInUse"
	// ReasonQuotaExceeded: a ResourceQuota of the namespace does not allow the claim, or does not allow it to grow.
	ReasonQuotaExceeded = "QuotaExceeded"
)

// Reasons of WukongImage, in addition to those of WukongDisk for an import.
const (
	// ReasonUpToDate: the newest import is complete.
	ReasonUpToDate = "UpToDate"
	// ReasonAwaitingPoll: CDI's poller has not read the image's digest from the registry yet.
	ReasonAwaitingPoll = "AwaitingPoll"
)

// Reasons of WukongNetwork.
const (
	// ReasonAttachmentMissing: the NetworkAttachmentDefinition that the network refers to does not exist.
	ReasonAttachmentMissing = "AttachmentMissing"
	// ReasonHostAccessDenied: the WukongHostNetworkPolicy does not permit the namespace to use the node network on
	// which the network is based.
	ReasonHostAccessDenied = "HostAccessDenied"
	// ReasonNodeFeatureMissing: no node offers the device or switch that the network is based on. The message names the
	// resource.
	ReasonNodeFeatureMissing = "NodeFeatureMissing"
	// ReasonBindingMissing: the KubeVirt object does not register the network binding plugin that the network needs.
	ReasonBindingMissing = "BindingMissing"
	// ReasonBridgeConflict: another network defines the same managed bridge differently. The definition of the older
	// network applies.
	ReasonBridgeConflict = "BridgeConflict"
	// ReasonHostAddressAtRisk: a port of the managed bridge carries an address of a node, which would lose it.
	ReasonHostAddressAtRisk = "HostAddressAtRisk"
	// ReasonNodeStateUnknown: NMState has not reported yet which addresses the interfaces of a node have.
	ReasonNodeStateUnknown = "NodeStateUnknown"
	// ReasonConfiguringNodes: NMState is creating the managed bridge on the nodes.
	ReasonConfiguringNodes = "ConfiguringNodes"
	// ReasonNodesFailed: NMState could not create the managed bridge on a node. The message is NMState's.
	ReasonNodesFailed = "NodesFailed"
)

// Reasons of WukongVM.
const (
	// ReasonWaitingForDisk: a disk is missing or not ready. The message is the cause that the disk reports.
	ReasonWaitingForDisk = "WaitingForDisk"
	// ReasonDiskInUse: a disk is assigned to another WukongVM. The message names it.
	ReasonDiskInUse = "DiskInUse"
	// ReasonBootDiskInUse: the disk that the running guest booted from was removed from spec.disks. It stays attached
	// until the guest stops.
	ReasonBootDiskInUse = "BootDiskInUse"
	// ReasonWaitingForNetwork: a network is missing or not ready. The message is the cause that the network reports.
	ReasonWaitingForNetwork = "WaitingForNetwork"
	// ReasonAddressInvalid: an address of the WukongVM does not fit the network, for example because it is outside of
	// its subnets.
	ReasonAddressInvalid = "AddressInvalid"
	// ReasonBandwidthUnsupported: an interface has a bandwidth limit, and its network cannot enforce one.
	ReasonBandwidthUnsupported = "BandwidthUnsupported"
	// ReasonMigrationRequired: an interface can be plugged in or unplugged only by a live migration of the guest.
	ReasonMigrationRequired = "MigrationRequired"
	// ReasonPoolExhausted: the pools of a network have no free address. The WukongVM gets one as soon as another
	// WukongVM releases one.
	ReasonPoolExhausted = "PoolExhausted"
	// ReasonAddressInUse: another WukongVM has the address, or it is reserved for one.
	ReasonAddressInUse = "AddressInUse"
	// ReasonMACInUse: another WukongVM on the same segment has the MAC address.
	ReasonMACInUse = "MACInUse"
	// ReasonAddressObservedElsewhere: the guest uses an address that is assigned to another WukongVM.
	ReasonAddressObservedElsewhere = "AddressObservedElsewhere"
	// ReasonServiceUnreachable: a Service cannot reach the WukongVM, because it has no interface on the pod network.
	ReasonServiceUnreachable = "ServiceUnreachable"
	// ReasonServicePending: the WukongVM runs, and one of its Services has no endpoint yet.
	ReasonServicePending = "ServicePending"
	// ReasonPolicyUnsupported: a policy cannot apply to the WukongVM, because it has no interface on the pod network.
	ReasonPolicyUnsupported = "PolicyUnsupported"
	// ReasonEnforcementMissing: the cluster's network plugin does not enforce NetworkPolicies, so that a policy would
	// have no effect.
	ReasonEnforcementMissing = "EnforcementMissing"
	// ReasonEnforcementUnverified: it is not known whether the cluster's network plugin enforces NetworkPolicies.
	ReasonEnforcementUnverified = "EnforcementUnverified"
	// ReasonStarting: the WukongVM is being started.
	ReasonStarting = "Starting"
	// ReasonRunning: the guest runs.
	ReasonRunning = "Running"
	// ReasonStopped: the WukongVM is stopped, as powerState requires.
	ReasonStopped = "Stopped"
	// ReasonStopping: the guest is shutting down.
	ReasonStopping = "Stopping"
	// ReasonCleanUpFailed is the reason of an event: a child that an object no longer needs could not be deleted.
	ReasonCleanUpFailed = "CleanUpFailed"
	// ReasonDiskIOError: the guest is paused because a disk could not be read or written.
	ReasonDiskIOError = "DiskIOError"
	// ReasonPaused: the WukongVM is paused.
	ReasonPaused = "Paused"
	// ReasonMigrating: the guest is migrating to another node, and keeps running.
	ReasonMigrating = "Migrating"
	// ReasonUnschedulable: no node can run the WukongVM. The message is the scheduler's.
	ReasonUnschedulable = "Unschedulable"
	// ReasonMachineFailed: KubeVirt reports a failure. The message is KubeVirt's.
	ReasonMachineFailed = "MachineFailed"
	// ReasonGuestShutDown: the guest shut itself down, and restartPolicy does not start it again.
	ReasonGuestShutDown = "GuestShutDown"
	// ReasonRestoring: the disks of the WukongVM are being replaced with those of a snapshot.
	ReasonRestoring = "Restoring"
	// ReasonRestored: the WukongVM runs on the restored disks.
	ReasonRestored = "Restored"
	// ReasonRestoreFailed: the restore failed, and the WukongVM has the disks that it had before.
	ReasonRestoreFailed = "RestoreFailed"
	// ReasonRolledBack: the guest did not start on the restored disks, and has the previous ones again.
	ReasonRolledBack = "RolledBack"
	// ReasonNotRolledBack: the guest did not start on the restored disks, and a previous claim could not be put back,
	// because it was deleted.
	ReasonNotRolledBack = "NotRolledBack"
	// ReasonSnapshotMismatch: the snapshot contains no disk of the WukongVM.
	ReasonSnapshotMismatch = "SnapshotMismatch"
	// ReasonDiskNotRestorable: a disk cannot be restored; the message names it and explains why.
	ReasonDiskNotRestorable = "DiskNotRestorable"
)

// Reasons of Wukong.
const (
	// ReasonChildrenReady: every WukongVM, WukongDisk, WukongImage and WukongNetwork is ready.
	ReasonChildrenReady = "ChildrenReady"
	// ReasonChildNotReady: a child is not ready. The message is the cause that the child reports.
	ReasonChildNotReady = "ChildNotReady"
	// ReasonNoChildren: no WukongVM, WukongDisk, WukongImage or WukongNetwork names this Wukong in spec.wukongRef yet.
	ReasonNoChildren = "NoChildren"
)

// Reasons of WukongSnapshot, WukongClone and WukongMigration.
const (
	// ReasonInProgress: the work is in progress.
	ReasonInProgress = "InProgress"
	// ReasonFailed: the work failed for good; the message explains why.
	ReasonFailed = "Failed"
)

// Reasons of WukongSnapshot, in addition to SourceMissing, SourceNotReady, SourceInUse, InProgress and Failed.
const (
	// ReasonTaken: the snapshot is complete.
	ReasonTaken = "Taken"
	// ReasonSnapshotError: the storage could not take the snapshot, and retries. The message is the storage's.
	ReasonSnapshotError = "SnapshotError"
	// ReasonMissedTime: at the last scheduled time of a WukongSnapshotSchedule no snapshot was taken; the message explains
	// why.
	ReasonMissedTime = "MissedTime"
	// ReasonSnapshotFailed: the last snapshot of a WukongSnapshotSchedule failed. The message is that of the snapshot.
	ReasonSnapshotFailed = "SnapshotFailed"
	// ReasonSuspended: spec.suspend is true.
	ReasonSuspended = "Suspended"
	// ReasonScheduled: snapshots are taken as the schedule says.
	ReasonScheduled = "Scheduled"
	// ReasonWithinRPO: the newest snapshot is not older than rpoSeconds.
	ReasonWithinRPO = "WithinRPO"
	// ReasonOutsideRPO: the newest snapshot is older than rpoSeconds, or there is none.
	ReasonOutsideRPO = "OutsideRPO"
	// ReasonTrialPassed: the guest of the last trial started.
	ReasonTrialPassed = "TrialPassed"
	// ReasonTrialFailed: the guest of the last trial did not start in time; the message explains why.
	ReasonTrialFailed = "TrialFailed"
	// ReasonBackedUp: the last backup of a schedule is complete.
	ReasonBackedUp = "BackedUp"
	// ReasonBackupFailed: the last backup of a schedule failed; the message explains why.
	ReasonBackupFailed = "BackupFailed"
	// ReasonNotBackedUp: no backup of the schedule has ended yet.
	ReasonNotBackedUp = "NotBackedUp"
	// ReasonNotTried: no trial has ended yet.
	ReasonNotTried = "NotTried"
	// ReasonSnapshotLost: the VolumeSnapshot of a complete snapshot was deleted. The snapshot is not taken again.
	ReasonSnapshotLost = "SnapshotLost"
	// ReasonSnapshotUnsupported: the storage of a disk has no VolumeSnapshotClass that could take the snapshot.
	ReasonSnapshotUnsupported = "SnapshotUnsupported"
	// ReasonAgentMissing: no guest agent is connected to freeze the file systems of the running guest, which the
	// required consistency needs.
	ReasonAgentMissing = "AgentMissing"
	// ReasonBusy: another operation on the WukongVM or a disk is in progress, such as a migration, a snapshot, or another
	// clone. The work begins after it.
	ReasonBusy = "Busy"
)

// Reasons of WukongMigration, in addition to SourceMissing, QuotaExceeded, Busy, InProgress and Failed.
const (
	// ReasonMigrated: the guest runs on the target node.
	ReasonMigrated = "Migrated"
	// ReasonAppointed: requestedAt is in the future.
	ReasonAppointed = "Appointed"
	// ReasonSkipped: requestedAt is earlier than the creation of the WukongVM: the request was for an earlier WukongVM
	// of the same name.
	ReasonSkipped = "Skipped"
	// ReasonAlreadyHandled: the request was handled before, for a WukongMigration that has since been deleted.
	ReasonAlreadyHandled = "AlreadyHandled"
	// ReasonSuperseded: a later request was already handled for the WukongVM.
	ReasonSuperseded = "Superseded"
	// ReasonNotRunning: the guest of the WukongVM does not run.
	ReasonNotRunning = "NotRunning"
	// ReasonNotMigratable: KubeVirt reports that the guest cannot migrate; the message explains why.
	ReasonNotMigratable = "NotMigratable"
	// ReasonNodeSelectorConflict: spec.nodeSelector requires a different value of a label than the WukongVM's own
	// scheduling.
	ReasonNodeSelectorConflict = "NodeSelectorConflict"
	// ReasonNoTargetNode: no other node can run the guest. The message counts the nodes for each cause.
	ReasonNoTargetNode = "NoTargetNode"
	// ReasonAttemptFailed: an attempt failed, and another attempt follows.
	ReasonAttemptFailed = "AttemptFailed"
	// ReasonTargetStalled: KubeVirt does not finish preparing the target. The message names the pod to delete.
	ReasonTargetStalled = "TargetStalled"
	// ReasonCancelled: the migration or restore was cancelled.
	ReasonCancelled = "Cancelled"
	// ReasonOutcomeUnknown: KubeVirt's VirtualMachineInstanceMigration was deleted before its result was observed.
	ReasonOutcomeUnknown = "OutcomeUnknown"
)

// Reasons of WukongClone, in addition to SourceMissing, SourceNotReady, SourceInUse, CloneNotGranted, InvalidSpec,
// NameConflict, InProgress and Failed.
const (
	// ReasonCloned: the result exists, and its disks are complete.
	ReasonCloned = "Cloned"
	// ReasonReferenceMissing: WukongNetworks or Secrets that the new WukongVM refers to do not exist in its namespace. The
	// message lists all of them.
	ReasonReferenceMissing = "ReferenceMissing"
	// ReasonAddressWouldClash: the new WukongVM would have an address of the source.
	ReasonAddressWouldClash = "AddressWouldClash"
)

// Reasons of WukongExport, in addition to SourceMissing, InProgress and Failed.
const (
	// ReasonCompleted: the bytes are at the target.
	ReasonCompleted = "Completed"
	// ReasonServing: the download link works.
	ReasonServing = "Serving"
	// ReasonExpired: the download link has expired.
	ReasonExpired = "Expired"
	// ReasonSourceInUse: a WukongVM that is not stopped uses the disk, so that a copy would be inconsistent.
	ReasonSourceInUse = "SourceInUse"
	// ReasonSourceUnreadable: the disk's bytes could not be read.
	ReasonSourceUnreadable = "SourceUnreadable"
	// ReasonCredentialsRefused: the target does not accept the credentials, or they do not allow writing.
	ReasonCredentialsRefused = "CredentialsRefused"
	// ReasonKeyRefused: a key of an encryption cannot be used, or the object is encrypted for another key.
	ReasonKeyRefused = "KeyRefused"
	// ReasonChecksumMismatch: an object in a bucket does not have the expected bytes: it was changed, or is not complete.
	ReasonChecksumMismatch = "ChecksumMismatch"
	// ReasonBucketMissing: the S3 bucket does not exist.
	ReasonBucketMissing = "BucketMissing"
	// ReasonTargetUnreachable: the target cannot be connected to, or its certificate is not trusted.
	ReasonTargetUnreachable = "TargetUnreachable"
	// ReasonTransferFailed: the target closed the connection or refused the data. The message is the target's.
	ReasonTransferFailed = "TransferFailed"
	// ReasonMoverMissing: the manager was started without the image that copies the bytes (--mover-image).
	ReasonMoverMissing = "MoverMissing"
)
