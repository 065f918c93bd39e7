package wukongnetwork

import (
	"context"
	"strings"
	"time"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/wukongnetwork/internal/hostbridge"
)

// observation holds everything that decides about a network, read at the start of a pass.
type observation struct {
	umbrella umbrella.Link
	// usage to report, and when to count again.
	usage      usage
	countAfter time.Duration
	// hostRefusal is why the network may not use the node networks that it names; empty when it may.
	hostRefusal string
	// multusServed: the cluster serves NetworkAttachmentDefinitions.
	multusServed bool
	// featureMissing is what the network needs of nodes or KubeVirt and nobody offers, or nil.
	featureMissing *notReady
	// bridge is the state of the network's managed bridge; nil when nobody manages it.
	bridge *hostbridge.Verdict
	// attachment is the NetworkAttachmentDefinition that VirtualMachines name; nil when it does not exist, or none is
	// needed.
	attachment *networkv1.NetworkAttachmentDefinition
	// outcome is the result of this pass's writes; nil before them.
	outcome *pass.Outcome
}

func (r *Reconciler) observe(ctx context.Context, network *v1alpha1.WukongNetwork) (*observation, error) {
	observed := &observation{}
	var err error
	if observed.umbrella, err = umbrella.Observe(ctx, r.client, network); err != nil {
		return nil, err
	}
	if observed.hostRefusal, err = r.observeHostAccess(ctx, network); err != nil {
		return nil, err
	}
	if observed.featureMissing, err = r.missingFeature(ctx, &network.Spec); err != nil {
		return nil, err
	}
	if bridge := network.Spec.Bridge; bridge != nil {
		seen, err := hostbridge.Observe(ctx, r.client, r.dependencies, bridge.Name)
		if err != nil {
			return nil, err
		}
		observed.bridge = seen.Verdict(network)
	}
	found, err := r.observeUsage(ctx, network)
	if err != nil {
		return nil, err
	}
	observed.usage, observed.countAfter = r.due(network, found)
	namespace, name, needed := strings.Cut(network.AttachmentName(), "/")
	if !needed {
		return observed, nil
	}
	if observed.multusServed, err = r.dependencies.Served(ctx, dependency.NetworkAttachments); err != nil ||
		!observed.multusServed {
		return observed, err
	}
	observed.attachment, err = read.Get(ctx, r.client, namespace, name, &networkv1.NetworkAttachmentDefinition{})
	return observed, err
}
