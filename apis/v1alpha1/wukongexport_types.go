package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ExportFormat is the file format of a disk image.
// +kubebuilder:validation:Enum=raw;qcow2
type ExportFormat string

// Formats of an export.
const (
	// ExportRaw is the disk byte by byte. The file is as large as the disk.
	ExportRaw ExportFormat = "raw"
	// ExportQCOW2 is QEMU's format, version 3: clusters of zeros take no space.
	ExportQCOW2 ExportFormat = "qcow2"
)

// ExportCompression determines how the file is compressed.
// +kubebuilder:validation:Enum=none;gzip
type ExportCompression string

// Compressions of an export.
const (
	// ExportUncompressed writes the file without further compression.
	ExportUncompressed ExportCompression = "none"
	// ExportGzip compresses the file or, for a registry target, the layer of the image.
	ExportGzip ExportCompression = "gzip"
)

// WukongExportSpec names the source and the target of an export. An export is made once.
//
// +kubebuilder:validation:XValidation:rule="self.source == oldSelf.source",message="source cannot change: an export is made once; create another WukongExport"
// +kubebuilder:validation:XValidation:rule="self.target == oldSelf.target",message="target cannot change: an export is made once; create another WukongExport"
// +kubebuilder:validation:XValidation:rule="self.format == oldSelf.format && self.compression == oldSelf.compression",message="format and compression cannot change: an export is made once; create another WukongExport"
type WukongExportSpec struct {
	// wukongRef names the application that the export belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// source of the bytes.
	// +required
	Source ExportSource `json:"source,omitzero"`

	// target that the bytes are written to.
	// +required
	Target ExportTarget `json:"target,omitzero"`

	// format of the disk image.
	// +optional
	// +default="qcow2"
	Format ExportFormat `json:"format,omitempty"`

	// compression of the file. In a registry, the layer is compressed in place of the file, because KubeVirt boots only
	// from an uncompressed image file.
	// +optional
	// +default="none"
	Compression ExportCompression `json:"compression,omitempty"`

	// ttlSecondsAfterFinished deletes the WukongExport that many seconds after it succeeded or failed. The data at the
	// target stays. Omitted, the WukongExport is not deleted automatically.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=31536000
	TTLSecondsAfterFinished *int64 `json:"ttlSecondsAfterFinished,omitempty"`
}

// ExportSource is a WukongDisk, a VolumeSnapshot, or a disk of a stopped WukongVM.
//
// +kubebuilder:validation:ExactlyOneOf=diskRef;volumeSnapshot;vm
type ExportSource struct {
	// diskRef names a WukongDisk. The export waits until every WukongVM that uses the disk is stopped.
	// +optional
	DiskRef *LocalObjectReference `json:"diskRef,omitempty"`

	// volumeSnapshot is restored to a temporary claim for the duration of the export. WukongVMs that use the disk may
	// run meanwhile.
	// +optional
	VolumeSnapshot *ExportSnapshotSource `json:"volumeSnapshot,omitempty"`

	// vm names a disk of a WukongVM. The export waits until the WukongVM is stopped.
	// +optional
	VM *ExportVMSource `json:"vm,omitempty"`
}

// ExportSnapshotSource is a VolumeSnapshot of a disk.
type ExportSnapshotSource struct {
	// name of the VolumeSnapshot.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`

	// storageClassName of the claim to which the snapshot is restored. Omitted, the class of the claim from which the
	// snapshot was taken.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	StorageClassName string `json:"storageClassName,omitempty"`

	// volumeMode of the claim to which the snapshot is restored. Omitted, the mode of the claim from which the snapshot
	// was taken.
	// +optional
	// +kubebuilder:validation:Enum=Filesystem;Block
	VolumeMode corev1.PersistentVolumeMode `json:"volumeMode,omitempty"`
}

// ExportVMSource is one disk of a WukongVM.
type ExportVMSource struct {
	// name of the WukongVM.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`

	// disk is the name of an entry in spec.disks of the WukongVM. It may be omitted if the WukongVM has only one disk:
	// an export holds one disk, and does not silently omit others.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Disk string `json:"disk,omitempty"`
}

// ExportTarget is where the bytes go.
//
// +kubebuilder:validation:ExactlyOneOf=download;s3;registry
type ExportTarget struct {
	// download offers the file at a link inside the cluster, to everybody who has the token.
	// +optional
	Download *DownloadTarget `json:"download,omitempty"`

	// s3 writes an object to a bucket.
	// +optional
	S3 *S3Target `json:"s3,omitempty"`

	// registry writes a container disk: an OCI image with the file below /disk.
	// +optional
	Registry *RegistryTarget `json:"registry,omitempty"`
}

// DownloadTarget is a download link that needs a token and expires.
type DownloadTarget struct {
	// expiresAfterSeconds is how long the link works, in seconds after the token was created.
	// +optional
	// +default=86400
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=2592000
	ExpiresAfterSeconds int64 `json:"expiresAfterSeconds,omitempty"`
}

