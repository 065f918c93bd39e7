package v1alpha1

// Condition types. Every condition follows the Kubernetes convention: True is good, Unknown means not observed yet, and
// the message says which object is concerned and what to do.
const (
	// ConditionReady summarises every kind. False names the deepest object that blocks, and the next step.
	ConditionReady = "Ready"
	// ConditionUmbrellaLinked is False while spec.wukongRef names a Wukong that does not exist. The object works all
	// the same; the link is made when the Wukong appears.
	ConditionUmbrellaLinked = "UmbrellaLinked"

	// ConditionDisksReady on a WukongVM: every disk's claim is bound and its content is complete.
	ConditionDisksReady = "DisksReady"
	// ConditionNetworksReady on a WukongVM: every network that it attaches to is ready, and its addresses are valid.
	ConditionNetworksReady = "NetworksReady"
	// ConditionCloudInitReady on a WukongVM: all Secrets that cloud-init data comes from were found and are valid.
	ConditionCloudInitReady = "CloudInitReady"
	// ConditionServicesReady on a WukongVM with services: all of them exist as spec says, and lead to a machine while this one runs. Absent without services.
	ConditionServicesReady = "ServicesReady"
	// ConditionPolicyReady on a WukongVM whose traffic is limited by a policy of its own or of its network: the NetworkPolicy says what they
	// say, and the cluster's network plugin enforces it. Unknown when nobody told whether it does. Absent without a policy.
	ConditionPolicyReady = "PolicyReady"
	// ConditionSynchronized on a WukongVM: the KubeVirt VirtualMachine carries what the spec says.
	ConditionSynchronized = "Synchronized"
	// ConditionGuestAgentConnected on a WukongVM: qemu-guest-agent in the guest answers.
	ConditionGuestAgentConnected = "GuestAgentConnected"
	// ConditionLiveMigratable on a WukongVM: KubeVirt can move the running machine to another node.
	ConditionLiveMigratable = "LiveMigratable"
	// ConditionRestartRequired on a WukongVM: True while a change of spec waits for a restart of the guest.
	ConditionRestartRequired = "RestartRequired"

	// ConditionHostBridgeReady on a WukongNetwork with a managed bridge: the bridge is on every selected node as it shall be. Absent otherwise.
	ConditionHostBridgeReady = "HostBridgeReady"

	// ConditionComplete on a WukongDisk: all its bytes are there, so that it can be used, cloned, exported and taken a snapshot of. It stays True
	// while the disk grows, and when it cannot be as large as its spec says.
	ConditionComplete = "Complete"
	// ConditionStorageMoved on a WukongDisk: False while the disk is not on the StorageClass that its spec names. Absent otherwise.
	ConditionStorageMoved = "StorageMoved"

	// ConditionUpToDate on a WukongImage: the current version is what the source had at the last look at it.
	ConditionUpToDate = "UpToDate"
	// ConditionCompleted on a WukongExport: True once the bytes are at the target. False with reason Failed or Expired is as final.
	ConditionCompleted = "Completed"

	// ConditionChildrenReady on a Wukong: every machine, disk, image and network is ready.
	ConditionChildrenReady = "ChildrenReady"
)

