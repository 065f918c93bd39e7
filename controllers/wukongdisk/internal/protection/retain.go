package protection

import (
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
)

// Retains reports whether the claim outlives the disk.
func Retains(disk *v1alpha1.WukongDisk) bool {
	return disk.Spec.ReclaimPolicy == v1alpha1.ReclaimRetain && !disk.AdoptsClaim()
}

// KeepsClaim reports whether a DataVolume of the disk still controls a claim that is retained. The garbage collector
// would delete the claim with it.
func KeepsClaim(view backing.View) bool { return Retains(view.Disk) && view.OwnDataVolume() != nil }

// KeepsTarget reports whether the claim of the target of a move is retained too. A VirtualMachine may use it already,
// and no object shows for certain that it does not have the newest bytes.
func KeepsTarget(disk *v1alpha1.WukongDisk) bool {
	move := disk.Status.Move
	return move != nil && move.Method == v1alpha1.MoveLive && move.Phase != v1alpha1.MovePreparing
}

// Child is an object whose owner reference depends on the reclaim policy. Annotations have to be set when it changes.
type Child struct {
	Object      client.Object
	Annotations map[string]string
}

// Children are the DataVolumes of a disk and its claim. The disk owns the claim itself only after CDI collected a
// finished DataVolume as garbage.
func Children(view backing.View) []Child {
	var children []Child
	candidates := append([]*cdiv1.DataVolume{view.DataVolume}, view.Copies.All()...)
	for _, dataVolume := range candidates {
		if dataVolume != nil && dataVolume.DeletionTimestamp.IsZero() {
			children = append(children, Child{dataVolume, backing.PrePopulated(dataVolume)})
		}
	}
	if view.Claim != nil && !view.Disk.AdoptsClaim() {
		children = append(children, Child{Object: view.Claim})
	}
	return children
}
