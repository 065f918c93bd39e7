package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LabelRelay is on the pod that offers an object of a bucket to CDI's importer. Its value is the name of the Job.
const LabelRelay = GroupName + "/relay"

// ReclaimPolicy determines what happens to the data when the object, such as a WukongDisk, is deleted.
// +kubebuilder:validation:Enum=Delete;Retain
type ReclaimPolicy string

const (
	// ReclaimDelete deletes the PersistentVolumeClaim with the WukongDisk.
	ReclaimDelete ReclaimPolicy = "Delete"
	// ReclaimRetain keeps the PersistentVolumeClaim, without an owner.
	ReclaimRetain ReclaimPolicy = "Retain"
)

// DetachPolicy determines what happens to a disk that was created from a template of a WukongVM, when its entry is
// removed from spec.disks of the WukongVM.
// +kubebuilder:validation:Enum=Keep;Delete
type DetachPolicy string

const (
	// DetachKeep keeps the WukongDisk. The WukongVM no longer owns it.
	DetachKeep DetachPolicy = "Keep"
	// DetachDelete deletes the WukongDisk once the guest has released it; reclaimPolicy determines what happens to the
	// data.
	DetachDelete DetachPolicy = "Delete"
)

// WukongDiskSpec describes a disk and the source of its bytes.
//
// +kubebuilder:validation:XValidation:rule="has(self.size) || (has(self.source) && has(self.source.persistentVolumeClaim))",message="size is required, for example 20Gi, unless the source is an existing persistentVolumeClaim"
// +kubebuilder:validation:XValidation:rule="!has(self.source) || !has(self.source.persistentVolumeClaim) || (!has(self.size) && !has(self.storageClassName) && !has(self.accessModes) && !has(self.volumeMode))",message="an existing persistentVolumeClaim already has a size, storageClassName, accessModes and volumeMode: leave them out"
// +kubebuilder:validation:XValidation:rule="has(self.source) == has(oldSelf.source) && (!has(self.source) || self.source == oldSelf.source)",message="source cannot change after creation: create another WukongDisk"
// +kubebuilder:validation:XValidation:rule="has(self.size) == has(oldSelf.size)",message="size can be neither added nor removed after creation"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.storageClassName) || has(self.storageClassName)",message="storageClassName cannot be removed: name the class that the disk must be on"
// +kubebuilder:validation:XValidation:rule="has(self.accessModes) == has(oldSelf.accessModes) && (!has(self.accessModes) || self.accessModes == oldSelf.accessModes)",message="accessModes cannot change after creation: create another WukongDisk"
// +kubebuilder:validation:XValidation:rule="has(self.volumeMode) == has(oldSelf.volumeMode) && (!has(self.volumeMode) || self.volumeMode == oldSelf.volumeMode)",message="volumeMode cannot change after creation: create another WukongDisk"
// +kubebuilder:validation:XValidation:rule="!has(self.shared) || !self.shared || !has(self.accessModes) || 'ReadWriteMany' in self.accessModes",message="a shared disk needs ReadWriteMany in accessModes"
type WukongDiskSpec struct {
	// wukongRef names the application that the disk belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// source is where the initial content of the disk comes from. Omitted, the disk is blank.
	// +optional
	Source *WukongDiskSource `json:"source,omitempty"`

	// size of the disk in the guest, in bytes, as a Kubernetes quantity such as 20Gi. On a file system volume the claim
	// is larger by the overhead that CDI reserves. The size can be increased at any time, also while the guest runs, if
	// the StorageClass allows it. It can never be decreased.
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Ei')) <= 0",message="size must be a quantity between 1Mi and 1Ei, for example 20Gi"
	Size *resource.Quantity `json:"size,omitempty"`

	// storageClassName of the claim. Omitted, the cluster's default class for virtual machines
	// (storageclass.kubevirt.io/is-default-virt-class), else the cluster's default class. A change moves the disk:
	// KubeVirt copies it while the guest runs, where it can; otherwise it is copied while the WukongVM is stopped. The
	// condition StorageMoved reports the progress, or why the disk cannot be moved. The old claim is deleted once the
	// new one is in use, whatever reclaimPolicy is; Kubernetes keeps it Terminating while a pod refers to it. This
	// includes a launcher pod that remains after a migration, until the guest stops.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	StorageClassName *string `json:"storageClassName,omitempty"`

	// accessModes of the claim. Omitted, CDI chooses the best ones in the StorageProfile of the class. Live migration
	// needs ReadWriteMany.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	AccessModes []AccessMode `json:"accessModes,omitempty"`

	// volumeMode of the claim: a Filesystem volume holds the disk as an image file, a Block volume is the disk itself.
	// Omitted, CDI chooses the best one in the StorageProfile of the class.
	// +optional
	// +kubebuilder:validation:Enum=Filesystem;Block
	VolumeMode *corev1.PersistentVolumeMode `json:"volumeMode,omitempty"`

	// reclaimPolicy determines what happens to the data when the WukongDisk is deleted. Omitted, Delete. It may be
	// changed at any time: on the WukongDisk, or in the WukongVM's template if the template sets it. The claim of
	// source.persistentVolumeClaim is never deleted. The schema has no default: a template would have it too, and the
	// WukongVM would then overwrite a change on the WukongDisk.
	// +optional
	ReclaimPolicy ReclaimPolicy `json:"reclaimPolicy,omitempty"`

	// deletionProtection prevents the deletion of the WukongDisk while it is true. The disk is also kept when the
	// WukongVM or the Wukong that owns it is deleted. The namespace of a protected disk cannot be deleted either.
	// +optional
	DeletionProtection *bool `json:"deletionProtection,omitempty"`

	// detachPolicy determines what happens to a disk that was created from a template of a WukongVM, when its entry is
	// removed from spec.disks of the WukongVM. Omitted, Keep. It is a field of the WukongDisk, because the template no
	// longer exists at that time. It may be changed at any time, in the same way as reclaimPolicy.
	// +optional
	DetachPolicy DetachPolicy `json:"detachPolicy,omitempty"`

	// cloneableFrom lists other namespaces whose disks may be clones of this disk; "*" means all namespaces. The disk's
	// own namespace needs no grant. It may be changed at any time: a clone that has begun continues.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:XValidation:rule="self == '*' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="must be the name of a namespace, or * for all"
	CloneableFrom []string `json:"cloneableFrom,omitempty"`

	// shared allows several WukongVMs to use the disk at the same time. The guests must use a cluster file system on
	// it, or its data is destroyed. The claim must have the access mode ReadWriteMany. Omitted, one WukongVM at a time
	// may use the disk.
	// +optional
	Shared *bool `json:"shared,omitempty"`
}

