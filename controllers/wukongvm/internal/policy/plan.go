package policy

import (
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
)

// Inputs are the facts that decide what limits the traffic of a WukongVM.
type Inputs struct {
	VM       *v1alpha1.WukongVM
	Networks nics.Networks
	// Enforcement is the setting of the installer of Wukong.
	Enforcement Enforcement
	// Runs: there is a guest, which can no longer be kept from starting.
	Runs bool
}

// Plan is what limits the traffic of a WukongVM.
type Plan struct {
	vm *v1alpha1.WukongVM
	// limits are those of the WukongVM and of its networks. They apply on the pod network.
	limits      []*v1alpha1.TrafficPolicy
	enforcement Enforcement
	// holds: an interface is on the pod network. open are the names of those that are not.
	holds bool
	open  []string
	// unknown: a network does not exist, so its limits are not known.
	unknown bool
	// Cause is why the limits would not be enforced; nil when they are, or when there are none. A VirtualMachine that
	// does not exist yet is not created then: it would be open.
	Cause *cause.Cause
}

// Make returns the plan.
func Make(in Inputs) Plan {
	plan := Plan{vm: in.VM, enforcement: in.Enforcement, holds: in.Networks.AnyOnPodNetwork(in.VM),
		unknown: in.Networks.AnyMissing(in.VM)}
	if in.VM.Spec.Policy != nil {
		plan.limits = append(plan.limits, in.VM.Spec.Policy)
	}
	list := nics.Of(in.VM)
	for i := range list {
		if !in.Networks.OnPodNetwork(in.VM, &list[i]) {
			plan.open = append(plan.open, list[i].Name)
		}
		if network := in.Networks[model.NetworkName(in.VM, &list[i])]; network != nil && network.Spec.Policy != nil {
			plan.limits = append(plan.limits, network.Spec.Policy)
		}
	}
	plan.Cause = plan.cause(!in.Runs)
	return plan
}

func (p Plan) cause(blocking bool) *cause.Cause {
	switch {
	case len(p.limits) == 0, !p.holds && p.unknown: // the condition NetworksReady reports what is missing
		return nil
	case !p.holds:
		return &cause.Cause{Reason: v1alpha1.ReasonPolicyUnsupported, Blocking: blocking,
			Message: "spec.policy applies to the pod network only, and the WukongVM has " +
				"no interface there: leave out spec.policy, or add an entry with pod: {} to spec.networks; on other networks " +
				"separate WukongVMs by VLANs, or use the guest's firewall"}
	case p.enforcement == None:
		return &cause.Cause{Reason: v1alpha1.ReasonEnforcementMissing, Blocking: blocking,
			Message: "according to networkPolicyEnforcement the cluster's network plugin enforces no NetworkPolicy, so the " +
				"WukongVM would be open: remove the policy, or use a plugin " +
				"that does, such as Cilium, Calico or OVN-Kubernetes"}
	default:
		return nil
	}
}

// Keeps reports whether existing NetworkPolicies must not change: while a network is not known, its previous limits
// remain.
func (p Plan) Keeps() bool { return p.unknown }

// Desired returns the NetworkPolicy, or nil when nothing is limited. It outlives the WukongVM until the guest has
// ended.
func (p Plan) Desired(virtualMachine *kubevirtv1.VirtualMachine) *networkingv1.NetworkPolicy {
	if len(p.limits) == 0 || !p.holds {
		return nil
	}
	policy := desired(p.vm, p.limits)
	if virtualMachine != nil {
		// The garbage collector deletes an object when all its owners are deleted, and KubeVirt keeps a VirtualMachine
		// until its guest has ended.
		policy.OwnerReferences = append(policy.OwnerReferences, metav1.OwnerReference{
			APIVersion: kubevirtv1.GroupVersion.String(), Kind: kubevirtv1.VirtualMachineGroupVersionKind.Kind,
			Name: virtualMachine.Name, UID: virtualMachine.UID,
		})
	}
	return policy
}

// Report sets the condition PolicyReady of a WukongVM with limits. Written is the error of the write of the
// NetworkPolicy.
func (p Plan) Report(set *conditions.Set, written error) {
	if len(p.limits) == 0 {
		return
	}
	var open string
	if len(p.open) > 0 {
		open = "the policy does not apply to interfaces that are not on the pod network: " + strings.Join(p.open, ", ")
	}
	switch {
	case p.Cause != nil:
		set.False(v1alpha1.ConditionPolicyReady, p.Cause.Reason, p.Cause.Message)
	case written != nil:
		set.False(v1alpha1.ConditionPolicyReady, v1alpha1.ReasonPending, "see condition Synchronized")
	case p.unknown:
		set.False(v1alpha1.ConditionPolicyReady, v1alpha1.ReasonWaitingForNetwork,
			"a network is missing, whose policy is not known: see condition NetworksReady")
	case p.enforcement == Enforced:
		set.True(v1alpha1.ConditionPolicyReady, v1alpha1.ReasonReady, open)
	default:
		message := "NetworkPolicy " + model.NetworkPolicyName(p.vm) + " is written; whether it is enforced is not known: " +
			"set networkPolicyEnforcement when you install Wukong"
		if open != "" {
			message += "; " + open
		}
		set.Put(v1alpha1.ConditionPolicyReady, metav1.ConditionUnknown, v1alpha1.ReasonEnforcementUnverified, message)
	}
}
