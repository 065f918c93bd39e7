package wukongdisk

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/protocol/diskmove"
	"github.com/novasphere/wukong/controllers/internal/protocol/diskrestore"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/attachment"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/growth"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/protection"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/provisioner"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/relay"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/source"
)

// observation is what a pass knows: what it read at its beginning, what follows from that, and what it wrote. The steps
// put the objects that they write into it, for the status.
type observation struct {
	umbrella umbrella.Link
	// lostOwners are the owners that were deleted, of a protected disk.
	lostOwners []types.UID
	// importerServed reports that the cluster serves DataVolumes.
	importerServed bool
	// classExists reports that the StorageClass of the disk exists.
	classExists bool
	// View is the disk and the storage behind it.
	backing.View
	// provisionerFailure is why the claim gets no volume; empty when the provisioner reports nothing.
	provisionerFailure string
	// importer is what the DataVolume waits for.
	importer   dvstate.Waiting
	attachment attachment.Attachment
	// origin, severed and awaited are described in source.Inputs.
	origin           *source.Origin
	severed, awaited bool
	// relay is what was read of the relay: see relay.Inputs.
	relay relay.Seen
	// growing is nil for a claim that has the size of the spec: see growth.Inputs.
	growing *growth.Storage
	// restoreOrigin is the VolumeSnapshot that the disk is about to be restored from.
	restoreOrigin diskrestore.Origin
	// targetFailure is why the claim that the disk is restored to gets no volume; empty for nothing.
	targetFailure string
	// move and restore are what follows from all this for a move to another class, and for a restore.
	move    diskmove.Decision
	restore diskrestore.Decision
	// outcome is the result of the writes of this pass; nil before them.
	outcome *pass.Outcome
}

// observe reads everything that the decisions about a disk need.
func (r *Reconciler) observe(ctx context.Context, disk *v1alpha1.WukongDisk) (*observation, error) {
	observed := &observation{View: backing.View{Disk: disk}}
	for _, observePart := range []func(context.Context, *observation) error{
		r.observeCluster, r.observeStorage, r.observeAttachment, r.observeTargetClaim, r.observeSource, r.observeGrowth,
		r.observeRestore,
	} {
		if err := observePart(ctx, observed); err != nil {
			return observed, err
		}
	}
	var err error
	if observed.relay, err = r.relays.Read(ctx, observed.View); err != nil {
		return observed, err
	}
	observed.move = observed.moveInputs().Decide()
	observed.restore = observed.restoreInputs().Decide()
	return observed, nil
}

// observeCluster reads the owners of the disk, and what it needs of the cluster.
func (r *Reconciler) observeCluster(ctx context.Context, observed *observation) (err error) {
	if observed.umbrella, err = umbrella.Observe(ctx, r.client, observed.Disk); err != nil {
		return err
	}
	if observed.lostOwners, err = protection.LostOwners(ctx, r.client, observed.Disk); err != nil {
		return err
	}
	if observed.importerServed, err = r.dependencies.Served(ctx, dependency.DataVolumes); err != nil {
		return err
	}
	observed.classExists, err = provisioner.ClassExists(ctx, r.client, observed.Disk)
	return err
}

// observeStorage reads the DataVolumes and claims of the disk, and what programs report about them.
func (r *Reconciler) observeStorage(ctx context.Context, observed *observation) (err error) {
	if observed.View, err = backing.Read(ctx, r.client, observed.Disk, observed.importerServed); err != nil {
		return err
	}
	if observed.Adoption, err = backing.ReadAdoption(ctx, r.client, observed.Disk, observed.Claim); err != nil {
		return err
	}
	if observed.provisionerFailure, err = provisioner.ReadFailure(ctx, r.client, observed.Claim); err != nil {
		return err
	}
	if observed.DataVolume != nil {
		observed.importer, err = dvstate.Stuck(ctx, r.applier.Live, observed.DataVolume, r.clock.Now())
	}
	return err
}

// observeTargetClaim reads the claim that the disk moves to or is restored to.
func (r *Reconciler) observeTargetClaim(ctx context.Context, observed *observation) (err error) {
	name := observed.targetClaimName()
	if name == "" {
		return nil
	}
	observed.TargetClaim, err = read.Get(ctx, r.client, observed.Disk.Namespace, name, &corev1.PersistentVolumeClaim{})
	return err
}

// observeAttachment reads which WukongVM has the disk.
func (r *Reconciler) observeAttachment(ctx context.Context, observed *observation) (err error) {
	reader := attachment.Reader{Cached: r.client, Live: r.applier.Live, Dependencies: r.dependencies}
	observed.attachment, err = reader.Read(ctx, observed.Disk, observed.ClaimName())
	return err
}

// observeSource reads what the disk is a clone of, and whether another object needs its bytes.
func (r *Reconciler) observeSource(ctx context.Context, observed *observation) (err error) {
	reader := r.sourceReader(observed)
	if observed.severed, err = reader.Severed(ctx, observed.sourceInputs()); err != nil {
		return err
	}
	if observed.origin, err = reader.Origin(ctx, observed.sourceInputs()); err != nil {
		return err
	}
	observed.awaited, err = reader.Awaited(ctx, observed.sourceInputs())
	return err
}

func (r *Reconciler) sourceReader(observed *observation) source.Reader {
	return source.Reader{Storage: r.growthReader(observed), Dependencies: r.dependencies, Namespaces: r.namespaces}
}

// observeGrowth reads what the growth of the claim depends on.
func (r *Reconciler) observeGrowth(ctx context.Context, observed *observation) (err error) {
	observed.growing, err = r.growthReader(observed).Read(ctx, observed.growthInputs())
	return err
}

func (r *Reconciler) growthReader(observed *observation) growth.Reader {
	return growth.Reader{Cached: r.client, Live: r.applier.Live, ImporterServed: observed.importerServed}
}

// relayInputs decide about the relay of the source.
func (o *observation) relayInputs() relay.Inputs { return relay.Inputs{View: o.View, Seen: o.relay} }

// sourceInputs decide what the disk is filled from.
func (o *observation) sourceInputs() source.Inputs {
	return source.Inputs{View: o.View, Origin: o.origin, Severed: o.severed, Awaited: o.awaited}
}

// growthInputs decide about the size of the disk.
func (o *observation) growthInputs() growth.Inputs {
	return growth.Inputs{
		Disk: o.Disk, Claim: o.OwnClaim(), DataVolume: o.DataVolume,
		Moves: o.Disk.Status.Move != nil || o.Copies.Target != nil, Storage: o.growing,
	}
}

// moveInputs decide about the move of the disk.
func (o *observation) moveInputs() diskmove.Inputs {
	grows := o.growthInputs()
	in := diskmove.Inputs{
		Disk: o.Disk, VMs: o.attachment.VMs, AttachedTo: o.attachment.AttachedTo, Copies: o.Copies, Claim: o.OwnClaim(),
		DataVolume: o.DataVolume, TargetClaim: o.TargetClaim, ClassFound: o.classExists, Complete: grows.Complete(),
		RequestedSize: grows.RequestedSize(), Restoring: o.restoreInputs().UnderWay(),
	}
	in.Copies.Current = o.ClaimName()
	in.Grows = in.Claim != nil && (diskstate.Grows(in.Claim) != nil || grows.Begins())
	return in
}