// AccessMode is an access mode of a PersistentVolumeClaim.
// +kubebuilder:validation:Enum=ReadWriteOnce;ReadWriteMany;ReadOnlyMany;ReadWriteOncePod
type AccessMode string

// WukongDiskSource is the source of a disk: exactly one of its fields.
//
// +kubebuilder:validation:ExactlyOneOf=blank;http;registry;s3;gcs;upload;clone;snapshot;image;persistentVolumeClaim
type WukongDiskSource struct {
	// blank is an empty disk.
	// +optional
	Blank *BlankSource `json:"blank,omitempty"`

	// http imports a disk image over HTTP or HTTPS: raw, qcow2, vmdk, vdi, vhd or vhdx, also compressed by gz or xz.
	// +optional
	HTTP *HTTPSource `json:"http,omitempty"`

	// registry imports a container disk: an OCI image that holds a disk image below /disk.
	// +optional
	Registry *RegistrySource `json:"registry,omitempty"`

	// s3 imports a disk image from an S3 bucket.
	// +optional
	S3 *S3Source `json:"s3,omitempty"`

	// gcs imports a disk image from a Google Cloud Storage bucket.
	// +optional
	GCS *GCSSource `json:"gcs,omitempty"`

	// upload waits for a disk image that a user uploads: virtctl image-upload dv NAME --no-create --image-path=FILE.
	// +optional
	Upload *UploadSource `json:"upload,omitempty"`

	// clone copies another disk, or a claim. The size must be at least that of the source.
	// +optional
	Clone *DiskCloneSource `json:"clone,omitempty"`

	// snapshot copies the state of a disk at a point in time. The size must be at least the size of the disk at that
	// time.
	// +optional
	Snapshot *DiskSnapshotSource `json:"snapshot,omitempty"`

	// image copies the current version of a WukongImage. The size must be at least that of the image.
	// +optional
	Image *DiskImageSource `json:"image,omitempty"`

	// persistentVolumeClaim uses an existing claim as it is. Wukong never changes or deletes it.
	// +optional
	PersistentVolumeClaim *ClaimSource `json:"persistentVolumeClaim,omitempty"`
}

