package wukongnetwork

import (
	"context"
	"strings"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
)

// observation is everything that decides about a network, read at the beginning of a pass.
type observation struct {
	umbrella umbrella.Link
	// multusServed: the cluster serves NetworkAttachmentDefinitions.
	multusServed bool
	// attachment is the NetworkAttachmentDefinition that machines name; nil when it does not exist, or none is needed.
	attachment *networkv1.NetworkAttachmentDefinition
}

func (r *Reconciler) observe(ctx context.Context, network *v1alpha1.WukongNetwork) (*observation, error) {
	observed := &observation{}
	var err error
	if observed.umbrella, err = umbrella.Observe(ctx, r.client, network); err != nil {
		return nil, err
	}
	namespace, name, needed := strings.Cut(network.AttachmentName(), "/")
	if !needed {
		return observed, nil
	}
	if observed.multusServed, err = r.dependencies.Served(ctx, dependency.NetworkAttachments); err != nil || !observed.multusServed {
		return observed, err
	}
	observed.attachment, err = read.Get(ctx, r.client, namespace, name, &networkv1.NetworkAttachmentDefinition{})
	return observed, err
}
