package wukongdisk

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

// describe is the status beside its conditions.
func describe(disk *v1alpha1.WukongDisk, observed *observation, found *diskstate.Problem) v1alpha1.WukongDiskStatus {
	status := v1alpha1.WukongDiskStatus{Phase: v1alpha1.DiskReady, AttachedTo: observed.attachedTo, GuestSize: observed.custodyInputs(disk).GuestSize(observed.attachedTo)}
	if found != nil {
		status.Phase = found.Phase
	}
	if dataVolume := observed.dataVolume; dataVolume != nil {
		status.DataVolumeName = dataVolume.Name
		status.ImportRestarts = dvstate.Restarts(dataVolume)
		if found != nil && observed.stillSays(disk) == "" {
			status.ProgressPercent = dvstate.Progress(dataVolume.Status.Progress)
		}
	}
	// The claim's name is the promise that the claim is, or will be, this disk's: machines start on it.
	if observed.hasClaim(disk) {
		if observed.claimOwner == "" && (found == nil || found.Reason != v1alpha1.ReasonNameConflict) {
			status.ClaimName = observed.claimName(disk)
		}
	}
	status.RequestedSize = observed.growthInputs(disk).RequestedSize()
	// What the claim is like is told once the disk is being filled: in the bustle before that, each word of it would be a write.
	if observed.claim != nil && status.ClaimName != "" && status.Phase != v1alpha1.DiskPending {
		describeClaim(&status, observed.claim)
	}
	return status
}

// hasClaim tells whether the claim under the disk's name is, will be, or was until it was lost, this disk's.
func (o *observation) hasClaim(disk *v1alpha1.WukongDisk) bool {
	filling := o.dataVolume != nil && model.Belongs(o.dataVolume, disk)
	if o.claim == nil {
		return filling || wasFilled(disk)
	}
	return filling || disk.AdoptsClaim() || o.ownsClaim(disk)
}

func describeClaim(status *v1alpha1.WukongDiskStatus, claim *corev1.PersistentVolumeClaim) {
	status.StorageClassName = ptr.Deref(claim.Spec.StorageClassName, "")
	status.VolumeMode = ptr.Deref(claim.Spec.VolumeMode, "")
	for _, mode := range claim.Spec.AccessModes {
		status.AccessModes = append(status.AccessModes, v1alpha1.AccessMode(mode))
	}
	if request, ok := claim.Spec.Resources.Requests[corev1.ResourceStorage]; ok {
		status.ClaimRequest = &request
	}
	if capacity, ok := claim.Status.Capacity[corev1.ResourceStorage]; ok {
		status.Capacity = &capacity
	}
}
