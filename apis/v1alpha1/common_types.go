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
	// LabelVM is on everything made for a WukongVM, the virt-launcher pod included. Its value is the WukongVM's UID,
	// which fits into a label whatever the length of the name.
	LabelVM = GroupName + "/vm-uid"
	// LabelImage is on the imports that Wukong makes for a WukongImage. Its value is the WukongImage's UID.
	LabelImage = GroupName + "/image-uid"
	// AnnotationImportTick is the tick of the schedule that an import of a WukongImage was made for, in RFC 3339.
	AnnotationImportTick = GroupName + "/import-tick"
	// AnnotationSnapshotBegun on the VolumeSnapshot of a WukongSnapshot is how consistent it could be when it was begun: Application or Crash.
	AnnotationSnapshotBegun = GroupName + "/consistency-at-begin"
	// AnnotationMigrationRequest on a WukongVM is the last WukongMigration that it handled: its requestedAt, a slash, its UID.
	// It is written before the migration begins, so that the request is never carried out twice.
	AnnotationMigrationRequest = GroupName + "/migration-request"
	// LabelExport is on the pods of a WukongExport's Job, with its name. Caches select by it.
	LabelExport = GroupName + "/export"
	// LabelHostBridge is on the NodeNetworkConfigurationPolicy of a managed bridge. Its value is the name of the bridge.
	LabelHostBridge = GroupName + "/host-bridge"
	// AnnotationAdopted on that policy is "true" when it took over what existed on the nodes, so that nothing is withdrawn from them.
	AnnotationAdopted = GroupName + "/adopted"
	// AnnotationAppliedHash holds the digest of what a controller last applied to a child, so that a field that the
	// controller stops setting is noticed without reading managed fields.
	AnnotationAppliedHash = GroupName + "/applied-hash"
	// AnnotationRetainedFor on an object that shall outlive its owner, and therefore has no owner reference, holds that owner as name/UID.
	AnnotationRetainedFor = GroupName + "/retained-for"
	// AnnotationCloneableFrom on a PersistentVolumeClaim or VolumeSnapshot lists the other namespaces whose disks may be clones of it,
	// with commas between them; * stands for all.
	AnnotationCloneableFrom = GroupName + "/cloneable-from"
	// AnnotationRequestedSize on the claim of a WukongDisk holds the spec.size that the claim was last grown for, since its
	// request has the overhead of a file system on top.
	AnnotationRequestedSize = GroupName + "/requested-size"
	// LabelDisk is on the DataVolumes that a WukongDisk moves to. Its value is the WukongDisk's UID.
	LabelDisk = GroupName + "/disk-uid"
	// LabelDeletionProtection is on what holds the bytes of a protected WukongDisk, with that object's own UID, so that a copy of it with the same
	// labels is not protected. An admission policy refuses to delete it.
	LabelDeletionProtection = GroupName + "/deletion-protection"
	// AnnotationMovedFrom on a DataVolume that a WukongDisk moves to holds the claim that it moves from.
	AnnotationMovedFrom = GroupName + "/moved-from"
	// AnnotationInUse on such a DataVolume is "true" once it has taken the place of the claim that it was moved from. It says so without
	// the disk's status.
	AnnotationInUse = GroupName + "/in-use"
	// AnnotationMoves on a VirtualMachine holds the volumes that were given to KubeVirt to migrate, in JSON, with the instance
	// that was running then: only that instance can tell whether the new claim has all the bytes.
	AnnotationMoves = GroupName + "/moves"
	// AnnotationFilled on a WukongDisk is the disk's own name once all its bytes were there. A disk that has it is not filled from its source a
	// second time; whoever takes it off asks for that, when the claim that held the bytes is gone.
	AnnotationFilled = GroupName + "/filled"
	// AnnotationClaimInUse on a WukongDisk is a person's word which of two claims has the newest data, when its move is undecided.
	AnnotationClaimInUse = GroupName + "/claim-in-use"
)

// Finalizers. A finalizer is used only where the garbage collector cannot do the job.
const (
	// FinalizerDisk keeps a WukongDisk until no machine uses it, and lets a retained claim outlive it.
	FinalizerDisk = GroupName + "/disk"
	// FinalizerSnapshot keeps a WukongSnapshot until its VolumeSnapshot goes with it or stays, as its reclaimPolicy says then.
	FinalizerSnapshot = GroupName + "/snapshot"
	// FinalizerImage keeps a WukongImage until its versions are deleted, or set free, as its reclaimPolicy says.
	FinalizerImage = GroupName + "/image"
)
