package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Object is what all kinds have in common. Controllers share their machinery through it.
//
// +kubebuilder:object:generate=false
type Object interface {
	metav1.Object
	// GetConditions returns the conditions of status.
	GetConditions() []metav1.Condition
	// SetConditions replaces the conditions of status.
	SetConditions([]metav1.Condition)
	// GetPhase returns the phase of status as a plain string.
	GetPhase() string
	// UmbrellaName returns the name in spec.wukongRef, or "".
	UmbrellaName() string
}

// Operation is a kind whose work is done once.
//
// +kubebuilder:object:generate=false
type Operation interface {
	Object
	// Finished reports whether the work succeeded or was given up, for good.
	Finished() bool
	// OperationStatus returns the part of status that all operations have.
	OperationStatus() *OperationStatus
	// TTLAfterFinished returns ttlSecondsAfterFinished; nil without one.
	TTLAfterFinished() *int64
}

// Finished implements Operation.
func (o *WukongSnapshot) Finished() bool { return o.Status.Finished() }

// OperationStatus implements Operation.
func (o *WukongSnapshot) OperationStatus() *OperationStatus { return &o.Status.OperationStatus }

// TTLAfterFinished implements Operation.
func (o *WukongSnapshot) TTLAfterFinished() *int64 { return o.Spec.TTLSecondsAfterFinished }

// Finished implements Operation.
func (o *WukongExport) Finished() bool { return o.Status.Finished() }

// OperationStatus implements Operation.
func (o *WukongExport) OperationStatus() *OperationStatus { return &o.Status.OperationStatus }

// TTLAfterFinished implements Operation.
func (o *WukongExport) TTLAfterFinished() *int64 { return o.Spec.TTLSecondsAfterFinished }

// Finished implements Operation.
func (o *WukongClone) Finished() bool { return o.Status.Finished() }

// OperationStatus implements Operation.
func (o *WukongClone) OperationStatus() *OperationStatus { return &o.Status.OperationStatus }

// TTLAfterFinished implements Operation.
func (o *WukongClone) TTLAfterFinished() *int64 { return o.Spec.TTLSecondsAfterFinished }

// Finished implements Operation.
func (o *WukongMigration) Finished() bool { return o.Status.Finished() }

// OperationStatus implements Operation.
func (o *WukongMigration) OperationStatus() *OperationStatus { return &o.Status.OperationStatus }

// TTLAfterFinished implements Operation.
func (o *WukongMigration) TTLAfterFinished() *int64 { return o.Spec.TTLSecondsAfterFinished }

func umbrellaName(ref *LocalObjectReference) string {
	if ref == nil {
		return ""
	}
	return ref.Name
}

// GetConditions implements Object.
func (o *Wukong) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *Wukong) SetConditions(conditions []metav1.Condition) { o.Status.Conditions = conditions }

// GetPhase implements Object.
func (o *Wukong) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object: an umbrella has none above it.
func (o *Wukong) UmbrellaName() string { return "" }

// GetConditions implements Object.
func (o *WukongVM) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongVM) SetConditions(conditions []metav1.Condition) { o.Status.Conditions = conditions }

// GetPhase implements Object.
func (o *WukongVM) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongVM) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// GetConditions implements Object.
func (o *WukongDisk) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongDisk) SetConditions(conditions []metav1.Condition) { o.Status.Conditions = conditions }

// GetPhase implements Object.
func (o *WukongDisk) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongDisk) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// GetConditions implements Object.
func (o *WukongNetwork) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongNetwork) SetConditions(conditions []metav1.Condition) {
	o.Status.Conditions = conditions
}

// GetPhase implements Object.
func (o *WukongNetwork) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongNetwork) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// GetConditions implements Object.
func (o *WukongSnapshot) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongSnapshot) SetConditions(conditions []metav1.Condition) {
	o.Status.Conditions = conditions
}

// GetPhase implements Object.
func (o *WukongSnapshot) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongSnapshot) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// GetConditions implements Object.
func (o *WukongClone) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongClone) SetConditions(conditions []metav1.Condition) { o.Status.Conditions = conditions }

// GetPhase implements Object.
func (o *WukongClone) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongClone) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// GetConditions implements Object.
func (o *WukongMigration) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongMigration) SetConditions(conditions []metav1.Condition) {
	o.Status.Conditions = conditions
}

// GetPhase implements Object.
func (o *WukongMigration) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongMigration) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// GetConditions implements Object.
func (o *WukongImage) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongImage) SetConditions(conditions []metav1.Condition) { o.Status.Conditions = conditions }

// GetPhase implements Object.
func (o *WukongImage) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongImage) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// GetConditions implements Object.
func (o *WukongExport) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongExport) SetConditions(conditions []metav1.Condition) { o.Status.Conditions = conditions }

// GetPhase implements Object.
func (o *WukongExport) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongExport) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// ClaimName is the PersistentVolumeClaim that holds the disk, or will: the existing one that source names, else one of the
// disk's own name.
func (o *WukongDisk) ClaimName() string {
	if o.AdoptsClaim() {
		return o.Spec.Source.PersistentVolumeClaim.Name
	}
	return o.Name
}

// AdoptsClaim tells whether the disk stands on a claim that Wukong did not make, and never changes or deletes.
func (o *WukongDisk) AdoptsClaim() bool {
	return o.Spec.Source != nil && o.Spec.Source.PersistentVolumeClaim != nil
}

// Complete tells whether all bytes of the disk are there: see ConditionComplete.
func (o *WukongDisk) Complete() bool {
	return meta.IsStatusConditionTrue(o.Status.Conditions, ConditionComplete)
}

// CurrentVersion is the version of the image that disks start from; nil without one.
func (o *WukongImage) CurrentVersion() *ImageVersion {
	for i := range o.Status.Versions {
		if o.Status.CurrentVersion != "" && o.Status.Versions[i].Name == o.Status.CurrentVersion {
			return &o.Status.Versions[i]
		}
	}
	return nil
}

// AttachmentName is the NetworkAttachmentDefinition that machines name, as namespace/name; empty for the pod network.
func (o *WukongNetwork) AttachmentName() string {
	switch reference := o.Spec.NetworkAttachmentDefinition; {
	case o.Spec.Type == NetworkTypePod:
		return ""
	case reference == nil:
		return o.Namespace + "/" + o.Name
	case reference.Namespace == "":
		return o.Namespace + "/" + reference.Name
	default:
		return reference.Namespace + "/" + reference.Name
	}
}
