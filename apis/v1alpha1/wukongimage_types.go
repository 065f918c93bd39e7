package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// WukongImageSpec describes a golden image, and when it is imported again.
//
// +kubebuilder:validation:XValidation:rule="self.source == oldSelf.source",message="source cannot change after creation: create another WukongImage"
// +kubebuilder:validation:XValidation:rule="quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) == 0",message="size cannot change after creation: create another WukongImage; a disk that starts from an image may be larger than it"
// +kubebuilder:validation:XValidation:rule="has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",message="storageClassName cannot change after creation: create another WukongImage"
// +kubebuilder:validation:XValidation:rule="!has(self.source.registry) || has(self.schedule) == has(oldSelf.schedule)",message="schedule of a registry source can change, but cannot be added or removed after creation: create another WukongImage"
// +kubebuilder:validation:XValidation:rule="!has(self.schedule) || !has(self.source.registry) || !(self.source.registry.url.contains('@') || self.source.registry.url.startsWith('oci-archive://'))",message="schedule needs a source.registry.url with a tag: what a digest or an oci-archive names is not polled; leave schedule out to import it once"
type WukongImageSpec struct {
	// wukongRef names the application that the image belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// source is where the image is imported from.
	// +required
	Source WukongImageSource `json:"source,omitzero"`

	// schedule determines when to check for a new version, as a cron expression with five fields, or as @hourly,
	// @daily, @weekly, @monthly or @yearly, for example "0 3 * * *". Omitted, the image is imported once.
	//
	// A registry reports the digest of an image: at each scheduled time, CDI's poller compares it, and imports the
	// image if it is new. A web server does not: at each scheduled time, the whole image of an http source is imported
	// again, as a new version. A scheduled time during an import is skipped. The times of an http source are in UTC.
	// Those of a registry source are in the time zone of the cluster's controller manager, which is UTC in nearly all
	// clusters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[^ @]+( +[^ ]+){4})$')",message="schedule must be the five fields of cron, for example 0 3 * * *, or @hourly, @daily, @weekly, @monthly or @yearly"
	Schedule string `json:"schedule,omitempty"`

	// versionsToKeep is the number of complete versions to keep, including the current one. Older versions are deleted
	// when a newer one is complete. Disks that were created from a version do not depend on it.
	// +optional
	// +default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	VersionsToKeep int32 `json:"versionsToKeep,omitempty"`

	// size of each version in bytes, at least the virtual size of the image, as a Kubernetes quantity such as 10Gi.
	// +required
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Ei')) <= 0",message="size must be a quantity between 1Mi and 1Ei, for example 10Gi"
	Size resource.Quantity `json:"size,omitzero"`

	// storageClassName of the versions. Disks of the same class are created fastest: by a snapshot or clone, if the
	// storage supports it. Omitted, the cluster's default class for virtual machines
	// (storageclass.kubevirt.io/is-default-virt-class), else the cluster's default class.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	StorageClassName *string `json:"storageClassName,omitempty"`

	// cloneableFrom lists other namespaces whose disks may be created from the image; "*" means all namespaces. The
	// image's own namespace needs no grant.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$`
	CloneableFrom []string `json:"cloneableFrom,omitempty"`

	// reclaimPolicy determines what happens to the versions when the WukongImage is deleted. It may be changed at any
	// time. Neither policy affects disks that were created from the versions. Retain keeps the claims, or volume
	// snapshots, without an owner.
	// +optional
	// +default="Delete"
	ReclaimPolicy ReclaimPolicy `json:"reclaimPolicy,omitempty"`
}

// WukongImageSource is the source of an image: exactly one of its fields.
//
// +kubebuilder:validation:ExactlyOneOf=registry;http
type WukongImageSource struct {
	// registry imports a container disk: an OCI image that holds a disk image below /disk. With a schedule, the Secret
	// and the ConfigMap that it names must exist both in the namespace of the image, for the import, and in the
	// namespace of CDI, for CDI's poller.
	// +optional
	Registry *RegistrySource `json:"registry,omitempty"`

	// http imports a disk image over HTTP or HTTPS: raw, qcow2, vmdk, vdi, vhd or vhdx, also compressed by gz or xz.
	// +optional
	HTTP *HTTPSource `json:"http,omitempty"`
}

