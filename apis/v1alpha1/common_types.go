package v1alpha1

// LocalObjectReference names an object in the namespace of the object that refers to it.
type LocalObjectReference struct {
	// name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`
}

// SecretKeyReference names one key of a Secret in the same namespace.
type SecretKeyReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`

	// key within the Secret's data.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key,omitempty"`
}

// Labels and annotations that Wukong sets on objects that it creates.
const (
	// LabelManagedBy marks every object that Wukong creates, with the value LabelManagedByValue. Caches select by it.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// LabelManagedByValue is the value of LabelManagedBy.
	LabelManagedByValue = "wukong"
	// LabelVM is on every object made for a WukongVM, including the virt-launcher pod. Its value is the WukongVM's UID,
	// because a name can be too long for a label value.
	LabelVM = GroupName + "/vm-uid"
	// LabelImage is on the imports that Wukong makes for a WukongImage. Its value is the WukongImage's UID.
	LabelImage = GroupName + "/image-uid"
	// AnnotationImportTick on an import of a WukongImage is the scheduled time that it was made for, in RFC 3339.
	AnnotationImportTick = GroupName + "/import-tick"
	// AnnotationSnapshotBegun on the VolumeSnapshot of a WukongSnapshot is the consistency that was possible when the
	// snapshot began: Application or Crash.
	AnnotationSnapshotBegun = GroupName + "/consistency-at-begin"
	// AnnotationMigrationRequest on a WukongVM is the last WukongMigration that was handled for it: requestedAt, a
	// slash, and the UID. It is written before the migration begins, so that no request is carried out twice.
	AnnotationMigrationRequest = GroupName + "/migration-request"
	// AnnotationClonedBy on a WukongVM or WukongDisk is the WukongClone that made it: its name, a slash, and its UID. A
	// WukongClone that is applied again finds its result by the name.
	AnnotationClonedBy = GroupName + "/cloned-by"
	// AnnotationRestoredFrom on a WukongVM or WukongDisk that was made by the manifest of a backup is the URL of the
	// backup's folder. It is for people.
	AnnotationRestoredFrom = GroupName + "/restored-from"
	// AnnotationClonedIdentity on a WukongVM that was cloned or restored is its identity: Renew or Keep. cloud-init
	// renews the machine ID and the SSH host keys, or keeps the keys.
	AnnotationClonedIdentity = GroupName + "/cloned-identity"
	// AnnotationClonedFrom on such an object is the source of the WukongClone: kind, namespace and name, separated by
	// slashes. A WukongClone that is applied again with another source does not take the object for its result.
	AnnotationClonedFrom = GroupName + "/cloned-from"
	// AnnotationRequestedBy on a temporary WukongSnapshot is the WukongClone that made it, as namespace/name.
	AnnotationRequestedBy = GroupName + "/requested-by"
	// LabelClone is on the temporary WukongSnapshot of a WukongClone. Its value is the WukongClone's UID.
	LabelClone = GroupName + "/clone-uid"
	// LabelExport is on the pods of a WukongExport's Job. Its value is the name of the WukongExport. Caches select by
	// it.
	LabelExport = GroupName + "/export"
	// LabelHostBridge is on the NodeNetworkConfigurationPolicy of a managed bridge. Its value is the name of the
	// bridge.
	LabelHostBridge = GroupName + "/host-bridge"
	// AnnotationAdopted on that policy is "true" if the policy adopted interfaces that existed on the nodes. Wukong
	// never removes these from the nodes.
	AnnotationAdopted = GroupName + "/adopted"
	// AnnotationAppliedHash holds the digest of what a controller last applied to a child. With it the controller
	// detects that it no longer sets a field, without reading managed fields.
	AnnotationAppliedHash = GroupName + "/applied-hash"
	// AnnotationRetainedFor holds the owner, as name/UID, of an object that must outlive its owner and therefore has no
	// owner reference.
	AnnotationRetainedFor = GroupName + "/retained-for"
	// AnnotationCloneableFrom on a PersistentVolumeClaim or VolumeSnapshot lists the other namespaces whose disks may
	// be clones of it, separated by commas; * means all namespaces.
	AnnotationCloneableFrom = GroupName + "/cloneable-from"
	// AnnotationRequestedSize on the claim of a WukongDisk holds the spec.size for which the claim was last expanded.
	// The request of the claim also includes the overhead of the file system.
	AnnotationRequestedSize = GroupName + "/requested-size"
	// LabelDisk is on the DataVolumes that WukongDisks move to. Its value is the WukongDisk's UID.
	LabelDisk = GroupName + "/disk-uid"
	// LabelDeletionProtection is on the objects that hold the bytes of a protected WukongDisk. An admission policy
	// refuses to delete them. Its value is the UID of the object that has the label, so that a copy with the same
	// labels is not protected.
	LabelDeletionProtection = GroupName + "/deletion-protection"
	// AnnotationMovedFrom on a DataVolume that a WukongDisk moves to holds the claim that it moves from.
	AnnotationMovedFrom = GroupName + "/moved-from"
	// AnnotationInUse on such a DataVolume is "true" once it has replaced the claim that the disk moved from. It shows
	// this also when the disk's status is lost.
	AnnotationInUse = GroupName + "/in-use"
	// AnnotationRestoredFor on a DataVolume that a WukongDisk is restored to is the request that it was made for:
	// requestedAt, a slash, and the UID of the WukongVM.
	AnnotationRestoredFor = GroupName + "/restored-for"
	// AnnotationKeepPrevious on such a DataVolume is the claim that it replaced, as long as that claim is kept.
	AnnotationKeepPrevious = GroupName + "/keep-previous"
	// AnnotationRejected on such a DataVolume is "true" once the claim that it replaced was put back.
	AnnotationRejected = GroupName + "/rejected"
	// AnnotationRestoreRequest on a WukongVM is the last restore that was begun for it: requestedAt, and a slash and
	// the word "ended" when it has ended. A request that has ended is never begun again.
	AnnotationRestoreRequest = GroupName + "/restore-request"
	// LabelSafetyOf on a WukongSnapshot that was taken before a restore is the UID of the WukongVM.
	LabelSafetyOf = GroupName + "/safety-of"
	// AnnotationMoves on a VirtualMachine holds, in JSON, the volumes that KubeVirt was asked to migrate, and the
	// instance that was running at that time: only that instance shows whether the new claim has all the bytes.
	AnnotationMoves = GroupName + "/moves"
	// AnnotationFilled on a WukongDisk is the disk's own name once the disk was complete. A disk that has it is not
	// filled from its source again. If the claim that held the bytes was deleted, removing the annotation requests
	// that.
	AnnotationFilled = GroupName + "/filled"
	// AnnotationClaimInUse on a WukongDisk is the user's choice of the claim that has the newest data, when the move of
	// the disk is undecided.
	AnnotationClaimInUse = GroupName + "/claim-in-use"
)

// Finalizers. Wukong uses a finalizer only where the garbage collector is not enough.
const (
	// FinalizerDisk keeps a WukongDisk until no WukongVM uses it. It ensures that a retained claim outlives the
	// WukongDisk.
	FinalizerDisk = GroupName + "/disk"
	// FinalizerSnapshot keeps a WukongSnapshot until its VolumeSnapshot is deleted or retained, according to the
	// reclaimPolicy at that time.
	FinalizerSnapshot = GroupName + "/snapshot"
	// FinalizerImage keeps a WukongImage until its versions are deleted or retained, according to its reclaimPolicy.
	FinalizerImage = GroupName + "/image"
	// FinalizerClone keeps a WukongClone of a WukongVM in another namespace until its temporary WukongSnapshot, which
	// can have no owner in that namespace, is deleted.
	FinalizerClone = GroupName + "/clone"
)