// BlankSource is an empty disk.
type BlankSource struct{}

// HTTPSource is a disk image on a web server.
type HTTPSource struct {
	// url of the image.
	// +required
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://')",message="url must begin with http:// or https://"
	URL string `json:"url,omitempty"`

	// secretRef names a Secret with basic authentication: keys accessKeyId (user) and secretKey (password).
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`

	// certConfigMapRef names a ConfigMap with the CA certificates to trust, in PEM.
	// +optional
	CertConfigMapRef *LocalObjectReference `json:"certConfigMapRef,omitempty"`

	// checksum is always refused: CDI does not verify the checksum of an import, and the field must not be ignored
	// silently. An image in a registry can be named by its digest, which proves less than a checksum of its bytes: see
	// registry.url.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="false",message="CDI cannot check an image from a web server against a checksum: leave checksum out, or put the image into a registry that you trust and use registry.url with its digest, docker://host/repository@sha256:..."
	Checksum string `json:"checksum,omitempty"`
}

// RegistrySource is a container disk in an OCI registry.
type RegistrySource struct {
	// url of the image: docker://host/repository:tag. The scheme may be omitted. An archive on a web server is
	// oci-archive://host/path. With a digest, docker://host/repository@sha256:..., the importer accepts only that
	// image: it compares the manifest with the digest. It does not compare the layers with the manifest (CDI 1.61,
	// pkg/importer/transport.go). For the bytes, the registry and all who can write to it must therefore be trusted.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="!self.contains('://') || self.startsWith('docker://') || self.startsWith('oci-archive://')",message="url must be an image reference, docker://image or oci-archive://path"
	// +kubebuilder:validation:XValidation:rule="!self.contains('@') || self.matches('@sha256:[0-9a-f]{64}$')",message="a digest is @sha256: and 64 hexadecimal digits, at the end of url"
	URL string `json:"url,omitempty"`

	// secretRef names a Secret with registry credentials: keys accessKeyId (user) and secretKey (password).
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`

	// certConfigMapRef names a ConfigMap with the CA certificates to trust, in PEM.
	// +optional
	CertConfigMapRef *LocalObjectReference `json:"certConfigMapRef,omitempty"`
}

// S3Source is a disk image in an S3 bucket. With checksum or encryption, a pod of Wukong reads the object, verifies and
// decrypts it, and offers it to CDI's importer; otherwise the importer reads it itself. Such a disk is filled at once,
// also on a class that binds claims at first use.
//
// +kubebuilder:validation:XValidation:rule="has(self.secretRef) || (!has(self.checksum) && !has(self.encryption))",message="secretRef is required with checksum or encryption"
// +kubebuilder:validation:XValidation:rule="!has(self.region) || has(self.checksum) || has(self.encryption)",message="region is only used with checksum or encryption: without them, CDI finds the region out; leave it out"
// +kubebuilder:validation:XValidation:rule="(!has(self.checksum) && !has(self.encryption)) || self.url.matches('^https?://[^/?#@]+/[^/?#]+/[^?#]*[^/?#]$')",message="with checksum or encryption, url must be https://endpoint/bucket/key (or http), without user, query and a slash at the end"
type S3Source struct {
	// url of the object, as HTTP URL: https://endpoint/bucket/key.
	// +required
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://')",message="url must begin with http:// or https://"
	URL string `json:"url,omitempty"`

	// region of the bucket, for an object with checksum or encryption. Omitted, us-east-1.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Region string `json:"region,omitempty"`

	// secretRef names a Secret with the credentials: keys accessKeyId and secretKey. Omitted, the object must be
	// public.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`

	// certConfigMapRef names a ConfigMap with the CA certificates to trust, in PEM.
	// +optional
	CertConfigMapRef *LocalObjectReference `json:"certConfigMapRef,omitempty"`

	// checksum of the object in the bucket, as sha256:<hex>. An object with another checksum is refused. A WukongExport
	// reports it in status.checksum.
	// +optional
	// +kubebuilder:validation:MaxLength=71
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	Checksum string `json:"checksum,omitempty"`

	// encryption by which the object was encrypted. The Secret needs the key identity.
	// +optional
	Encryption *Encryption `json:"encryption,omitempty"`
}