// Reasons that several kinds share.
const (
	// ReasonReady: all is as the spec says.
	ReasonReady = "Ready"
	// ReasonPending: work has begun and nothing is wrong.
	ReasonPending = "Pending"
	// ReasonTerminating: the object is being deleted; the message says what it waits for.
	ReasonTerminating = "Terminating"
	// ReasonDependencyMissing: an API that the object needs is not served by the cluster (CDI, Multus, KubeVirt).
	ReasonDependencyMissing = "DependencyMissing"
	// ReasonNameConflict: an object with a name that we need exists and is not ours. It is left alone.
	ReasonNameConflict = "NameConflict"
	// ReasonInvalidSpec: the spec cannot be carried out, and admission could not know.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonApplyRefused: the API server refused a child that we applied, or the pod of a Job; the message is its own.
	ReasonApplyRefused = "ApplyRefused"
	// ReasonReconcileError: what the object asks for cannot be done for the moment, such as when a webhook of KubeVirt does not answer. It is tried
	// again; the message is the error's.
	ReasonReconcileError = "ReconcileError"
	// ReasonStoppedOutside is the reason of an event: somebody stopped the VirtualMachine of a machine that is to run, and it is started again.
	ReasonStoppedOutside = "StoppedOutside"
	// ReasonForeignVolume: KubeVirt's VirtualMachineRestore put a volume in the place of a disk. It is left alone.
	ReasonForeignVolume = "ForeignVolume"
	// ReasonGuestNotChanged: KubeVirt cannot carry a change out on the running guest; the message is its own.
	ReasonGuestNotChanged = "GuestNotChanged"
	// ReasonStartFailing: the machine does not start, and somebody says why: KubeVirt, the scheduler, kubelet or an admission policy. It is tried again.
	ReasonStartFailing = "StartFailing"
	// ReasonNotObserved: the state of the world has not been read yet.
	ReasonNotObserved = "NotObserved"
	// ReasonBytesLost: the claim that held a disk was deleted. It is not filled again by itself.
	ReasonBytesLost = "BytesLost"
	// ReasonClaimDeleted: the claim that holds a disk was deleted, and goes when the guest lets go of it.
	ReasonClaimDeleted = "ClaimDeleted"
	// ReasonSourceMissing: the machine, disk or snapshot to work on does not exist.
	ReasonSourceMissing = "SourceMissing"
	// ReasonSecretMissing: a Secret, or a key of it, does not exist.
	ReasonSecretMissing = "SecretMissing"
	// ReasonSecretInvalid: a Secret's content cannot be used, for example a private key where a public key belongs.
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
	// ReasonProvisioningFailed: the storage provisioner could not make the volume and tries again; the message is its own.
	ReasonProvisioningFailed = "ProvisioningFailed"
	// ReasonAwaitingConsumer: the class binds when the first machine that uses the disk is scheduled. No error.
	ReasonAwaitingConsumer = "AwaitingConsumer"
	// ReasonImporting: CDI copies the source into the claim.
	ReasonImporting = "Importing"
	// ReasonImportFailed: CDI could not read the source and tries again; the message is the importer's own.
	ReasonImportFailed = "ImportFailed"
	// ReasonInUse: the disk is being deleted, and a machine still uses it.
	ReasonInUse = "InUse"
	// ReasonAwaitingUpload: CDI waits for a person to send the disk image; the message says how.
	ReasonAwaitingUpload = "AwaitingUpload"
	// ReasonSourceNotReady: what the disk is a clone of is not complete yet, or CDI does not offer a version of an image yet; the
	// message is its own cause.
	ReasonSourceNotReady = "SourceNotReady"
	// ReasonCloneNotGranted: what the disk is a clone of is in another namespace, and does not exist there, or does not grant
	// this namespace. The two are not told apart.
	ReasonCloneNotGranted = "CloneNotGranted"
	// ReasonExpanding: the claim grows to spec.size. Machines use the disk meanwhile.
	ReasonExpanding = "Expanding"
	// ReasonExpansionUnsupported: the StorageClass does not allow its claims to grow.
	ReasonExpansionUnsupported = "ExpansionUnsupported"
	// ReasonExpansionFailed: the storage could not grow the claim and tries again; the message is its own.
	ReasonExpansionFailed = "ExpansionFailed"
	// ReasonMoving: the disk is on its way to another StorageClass.
	ReasonMoving = "Moving"
	// ReasonMoveUnsupported: the disk cannot move as it is, and stays where it is; the message says why, and the way out.
	ReasonMoveUnsupported = "MoveUnsupported"
	// ReasonMoveUndecided: the machine ended while the disk moved, and nothing says which of two claims is the newest. Both are kept
	// until a person says.
	ReasonMoveUndecided = "MoveUndecided"
	// ReasonClaimInUse: another WukongDisk stands on the claim that the disk adopts, or a machine that is not Wukong's has it; the message names it.
	ReasonClaimInUse = "ClaimInUse"
	// ReasonQuotaExceeded: a ResourceQuota of the namespace does not allow the claim, or not its growth.
	ReasonQuotaExceeded = "QuotaExceeded"
)

// Reasons of WukongImage, beside those of WukongDisk for an import.
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
	// ReasonHostAccessDenied: the WukongHostNetworkPolicy does not permit the namespace what the network uses of the nodes.
	ReasonHostAccessDenied = "HostAccessDenied"
	// ReasonNodeFeatureMissing: no node offers the device or switch that the network stands on; the message names the resource.
	ReasonNodeFeatureMissing = "NodeFeatureMissing"
	// ReasonBindingMissing: the KubeVirt object has no network binding plugin of the name that the network needs.
	ReasonBindingMissing = "BindingMissing"
	// ReasonBridgeConflict: another network wants the same managed bridge otherwise; the older one's wish counts.
	ReasonBridgeConflict = "BridgeConflict"
	// ReasonHostAddressAtRisk: a port of the managed bridge carries an address of a node, which would lose it.
	ReasonHostAddressAtRisk = "HostAddressAtRisk"
	// ReasonNodeStateUnknown: NMState has not told yet what a node's interfaces carry.
	ReasonNodeStateUnknown = "NodeStateUnknown"
	// ReasonConfiguringNodes: NMState brings the managed bridge to the nodes.
	ReasonConfiguringNodes = "ConfiguringNodes"
	// ReasonNodesFailed: NMState could not make the managed bridge on a node; the message is its own.
	ReasonNodesFailed = "NodesFailed"
)

