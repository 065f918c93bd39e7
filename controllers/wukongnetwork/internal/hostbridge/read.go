package hostbridge

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/nmstate/kubernetes-nmstate/api/shared"
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/read"
)

// APIs are the APIs of NMState that a managed bridge needs.
var APIs = []dependency.API{dependency.NodePolicies, dependency.NodeEnactments, dependency.NodeStates}

// Observation holds everything that decides about a bridge.
type Observation struct {
	bridge string
	Share  Share
	// Missing is the API of NMState that the cluster does not serve; nil when it serves all.
	Missing *dependency.API
	// policy is the policy of the bridge, or an unmanaged one with its name; nil when there is none.
	policy *nmstatev1.NodeNetworkConfigurationPolicy
	// desired is the desired policy; nil when no network manages the bridge.
	desired *nmstatev1.NodeNetworkConfigurationPolicy
	// nodes that must have the bridge, or that the policy still selects if none must; by name.
	nodes []node
}

// Observe reads everything that decides about a bridge, from the cache.
func Observe(
	ctx context.Context, reader client.Reader, dependencies *dependency.Registry, bridge string,
) (*Observation, error) {
	networks := &v1alpha1.WukongNetworkList{}
	if err := reader.List(ctx, networks, client.MatchingFields{index.NetworkByBridge: bridge}); err != nil {
		return nil, fmt.Errorf("list the networks of bridge %s: %w", bridge, err)
	}
	observed := &Observation{bridge: bridge, Share: ShareOf(networks.Items)}
	for i := range APIs {
		served, err := dependencies.Served(ctx, APIs[i])
		if err != nil {
			return nil, err
		}
		if !served {
			observed.Missing = &APIs[i]
			return observed, nil
		}
	}
	var err error
	observed.policy, err = read.Get(ctx, reader, "", PolicyName(bridge), &nmstatev1.NodeNetworkConfigurationPolicy{})
	if err != nil {
		return nil, err
	}
	var selector map[string]string
	switch decider := observed.Share.Decider; {
	case decider != nil:
		selector = decider.Spec.Bridge.Managed.NodeSelector
		if observed.desired, err = Present(bridge, decider.Spec.Bridge.Managed, observed.ours()); err != nil {
			return nil, err
		}
	case observed.ours() != nil:
		selector = observed.policy.Spec.NodeSelector
	default:
		return observed, nil
	}
	return observed, observed.readNodes(ctx, reader, selector)
}

func (o *Observation) readNodes(ctx context.Context, reader client.Reader, selector map[string]string) error {
	list := &corev1.NodeList{}
	if err := reader.List(ctx, list,
		client.MatchingLabelsSelector{Selector: labels.SelectorFromSet(selector)}); err != nil {
		return fmt.Errorf("list the nodes of bridge %s: %w", o.bridge, err)
	}
	for i := range list.Items {
		one := node{name: list.Items[i].Name, ready: Ready(&list.Items[i])}
		state, err := read.Get(ctx, reader, "", one.name, &nmstatev1beta1.NodeNetworkState{})
		if err != nil {
			return err
		}
		if state != nil && len(state.Status.CurrentState.Raw) > 0 {
			if one.state, err = parseState(state.Status.CurrentState); err != nil {
				return err
			}
		}
		name := shared.EnactmentKey(one.name, PolicyName(o.bridge)).Name
		if one.enactment, err = read.Get(ctx, reader, "", name,
			&nmstatev1beta1.NodeNetworkConfigurationEnactment{}); err != nil {
			return err
		}
		o.nodes = append(o.nodes, one)
	}
	slices.SortFunc(o.nodes, func(one, two node) int { return cmp.Compare(one.name, two.name) })
	return nil
}

// Ready reports whether a node is ready.
func Ready(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(condition corev1.NodeCondition) bool {
		return condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
	})
}