// Encryption is encryption by age (https://age-encryption.org/v1), which the program of the same name decrypts, too.
type Encryption struct {
	// secretRef names a Secret with keys of age-keygen. The key recipient has public keys, one per line, and suffices
	// to encrypt. The key identity has the secret key. It is needed to decrypt; without recipient, its public key is
	// used to encrypt.
	// +required
	SecretRef LocalObjectReference `json:"secretRef,omitzero"`
}

// GCSSource is a disk image in a Google Cloud Storage bucket.
type GCSSource struct {
	// url of the object: gs://bucket/key, or https://storage.googleapis.com/bucket/key.
	// +required
	// +kubebuilder:validation:MinLength=6
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^(gs|https?)://')",message="url must begin with gs:// or https://"
	URL string `json:"url,omitempty"`

	// secretRef names a Secret with a service account key in credentials.json. Omitted, the object must be public.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`
}

// UploadSource is a disk image that a user uploads to CDI's upload proxy.
type UploadSource struct{}

// DiskCloneSource is a disk that is copied.
type DiskCloneSource struct {
	// kind of the source.
	// +required
	// +kubebuilder:validation:Enum=WukongDisk;PersistentVolumeClaim
	Kind string `json:"kind,omitempty"`

	// name of the source.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`

	// namespace of the source. Omitted, the disk's own. A source in another namespace must grant access to the disk's
	// namespace: a WukongDisk by spec.cloneableFrom, a claim by the annotation vm.novasphere.dev/cloneable-from, a list
	// separated by commas, in which * means all namespaces.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`
}

// DiskSnapshotSource is a snapshot of a disk.
//
// +kubebuilder:validation:XValidation:rule="!has(self.disk) || self.kind == 'WukongSnapshot'",message="disk belongs to a WukongSnapshot: leave it out for a VolumeSnapshot"
type DiskSnapshotSource struct {
	// kind of the source.
	// +required
	// +kubebuilder:validation:Enum=VolumeSnapshot;WukongSnapshot
	Kind string `json:"kind,omitempty"`

	// name of the source.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`

	// namespace of the source. Omitted, the disk's own. A source in another namespace must grant access to the disk's
	// namespace: a WukongSnapshot by spec.cloneableFrom, a VolumeSnapshot by the annotation
	// vm.novasphere.dev/cloneable-from, a list separated by commas, in which * means all namespaces.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`

	// disk within a WukongSnapshot of a WukongVM. It may be omitted if the snapshot holds only one disk.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Disk string `json:"disk,omitempty"`
}

// DiskImageSource is a WukongImage.
type DiskImageSource struct {
	// name of the WukongImage.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`

	// namespace of the WukongImage. Omitted, the disk's own. An image in another namespace must grant access to the
	// disk's namespace by spec.cloneableFrom.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`
}

// ClaimSource is an existing PersistentVolumeClaim in the same namespace. Its content is used as it is: a block device,
// or a file system that contains disk.img. If there is no disk.img, KubeVirt creates one as large as the claim, but
// only for a disk that is attached when the WukongVM starts. Such a disk stays attached until the WukongVM stops. A
// disk that was plugged into a running guest can be unplugged at any time.
type ClaimSource struct {
	// name of the claim.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`

	// readOnly attaches the disk to WukongVMs read-only.
	// +optional
	ReadOnly *bool `json:"readOnly,omitempty"`
}