// Reasons of WukongVM.
const (
	// ReasonWaitingForDisk: a disk is missing or not ready; the message is the disk's own cause.
	ReasonWaitingForDisk = "WaitingForDisk"
	// ReasonDiskInUse: a disk belongs to another machine; the message names it.
	ReasonDiskInUse = "DiskInUse"
	// ReasonBootDiskInUse: the disk that the running machine booted from was taken out of spec.disks; it stays until the machine stops.
	ReasonBootDiskInUse = "BootDiskInUse"
	// ReasonWaitingForNetwork: a network is missing or not ready; the message is the network's own cause.
	ReasonWaitingForNetwork = "WaitingForNetwork"
	// ReasonAddressInvalid: an address of the machine does not fit the network, for example lies outside its subnets.
	ReasonAddressInvalid = "AddressInvalid"
	// ReasonBandwidthUnsupported is a limit on a network that cannot keep it.
	ReasonBandwidthUnsupported = "BandwidthUnsupported"
	// ReasonMigrationRequired is an interface that comes or goes by a live migration of its machine.
	ReasonMigrationRequired = "MigrationRequired"
	// ReasonPoolExhausted: the pools of a network have no free address. The machine gets one as soon as another lets one go.
	ReasonPoolExhausted = "PoolExhausted"
	// ReasonAddressInUse: another machine has the address, or it is reserved for one.
	ReasonAddressInUse = "AddressInUse"
	// ReasonMACInUse: another machine on the same segment has the MAC address.
	ReasonMACInUse = "MACInUse"
	// ReasonAddressObservedElsewhere: the guest uses an address that another machine was given.
	ReasonAddressObservedElsewhere = "AddressObservedElsewhere"
	// ReasonServiceUnreachable: a Service cannot lead to the machine, which has no interface on the pod network.
	ReasonServiceUnreachable = "ServiceUnreachable"
	// ReasonServicePending: the machine runs, and nothing answers behind a Service of its yet.
	ReasonServicePending = "ServicePending"
	// ReasonPolicyUnsupported: a policy cannot hold for the machine, which has no interface on the pod network.
	ReasonPolicyUnsupported = "PolicyUnsupported"
	// ReasonEnforcementMissing: the cluster's network plugin enforces no NetworkPolicy, so that a policy would not hold.
	ReasonEnforcementMissing = "EnforcementMissing"
	// ReasonEnforcementUnverified: nobody told whether the cluster's network plugin enforces NetworkPolicies.
	ReasonEnforcementUnverified = "EnforcementUnverified"
	// ReasonStarting: the machine is being started.
	ReasonStarting = "Starting"
	// ReasonRunning: the guest runs.
	ReasonRunning = "Running"
	// ReasonStopped: the machine is stopped, as asked.
	ReasonStopped = "Stopped"
	// ReasonStopping: the guest is shutting down.
	ReasonStopping = "Stopping"
	// ReasonCleanUpFailed: the reason of an event: what an object does not need any more could not be deleted.
	ReasonCleanUpFailed = "CleanUpFailed"
	// ReasonDiskIOError: the guest is paused because a disk could not be read or written.
	ReasonDiskIOError = "DiskIOError"
	// ReasonPaused: the machine is paused.
	ReasonPaused = "Paused"
	// ReasonMigrating: the machine moves to another node; the guest runs.
	ReasonMigrating = "Migrating"
	// ReasonUnschedulable: no node takes the machine; the message is the scheduler's own.
	ReasonUnschedulable = "Unschedulable"
	// ReasonMachineFailed: KubeVirt reports a failure; the message is its own.
	ReasonMachineFailed = "MachineFailed"
	// ReasonGuestShutDown: the guest shut itself down and restartPolicy keeps it so.
	ReasonGuestShutDown = "GuestShutDown"
)

// Reasons of Wukong.
const (
	// ReasonChildrenReady: every machine, disk, image and network is ready.
	ReasonChildrenReady = "ChildrenReady"
	// ReasonChildNotReady: one of them is not ready; the message is its own cause.
	ReasonChildNotReady = "ChildNotReady"
	// ReasonNoChildren: no machine, disk, image or network names this Wukong in spec.wukongRef yet.
	ReasonNoChildren = "NoChildren"
)

