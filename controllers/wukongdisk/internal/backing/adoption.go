package backing

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/protocol/custody"
	"github.com/novasphere/wukong/controllers/internal/read"
)

// Adoption is what was read about the claim of a disk that adopts one. It is zero for any other disk.
type Adoption struct {
	// Owner is the name of the WukongDisk that the claim belongs to; empty when the disk may adopt it.
	Owner string
	// BindsLater reports that the StorageClass of the claim binds at first use.
	BindsLater bool
}

// ReadAdoption reads who owns the claim of a disk that adopts one, and when it is bound.
func ReadAdoption(
	ctx context.Context, reader client.Reader, disk *v1alpha1.WukongDisk, claim *corev1.PersistentVolumeClaim,
) (Adoption, error) {
	if !disk.AdoptsClaim() {
		return Adoption{}, nil
	}
	disks := &v1alpha1.WukongDiskList{}
	err := reader.List(ctx, disks,
		client.InNamespace(disk.Namespace), client.MatchingFields{index.DiskByClaim: disk.ClaimName()})
	if err != nil {
		return Adoption{}, fmt.Errorf("list the disks on PersistentVolumeClaim %s: %w", disk.ClaimName(), err)
	}
	later, err := bindsLater(ctx, reader, claim)
	return Adoption{Owner: custody.ClaimOwner(disk, disks.Items), BindsLater: later}, err
}

// bindsLater reports whether a claim waits for its first consumer. Of a claim that CDI makes, the DataVolume reports
// it.
func bindsLater(ctx context.Context, reader client.Reader, claim *corev1.PersistentVolumeClaim) (bool, error) {
	if claim == nil || claim.Status.Phase != corev1.ClaimPending ||
		ptr.Deref(claim.Spec.StorageClassName, "") == "" {
		return false, nil
	}
	class, err := read.Get(ctx, reader, "", *claim.Spec.StorageClassName, &storagev1.StorageClass{})
	if err != nil || class == nil {
		return false, err
	}
	mode := ptr.Deref(class.VolumeBindingMode, storagev1.VolumeBindingImmediate)
	return mode == storagev1.VolumeBindingWaitForFirstConsumer, nil
}

// AdoptionProblem reports why the disk cannot use the claim that it adopts; nil when it can.
func (v View) AdoptionProblem() *diskstate.Problem {
	switch {
	case v.Claim == nil:
		return diskstate.Failed(v1alpha1.ReasonClaimMissing,
			"PersistentVolumeClaim %s does not exist in namespace %s; "+
				"create it, or correct source.persistentVolumeClaim.name", v.Disk.ClaimName(), v.Disk.Namespace)
	case v.Adoption.Owner != "":
		return diskstate.Failed(v1alpha1.ReasonClaimInUse,
			"PersistentVolumeClaim %s is that of WukongDisk %s: use that one in its place, "+
				"with spec.shared if several WukongVMs write, or a clone of it", v.Disk.ClaimName(), v.Adoption.Owner)
	case v.Adoption.BindsLater && v.Claim.Status.Phase == corev1.ClaimPending:
		return diskstate.AwaitingConsumer()
	}
	return diskstate.Bound(v.Claim)
}
