package backing

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/protocol/copies"
)

// View is a disk and the storage behind it, as they were read.
type View struct {
	Disk *v1alpha1.WukongDisk
	// Copies are the DataVolumes that the disk was moved or restored to, or will be, and the name of the claim that holds
	// it.
	Copies copies.Copies
	// DataVolume and Claim have the name of the claim that holds the disk. Each is nil when it does not exist, and may
	// be unmanaged or belong to another object.
	DataVolume *cdiv1.DataVolume
	Claim      *corev1.PersistentVolumeClaim
	// TargetClaim is the claim of the target of a move or restore, or has the name that it would get; nil when none
	// exists.
	TargetClaim *corev1.PersistentVolumeClaim
	// Adoption is what was read about the claim of a disk that adopts one.
	Adoption Adoption
}

// ClaimName is the name of the claim that holds the disk, or will hold it.
func (v View) ClaimName() string { return cmp.Or(v.Copies.Current, v.Disk.ClaimName()) }

// OwnDataVolume is the DataVolume if it is the disk's, else nil.
func (v View) OwnDataVolume() *cdiv1.DataVolume {
	if v.DataVolume == nil || !model.Belongs(v.DataVolume, v.Disk) {
		return nil
	}
	return v.DataVolume
}

// OwnClaim is the claim if it is the disk's, else nil. The disk's claim is controlled by its DataVolume, or by the disk
// itself after CDI collected the finished DataVolume as garbage.
func (v View) OwnClaim() *corev1.PersistentVolumeClaim {
	if v.Claim == nil {
		return nil
	}
	dataVolume := v.OwnDataVolume()
	if model.Belongs(v.Claim, v.Disk) || v.deletedAfterDataVolume() ||
		dataVolume != nil && metav1.IsControlledBy(v.Claim, dataVolume) {
		return v.Claim
	}
	return nil
}

// HasClaim reports whether the claim of the disk's name is the disk's, will be, or was until it was lost.
func (v View) HasClaim() bool {
	if v.OwnDataVolume() != nil {
		return true
	}
	if v.Claim == nil {
		return Filled(v.Disk)
	}
	return v.Disk.AdoptsClaim() || v.OwnClaim() != nil
}

// Moved reports whether another claim holds the disk than the one that it began with.
func (v View) Moved() bool { return v.ClaimName() != v.Disk.ClaimName() }

// FinishMove makes the target of a move the storage of the disk.
func (v *View) FinishMove() {
	if v.DataVolume != nil {
		v.Copies.Stale = append(v.Copies.Stale, v.DataVolume)
	}
	v.DataVolume, v.Claim = v.Copies.Target, v.TargetClaim
	v.Copies.Current, v.Copies.DataVolume = v.Copies.Target.Name, v.Copies.Target
	v.Copies.Target, v.TargetClaim = nil, nil
}

// deletedAfterDataVolume reports whether the claim held the disk and is being deleted, because the DataVolume that
// controls it was deleted.
func (v View) deletedAfterDataVolume() bool {
	if !Filled(v.Disk) || v.Claim.DeletionTimestamp.IsZero() || v.DataVolume != nil {
		return false
	}
	return madeByDataVolume(v.Claim)
}

// madeByDataVolume reports whether a DataVolume of the claim's name controls the claim.
func madeByDataVolume(claim *corev1.PersistentVolumeClaim) bool {
	owner := metav1.GetControllerOf(claim)
	return owner != nil && owner.Kind == "DataVolume" && owner.Name == claim.Name
}