// DiskPhase is a one-word summary of a disk.
// +kubebuilder:validation:Enum=Pending;AwaitingConsumer;AwaitingUpload;Importing;Ready;Expanding;Moving;Terminating;Error
type DiskPhase string

// Phases of WukongDisk.
const (
	DiskPending          DiskPhase = "Pending"
	DiskAwaitingConsumer DiskPhase = "AwaitingConsumer"
	DiskAwaitingUpload   DiskPhase = "AwaitingUpload"
	DiskImporting        DiskPhase = "Importing"
	DiskReady            DiskPhase = "Ready"
	DiskExpanding        DiskPhase = "Expanding"
	DiskMoving           DiskPhase = "Moving"
	DiskTerminating      DiskPhase = "Terminating"
	DiskError            DiskPhase = "Error"
)

// WukongDiskStatus is the observed state of the disk.
type WukongDiskStatus struct {
	// conditions: Ready, Complete, UmbrellaLinked, StorageMoved while the disk is not on the class in
	// spec.storageClassName, and Restored while the disk is being restored.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +wukong:hint
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// phase is a one-word summary for users.
	// +optional
	Phase DiskPhase `json:"phase,omitempty"`

	// claimName is the PersistentVolumeClaim that holds the disk.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +wukong:handshake
	ClaimName string `json:"claimName,omitempty"`

	// dataVolumeName is the CDI DataVolume that fills the claim; empty for an existing claim.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	DataVolumeName string `json:"dataVolumeName,omitempty"`

	// attachedTo is the WukongVM to which the disk is assigned: the oldest WukongVM that lists it, until that has
	// released it. Empty if no WukongVM uses the disk, and for a shared disk.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +wukong:handshake
	AttachedTo string `json:"attachedTo,omitempty"`

	// move is the current move of the disk to another StorageClass. Absent otherwise.
	// +optional
	// +wukong:handshake
	Move *DiskMove `json:"move,omitempty"`

	// restore is the last restore of the disk from a snapshot, as its WukongVM requested it. Absent without one, and
	// once the disk is in a claim that was not restored.
	// +optional
	// +wukong:handshake
	Restore *DiskRestore `json:"restore,omitempty"`

	// requestedSize is the size that was requested for the claim, in bytes, without overhead as in spec.size. spec.size
	// cannot be decreased below it.
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	RequestedSize *resource.Quantity `json:"requestedSize,omitempty"`

	// claimRequest is the size that the claim requests from the storage, in bytes: requestedSize, plus the overhead on
	// a file system volume.
	// +optional
	ClaimRequest *resource.Quantity `json:"claimRequest,omitempty"`

	// guestSize is the size of the disk in the guest of the WukongVM in attachedTo, in bytes. While the guest does not
	// run, it is the last such size.
	// +optional
	GuestSize *resource.Quantity `json:"guestSize,omitempty"`

	// capacity of the bound claim, in bytes.
	// +optional
	Capacity *resource.Quantity `json:"capacity,omitempty"`

	// storageClassName of the claim.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	StorageClassName string `json:"storageClassName,omitempty"`

	// accessModes of the claim.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4
	AccessModes []AccessMode `json:"accessModes,omitempty"`

	// volumeMode of the claim.
	// +optional
	VolumeMode corev1.PersistentVolumeMode `json:"volumeMode,omitempty"`

	// progressPercent is the progress of a running import, in steps of ten, so that a long import does not flood the
	// API server.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	ProgressPercent *int32 `json:"progressPercent,omitempty"`

	// importRestarts is how often the importer was restarted after a failure. It is exact up to ten, then rounded down
	// to tens, from one hundred on to hundreds, and so on.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ImportRestarts int32 `json:"importRestarts,omitempty"`

	// cloneMethod is how CDI copies, or copied, a disk that is a clone: snapshot and csi-clone are done by the storage,
	// copy by pods that read and write all bytes.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	CloneMethod string `json:"cloneMethod,omitempty"`
}

// MoveMethod is how the bytes of a disk are copied to another claim.
// +kubebuilder:validation:Enum=Live;Copy
type MoveMethod string

// Methods of a move.
const (
	// MoveLive: KubeVirt migrates the volume of the running guest to a blank claim.
	MoveLive MoveMethod = "Live"
	// MoveCopy: CDI clones the claim. No WukongVM uses the disk meanwhile.
	MoveCopy MoveMethod = "Copy"
)

