package wukongnetwork

import (
	"context"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/cni"
)

// applyAttachment writes the NetworkAttachmentDefinition of a network that has its own, unless there is an obstacle,
// and records it in the observation. It withdraws that of a network that may not use the node networks that it names.
func (r *Reconciler) applyAttachment(
	ctx context.Context, network *v1alpha1.WukongNetwork, observed *observation,
) error {
	if observed.hostRefusal != "" {
		return r.withdraw(ctx, network, observed)
	}
	if obstacle(network, observed) != nil {
		return nil
	}
	desired, err := cni.ForNetwork(network)
	if err != nil || desired == nil {
		return err
	}
	applied, err := apply.Child(ctx, r.applier, network, desired)
	if err != nil {
		return err
	}
	observed.attachment = applied
	return nil
}
