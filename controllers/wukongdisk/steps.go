package wukongdisk

import (
	"context"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/pass"
)

// Steps whose outcome the status reports.
const (
	// stepMove continues a move to another StorageClass.
	stepMove = "move"
	// stepRestore continues a restore from a snapshot.
	stepRestore = "restore"
)

// steps are the writes of a pass over a disk that is not being deleted. Nothing is created before the disk has its
// finalizer, which deletes or keeps it. The mark that a disk was filled is written before the status, so that readers
// of Ready can rely on it.
var steps = pass.New("wukongdisk",
	pass.Do("metadata", (*Reconciler).applyMetadata),
	pass.Do("ownership", (*Reconciler).settleOwnership),
	pass.Do("relay", (*Reconciler).runRelay, "metadata"),
	pass.Do("data-volume", (*Reconciler).applyDataVolume, "metadata", "ownership", "relay"),
	pass.Do("growth", (*Reconciler).growClaim, "data-volume"),
	pass.Do(stepMove, (*Reconciler).continueMove, "metadata"),
	pass.Do(stepRestore, (*Reconciler).continueRestore, "metadata"),
	pass.Do("filled", (*Reconciler).markFilled),
	pass.Do("protection", (*Reconciler).settleProtection),
)

// applyMetadata sets the finalizer of the disk, and makes it a dependent of its Wukong.
func (r *Reconciler) applyMetadata(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	return r.applier.Metadata(ctx, disk.DeepCopy(), apply.Metadata{
		Finalizer: v1alpha1.FinalizerDisk, Umbrella: observed.umbrella.OwnerReference(),
	})
}

// runRelay offers the object of the source to CDI, if it has to be verified or decrypted.
func (r *Reconciler) runRelay(ctx context.Context, _ *v1alpha1.WukongDisk, observed *observation) error {
	return r.relays.Run(ctx, observed.relayInputs())
}