// ImagePhase is a one-word summary of an image.
// +kubebuilder:validation:Enum=Pending;Importing;Ready;Terminating;Error
type ImagePhase string

// Phases of WukongImage.
const (
	ImagePending     ImagePhase = "Pending"
	ImageImporting   ImagePhase = "Importing"
	ImageReady       ImagePhase = "Ready"
	ImageTerminating ImagePhase = "Terminating"
	ImageError       ImagePhase = "Error"
)

// MaxReportedVersions is the maximum number of versions in WukongImageStatus.versions: those to keep, and those that
// are not deleted yet.
const MaxReportedVersions = 16

// WukongImageStatus is the observed state of the image.
type WukongImageStatus struct {
	// conditions: Ready, UpToDate, UmbrellaLinked.
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
	Phase ImagePhase `json:"phase,omitempty"`

	// dataSourceName is the CDI DataSource from which disks are created. It always refers to the current version.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	DataSourceName string `json:"dataSourceName,omitempty"`

	// currentVersion is the version from which new disks are created: the name of its claim, or of its volume snapshot
	// if the StorageClass stores images as snapshots.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	CurrentVersion string `json:"currentVersion,omitempty"`

	// digest of the current version's image in the registry; empty if none is known.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Digest string `json:"digest,omitempty"`

	// lastImportTime is when the current version was complete.
	// +optional
	LastImportTime *metav1.Time `json:"lastImportTime,omitempty"`

	// nextImportTime is the next scheduled time of an http source. It is empty for a registry source, because only
	// CDI's CronJob has that time.
	// +optional
	NextImportTime *metav1.Time `json:"nextImportTime,omitempty"`

	// progressPercent is the progress of a running import, in steps of ten.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	ProgressPercent *int32 `json:"progressPercent,omitempty"`

	// versions that are complete, the newest first.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Versions []ImageVersion `json:"versions,omitempty"`
}

// ImageVersion is one complete import.
type ImageVersion struct {
	// name of the version: its claim, or its volume snapshot.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// claimName is the PersistentVolumeClaim that holds the version; empty when a volume snapshot does.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ClaimName string `json:"claimName,omitempty"`

	// importTime is when the version was complete.
	// +optional
	ImportTime *metav1.Time `json:"importTime,omitempty"`
}

// WukongImage is a golden image from a registry or a web server, which can be imported again on a schedule. Disks are
// created from it with source.image.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wkimage,categories=wukong-all
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="UpToDate",type=string,JSONPath=`.status.conditions[?(@.type=="UpToDate")].status`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.currentVersion`
// +kubebuilder:printcolumn:name="Imported",type=date,JSONPath=`.status.lastImportTime`
// +kubebuilder:printcolumn:name="Schedule",type=string,JSONPath=`.spec.schedule`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Freshness",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="UpToDate")].message`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 63 && !self.metadata.name.contains('.')",message="the name of a WukongImage may have at most 63 characters and no dot: CDI names its versions after it"
type WukongImage struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec WukongImageSpec `json:"spec,omitzero"`

	// status is the observed state.
	// +optional
	Status WukongImageStatus `json:"status,omitempty"`
}

// WukongImageList is a list of WukongImages.
//
// +kubebuilder:object:root=true
type WukongImageList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WukongImage `json:"items"`
}

func init() { register(&WukongImage{}, &WukongImageList{}) }

// GetConditions implements Object.
func (o *WukongImage) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongImage) SetConditions(conditions []metav1.Condition) { o.Status.Conditions = conditions }

// GetPhase implements Object.
func (o *WukongImage) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongImage) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// CurrentVersion returns the version of the image from which disks are created; nil if there is none.
func (o *WukongImage) CurrentVersion() *ImageVersion {
	for i := range o.Status.Versions {
		if o.Status.CurrentVersion != "" && o.Status.Versions[i].Name == o.Status.CurrentVersion {
			return &o.Status.Versions[i]
		}
	}
	return nil
}
