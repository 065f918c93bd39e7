package hostbridge

import (
	"fmt"
	"maps"
	"reflect"

	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

// Verdict is what a network reports about its bridge.
type Verdict struct {
	// Status is the state of the bridge on the nodes; nil without a managed bridge.
	Status *v1alpha1.HostBridgeStatus
	// Reason and Message explain why the bridge is not ready for the network; empty when it is.
	Reason, Message string
	// Waiting: nothing is wrong, it only takes time.
	Waiting bool
	// Note describes a conflict that does not affect the network itself.
	Note string
}

// ours returns the existing policy if Wukong manages it, or nil.
func (o *Observation) ours() *nmstatev1.NodeNetworkConfigurationPolicy {
	if o.policy == nil || !apply.Ours(o.policy) {
		return nil
	}
	return o.policy
}

// settled reports whether the policy is in its desired state.
func (o *Observation) settled() bool {
	live := o.ours()
	return live != nil && o.desired != nil && live.DeletionTimestamp.IsZero() && same(live, o.desired) &&
		adopted(live) == adopted(o.desired)
}

// same compares what two policies ask for. Their texts may be formatted differently.
func same(one, two *nmstatev1.NodeNetworkConfigurationPolicy) bool {
	first, err := parsePolicy(one)
	if err != nil {
		return false
	}
	second, err := parsePolicy(two)
	return err == nil && maps.Equal(one.Spec.NodeSelector, two.Spec.NodeSelector) && reflect.DeepEqual(first, second)
}

// Verdict returns the state of a network's bridge; nil when no network manages the bridge.
func (o *Observation) Verdict(network *v1alpha1.WukongNetwork) *Verdict {
	decider := o.Share.Decider
	if decider == nil {
		return nil
	}
	verdict := &Verdict{}
	if o.Share.Dissents(network) {
		verdict.Reason = v1alpha1.ReasonBridgeConflict
		verdict.Message = fmt.Sprintf("%s manages bridge %s with other settings, and is older; give both the same "+
			"bridge.managed, or leave it out here to use the bridge as it is, or name another bridge",
			called(decider, network), o.bridge)
		return verdict
	}
	if decider.UID == network.UID && len(o.Share.Dissenters) > 0 {
		verdict.Note = fmt.Sprintf("%s asks for other settings of bridge %s; this network is older and decides",
			called(o.Share.Dissenters[0], network), o.bridge)
	}
	o.judge(verdict)
	return verdict
}

// judge sets the state of the bridge on the nodes.
func (o *Observation) judge(verdict *Verdict) {
	if o.Missing != nil {
		verdict.Reason, verdict.Message = v1alpha1.ReasonDependencyMissing, o.Missing.Missing()
		return
	}
	if o.policy != nil && o.ours() == nil {
		verdict.Reason = v1alpha1.ReasonNameConflict
		verdict.Message = fmt.Sprintf("NodeNetworkConfigurationPolicy %s already exists and is not managed by Wukong: "+
			"it is not changed; rename or remove it, or choose another name for the bridge", o.policy.Name)
		return
	}
	if len(o.nodes) == 0 {
		verdict.Reason = v1alpha1.ReasonNodeFeatureMissing
		verdict.Message = fmt.Sprintf("no node has the labels that bridge.managed.nodeSelector of bridge "+
			"%s asks for", o.bridge)
		return
	}
	policy := o.desired
	if !o.settled() {
		if found := danger(o.bridge, o.Share.Decider.Spec.Bridge.Managed, made(o.ours()), o.nodes); found != nil {
			verdict.Reason, verdict.Message = v1alpha1.ReasonHostAddressAtRisk, found.Message
			if found.Unknown {
				verdict.Reason, verdict.Waiting = v1alpha1.ReasonNodeStateUnknown, true
			}
			return
		}
	} else {
		policy = o.policy
	}
	status, worst, message := progress(policy, o.nodes)
	verdict.Status = &status
	switch {
	case !o.settled() || worst == stageWaiting || worst == stageReady && status.ReadyNodes == 0:
		verdict.Reason, verdict.Waiting = v1alpha1.ReasonConfiguringNodes, true
		verdict.Message = fmt.Sprintf("bridge %s is on %d of %d nodes", o.bridge, status.ReadyNodes,
			status.SelectedNodes)
		if message != "" {
			verdict.Message += "; " + message
		}
	case worst == stageFailed:
		verdict.Reason = v1alpha1.ReasonNodesFailed
		verdict.Message = fmt.Sprintf("NMState could not create bridge %s on %s", o.bridge, message)
	}
}

// called names a network in a message to another one. Networks of other namespaces are not named.
func called(network, to *v1alpha1.WukongNetwork) string {
	if network.Namespace == to.Namespace {
		return "WukongNetwork " + network.Name
	}
	return "a WukongNetwork of another namespace"
}