// S3Target is an object in an S3 bucket.
type S3Target struct {
	// url of the object, as HTTP URL: https://endpoint/bucket/key. The bucket must exist. An existing object with this
	// key is replaced.
	// +required
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@]+/[^/?#]+/[^?#]*[^/?#]$')",message="url must be https://endpoint/bucket/key (or http), without user, query and a slash at the end"
	URL string `json:"url,omitempty"`

	// region of the bucket.
	// +optional
	// +default="us-east-1"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Region string `json:"region,omitempty"`

	// secretRef names a Secret with the credentials: keys accessKeyId and secretKey.
	// +required
	SecretRef LocalObjectReference `json:"secretRef,omitzero"`

	// certConfigMapRef names a ConfigMap with CA certificates to trust in addition to the well-known ones, in PEM.
	// +optional
	CertConfigMapRef *LocalObjectReference `json:"certConfigMapRef,omitempty"`

	// encryption of the file. Omitted, it is not encrypted. The size and the checksum in status are those of the
	// encrypted file. An interrupted upload of an encrypted file begins again with the next pod.
	// +optional
	Encryption *Encryption `json:"encryption,omitempty"`
}

// RegistryTarget is an image in an OCI registry.
type RegistryTarget struct {
	// image to write: host/repository:tag. It may begin with docker://, as in the source of a disk.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^(docker://)?[^/@ ]+/[^@ ]+$')",message="image must be host/repository:tag, without a digest: the digest is only known once the image is written"
	Image string `json:"image,omitempty"`

	// secretRef names a Secret with the credentials: keys accessKeyId (user) and secretKey (password), or a Secret of
	// type kubernetes.io/dockerconfigjson. Omitted, no credentials are used.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`

	// certConfigMapRef names a ConfigMap with CA certificates to trust in addition to the well-known ones, in PEM.
	// +optional
	CertConfigMapRef *LocalObjectReference `json:"certConfigMapRef,omitempty"`

	// insecure allows unencrypted HTTP.
	// +optional
	Insecure bool `json:"insecure,omitempty"`
}

// WukongExportStatus is the observed state of the export. After completionTime is set, it does not change.
type WukongExportStatus struct {
	OperationStatus `json:",inline"`

	// claimName is the PersistentVolumeClaim that the export reads.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ClaimName string `json:"claimName,omitempty"`

	// progressPercent is the share of the bytes that are written, in steps of ten, so that a long export does not flood
	// the API server.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +wukong:ledger
	ProgressPercent *int32 `json:"progressPercent,omitempty"`

	// sizeBytes of the file at the target.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +wukong:ledger
	SizeBytes int64 `json:"sizeBytes,omitempty"`

	// checksum of the file at the target, as sha256:<hex>. In a registry, it is the checksum of the file below /disk.
	// +optional
	// +kubebuilder:validation:MaxLength=71
	// +wukong:ledger
	Checksum string `json:"checksum,omitempty"`

	// location of the result: the S3 object's URL, or the image by its digest.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +wukong:ledger
	Location string `json:"location,omitempty"`

	// failures is the number of attempts that failed.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Failures int32 `json:"failures,omitempty"`

	// download describes how to download the file, for a download target.
	// +optional
	Download *DownloadStatus `json:"download,omitempty"`
}

// DownloadStatus describes how to download the file: GET url with the header "Authorization: Bearer <token>".
type DownloadStatus struct {
	// url of the file inside the cluster, by HTTPS. Range requests can continue an interrupted download.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	URL string `json:"url,omitempty"`

	// serviceName is the Service behind url; 'kubectl port-forward service/NAME 8443:443' makes it reachable from
	// outside of the cluster.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ServiceName string `json:"serviceName,omitempty"`

	// secretName is the Secret with the token, in its key token, and with the certificate to trust, in its key ca.crt.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`

	// expiresAt is when the link expires.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
}

// WukongExport writes a WukongDisk, a VolumeSnapshot or a disk of a stopped WukongVM to a download link, to S3 or to a
// registry.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wkexport,categories=wukong-all
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Progress",type=integer,JSONPath=`.status.progressPercent`
// +kubebuilder:printcolumn:name="Size",type=integer,JSONPath=`.status.sizeBytes`
// +kubebuilder:printcolumn:name="Location",type=string,JSONPath=`.status.location`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.status.download.expiresAt`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="the name of a WukongExport has at most 63 lower-case letters, digits and hyphens, and begins with a letter: a Job and a Service are named after it"
type WukongExport struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec WukongExportSpec `json:"spec,omitzero"`

	// status is the observed state.
	// +optional
	Status WukongExportStatus `json:"status,omitempty"`
}

// WukongExportList is a list of WukongExports.
//
// +kubebuilder:object:root=true
type WukongExportList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WukongExport `json:"items"`
}

func init() { register(&WukongExport{}, &WukongExportList{}) }

// GetConditions implements Object.
func (o *WukongExport) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongExport) SetConditions(conditions []metav1.Condition) { o.Status.Conditions = conditions }

// GetPhase implements Object.
func (o *WukongExport) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongExport) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// Finished implements Operation.
func (o *WukongExport) Finished() bool { return o.Status.Finished() }

// OperationStatus implements Operation.
func (o *WukongExport) OperationStatus() *OperationStatus { return &o.Status.OperationStatus }

// TTLAfterFinished implements Operation.
func (o *WukongExport) TTLAfterFinished() *int64 { return o.Spec.TTLSecondsAfterFinished }