// MovePhase is the progress of a move.
// +kubebuilder:validation:Enum=Preparing;Copying;Migrating;Cancelling
type MovePhase string

// Phases of a move.
const (
	// MovePreparing: the WukongVM is asked whether it can move the disk, and the new claim is created. No WukongVM uses
	// the new claim.
	MovePreparing MovePhase = "Preparing"
	// MoveCopying: CDI fills the new claim. No WukongVM may use the old one.
	MoveCopying MovePhase = "Copying"
	// MoveMigrating: the WukongVM may use the new claim.
	MoveMigrating MovePhase = "Migrating"
	// MoveCancelling: the WukongVM must release the new claim, unless the migration of the volume has begun.
	MoveCancelling MovePhase = "Cancelling"
)

// DiskMove is a move of a disk to another StorageClass. status.claimName is the old claim until the new one is in use.
type DiskMove struct {
	// targetClaimName is the PersistentVolumeClaim that the disk moves to. A running guest migrates its volume to it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	TargetClaimName string `json:"targetClaimName,omitempty"`

	// targetStorageClassName is the StorageClass that the disk moves to.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	TargetStorageClassName string `json:"targetStorageClassName,omitempty"`

	// method is Live, while the guest runs, or Copy, while no WukongVM uses the disk.
	// +required
	Method MoveMethod `json:"method,omitempty"`

	// phase is the progress of the move. The controller of the WukongVM acts on it.
	// +required
	Phase MovePhase `json:"phase,omitempty"`

	// message reports what the move does or waits for.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// WukongDisk is a disk of a virtual machine: a CDI DataVolume with its PersistentVolumeClaim, or an existing claim.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wkdisk,categories=wukong-all
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Capacity",type=string,JSONPath=`.status.capacity`
// +kubebuilder:printcolumn:name="Progress",type=integer,JSONPath=`.status.progressPercent`
// +kubebuilder:printcolumn:name="Claim",type=string,JSONPath=`.status.claimName`
// +kubebuilder:printcolumn:name="Class",type=string,JSONPath=`.status.storageClassName`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="!has(self.spec.size) || !has(oldSelf.spec.size) || string(self.spec.size) == string(oldSelf.spec.size) || !has(oldSelf.status) || !has(oldSelf.status.requestedSize) || quantity(string(self.spec.size)).compareTo(quantity(string(oldSelf.status.requestedSize))) >= 0",message="spec.size is below status.requestedSize, what the claim was asked for already: a disk never shrinks; create a smaller WukongDisk and copy the data in a guest"
type WukongDisk struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec WukongDiskSpec `json:"spec,omitzero"`

	// status is the observed state.
	// +optional
	Status WukongDiskStatus `json:"status,omitempty"`
}

// WukongDiskList is a list of WukongDisks.
//
// +kubebuilder:object:root=true
type WukongDiskList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WukongDisk `json:"items"`
}

func init() { register(&WukongDisk{}, &WukongDiskList{}) }

// GetConditions implements Object.
func (o *WukongDisk) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongDisk) SetConditions(conditions []metav1.Condition) { o.Status.Conditions = conditions }

// GetPhase implements Object.
func (o *WukongDisk) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongDisk) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// ClaimName returns the name of the PersistentVolumeClaim that the disk begins with: the existing claim that source
// names, else a claim with the name of the disk.
func (o *WukongDisk) ClaimName() string {
	if o.AdoptsClaim() {
		return o.Spec.Source.PersistentVolumeClaim.Name
	}
	return o.Name
}

// AdoptsClaim reports whether the disk uses a claim that Wukong did not create, and never changes or deletes.
func (o *WukongDisk) AdoptsClaim() bool {
	return o.Spec.Source != nil && o.Spec.Source.PersistentVolumeClaim != nil
}

// Complete reports whether all bytes of the disk are there: see ConditionComplete.
func (o *WukongDisk) Complete() bool {
	return meta.IsStatusConditionTrue(o.Status.Conditions, ConditionComplete)
}
