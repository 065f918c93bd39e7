package hostbridge

import (
	"context"
	"fmt"
	"slices"

	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
)

// fieldManager owns the fields of policies.
const fieldManager = "wukong-host-bridge-controller"

// +kubebuilder:rbac:groups=nmstate.io,resources=nodenetworkconfigurationpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=nmstate.io,resources=nodenetworkconfigurationenactments;nodenetworkstates,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get;list;watch

// Reconciler manages the policies of bridges. The name in a request is that of a bridge.
type Reconciler struct {
	client       client.Client
	applier      *apply.Applier
	dependencies *dependency.Registry
}

// Reconcile runs a pass over one bridge. The networks on the bridge, which observe the same state, report its
// problems.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	observed, err := Observe(ctx, r.client, r.dependencies, request.Name)
	if err != nil || observed.Missing != nil {
		return reconcile.Result{}, err
	}
	switch observed.next() {
	case stepApply:
		_, err = apply.Shared(ctx, r.applier, observed.desired)
	case stepWithdraw:
		var absent *nmstatev1.NodeNetworkConfigurationPolicy
		if absent, err = Absent(request.Name, observed.policy); err == nil {
			_, err = apply.Shared(ctx, r.applier, absent)
		}
	case stepDelete:
		err = r.remove(ctx, observed.policy)
	}
	return reconcile.Result{}, err
}

// remove deletes the policy only at the observed version: the bridge may have a new user meanwhile.
func (r *Reconciler) remove(ctx context.Context, policy *nmstatev1.NodeNetworkConfigurationPolicy) error {
	preconditions := client.Preconditions{UID: ptr.To(policy.UID), ResourceVersion: ptr.To(policy.ResourceVersion)}
	if err := r.client.Delete(ctx, policy, preconditions); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("delete NodeNetworkConfigurationPolicy %s: %w", policy.Name, err))
	}
	return nil
}

// step is what a pass does.
type step int

const (
	stepNothing step = iota
	stepApply
	stepWithdraw
	stepDelete
)

// next returns what to do for a bridge.
func (o *Observation) next() step {
	switch policy := o.ours(); {
	case o.policy != nil && policy == nil, policy != nil && !policy.DeletionTimestamp.IsZero():
		return stepNothing
	case o.Share.Decider != nil:
		if !o.settled() && danger(o.bridge, o.Share.Decider.Spec.Bridge.Managed, made(o.ours()), o.nodes) != nil {
			return stepNothing
		}
		return stepApply
	case o.Share.Users > 0 || policy == nil:
		return stepNothing
	case adopted(policy):
		return stepDelete // NMState leaves everything on the nodes as it is
	case !withdrawing(policy) && o.occupied():
		return stepNothing
	case !withdrawing(policy):
		return stepWithdraw
	case released(policy, o.nodes):
		return stepDelete
	default:
		return stepNothing
	}
}

// occupied reports whether the bridge has ports beside its uplinks: guests that still run although their network was
// deleted.
func (o *Observation) occupied() bool {
	state, err := parsePolicy(o.policy)
	if err != nil {
		return false
	}
	uplink := map[string]bool{}
	for i := range state.Interfaces {
		if one := &state.Interfaces[i]; one.Name == o.bridge && one.Bridge != nil {
			for _, port := range one.Bridge.Port {
				uplink[port.Name] = true
			}
		}
	}
	for i := range o.nodes {
		if o.nodes[i].state == nil {
			continue
		}
		found := o.nodes[i].state.find(o.bridge)
		if found != nil &&
			slices.ContainsFunc(found.Bridge.Port, func(port nodePort) bool { return !uplink[port.Name] }) {
			return true
		}
	}
	return false
}

// withdrawing reports whether a policy already asks for the absence of its bridge.
func withdrawing(policy *nmstatev1.NodeNetworkConfigurationPolicy) bool {
	state, err := parsePolicy(policy)
	if err != nil {
		return false
	}
	for i := range state.Interfaces {
		if one := &state.Interfaces[i]; one.Type != typeEthernet && one.State != stateAbsent {
			return false
		}
	}
	return true
}