// Reasons of WukongSnapshot, WukongClone and WukongMigration.
const (
	// ReasonInProgress: the work goes on.
	ReasonInProgress = "InProgress"
	// ReasonFailed: the work failed for good; the message says why.
	ReasonFailed = "Failed"
)

// Reasons of WukongSnapshot, beside SourceMissing, SourceNotReady, SourceInUse, InProgress and Failed.
const (
	// ReasonTaken: the snapshot is complete.
	ReasonTaken = "Taken"
	// ReasonSnapshotError: the storage could not take the snapshot and tries again; the message is its own.
	ReasonSnapshotError = "SnapshotError"
	// ReasonSnapshotLost: the VolumeSnapshot of a snapshot that was complete is gone. It is not taken again.
	ReasonSnapshotLost = "SnapshotLost"
	// ReasonSnapshotUnsupported: the storage of a disk has no VolumeSnapshotClass that could take the snapshot.
	ReasonSnapshotUnsupported = "SnapshotUnsupported"
	// ReasonAgentMissing: no guest agent is connected that could freeze the file systems of the running guest, as the
	// required consistency needs it.
	ReasonAgentMissing = "AgentMissing"
	// ReasonBusy: something else is going on at the WukongVM or a disk, such as a migration or a snapshot, after which the
	// work begins.
	ReasonBusy = "Busy"
)

// Reasons of WukongMigration, beside SourceMissing, QuotaExceeded, Busy, InProgress and Failed.
const (
	// ReasonMigrated: the guest runs on the target node.
	ReasonMigrated = "Migrated"
	// ReasonAppointed: requestedAt is in the future.
	ReasonAppointed = "Appointed"
	// ReasonSkipped: requestedAt is earlier than the creation of the WukongVM: the request was for an earlier one of the name.
	ReasonSkipped = "Skipped"
	// ReasonAlreadyHandled: the WukongVM has handled the request before, for a WukongMigration that was deleted since.
	ReasonAlreadyHandled = "AlreadyHandled"
	// ReasonSuperseded: the WukongVM has handled a later request.
	ReasonSuperseded = "Superseded"
	// ReasonNotRunning: the WukongVM has no guest that runs.
	ReasonNotRunning = "NotRunning"
	// ReasonNotMigratable: KubeVirt reports that the guest cannot migrate; the message says why.
	ReasonNotMigratable = "NotMigratable"
	// ReasonNodeSelectorConflict: spec.nodeSelector asks for another value of a label than the WukongVM's own scheduling.
	ReasonNodeSelectorConflict = "NodeSelectorConflict"
	// ReasonNoTargetNode: no other node may take the guest; the message counts why.
	ReasonNoTargetNode = "NoTargetNode"
	// ReasonAttemptFailed: an attempt failed, and another one follows.
	ReasonAttemptFailed = "AttemptFailed"
	// ReasonTargetStalled: KubeVirt does not get the target ready for the guest; the message names the pod to delete.
	ReasonTargetStalled = "TargetStalled"
	// ReasonCancelled: the migration was broken off.
	ReasonCancelled = "Cancelled"
	// ReasonOutcomeUnknown: KubeVirt's record of the migration was deleted before its end was seen.
	ReasonOutcomeUnknown = "OutcomeUnknown"
)

// Reasons of WukongExport, beside SourceMissing, InProgress and Failed.
const (
	// ReasonCompleted: the bytes are at the target.
	ReasonCompleted = "Completed"
	// ReasonServing: the download link works.
	ReasonServing = "Serving"
	// ReasonExpired: the time of the download link is over.
	ReasonExpired = "Expired"
	// ReasonSourceInUse: a machine that is not stopped uses the disk, so that a copy would be torn.
	ReasonSourceInUse = "SourceInUse"
	// ReasonSourceUnreadable: the disk's bytes could not be read.
	ReasonSourceUnreadable = "SourceUnreadable"
	// ReasonCredentialsRefused: the target does not know the credentials, or does not allow them to write.
	ReasonCredentialsRefused = "CredentialsRefused"
	// ReasonBucketMissing: the S3 bucket does not exist.
	ReasonBucketMissing = "BucketMissing"
	// ReasonTargetUnreachable: no connection to the target, or none that can be trusted.
	ReasonTargetUnreachable = "TargetUnreachable"
	// ReasonTransferFailed: the target broke off, or refused the data; the message is its own.
	ReasonTransferFailed = "TransferFailed"
	// ReasonMoverMissing: the manager was not told which image moves the bytes.
	ReasonMoverMissing = "MoverMissing"
)
