package hostbridge

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/nmstate/kubernetes-nmstate/api/shared"
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
)

const (
	// maxNodes is how many nodes a status lists (HostBridgeStatus.nodes).
	maxNodes = 32
	// maxNodeMessage is how much is kept of NMState's message about a node, which is a whole log when it fails.
	maxNodeMessage = 512
)

// node is a node that must have the bridge.
type node struct {
	name  string
	ready bool
	// state is what NMState reports about it; nil when it reports nothing.
	state     *nodeState
	enactment *nmstatev1beta1.NodeNetworkConfigurationEnactment
}

// stage is the progress of a node with a policy.
type stage int

const (
	// stageAway: the node is not ready, so no guest starts there, and nothing waits for it.
	stageAway stage = iota
	// stageReady: the node matches the policy.
	stageReady
	// stageWaiting: NMState has not finished there.
	stageWaiting
	// stageFailed: NMState failed there.
	stageFailed
)

// stageOf returns the progress of a node with a policy, and why.
func stageOf(policy *nmstatev1.NodeNetworkConfigurationPolicy, one *node) (stage, string) {
	enactment := one.enactment
	switch {
	case enactment != nil && enactment.Status.PolicyGeneration == policy.Generation &&
		enacted(enactment, shared.NodeNetworkConfigurationEnactmentConditionAvailable) != nil:
		return stageReady, ""
	case !one.ready:
		return stageAway, "the node is not ready"
	case enactment == nil && one.state == nil:
		return stageWaiting, "NMState's handler does not run there"
	case enactment == nil || enactment.Status.PolicyGeneration != policy.Generation:
		return stageWaiting, "NMState has not started"
	}
	for _, kind := range []shared.ConditionType{
		shared.NodeNetworkConfigurationEnactmentConditionFailing,
		shared.NodeNetworkConfigurationEnactmentConditionAborted,
	} {
		if found := enacted(enactment, kind); found != nil {
			return stageFailed, conditions.Shorten(cmp.Or(found.Message, string(found.Reason)), maxNodeMessage)
		}
	}
	return stageWaiting, "NMState is applying the policy"
}

func enacted(enactment *nmstatev1beta1.NodeNetworkConfigurationEnactment, kind shared.ConditionType) *shared.Condition {
	if found := enactment.Status.Conditions.Find(kind); found != nil && found.Status == corev1.ConditionTrue {
		return found
	}
	return nil
}

// progress returns the status of all nodes, and the worst stage of those that count.
func progress(
	policy *nmstatev1.NodeNetworkConfigurationPolicy, nodes []node,
) (v1alpha1.HostBridgeStatus, stage, string) {
	status := v1alpha1.HostBridgeStatus{Policy: policy.Name, SelectedNodes: int32(len(nodes)),
		NodeSelector: policy.Spec.NodeSelector}
	worst, message := stageReady, ""
	for i := range nodes {
		reached, why := stageOf(policy, &nodes[i])
		if reached == stageReady {
			status.ReadyNodes++
		}
		if reached > worst {
			worst, message = reached, fmt.Sprintf("node %s: %s", nodes[i].name, why)
		}
		status.Nodes = append(status.Nodes,
			v1alpha1.HostBridgeNode{Name: nodes[i].name, Ready: reached == stageReady, Message: why})
	}
	slices.SortFunc(status.Nodes, func(one, two v1alpha1.HostBridgeNode) int {
		return cmp.Or(boolRank(one.Ready)-boolRank(two.Ready), cmp.Compare(one.Name, two.Name))
	})
	status.Nodes = status.Nodes[:min(len(status.Nodes), maxNodes)]
	return status, worst, message
}

func boolRank(value bool) int {
	if value {
		return 1
	}
	return 0
}

// released reports whether every node that can has applied a policy.
func released(policy *nmstatev1.NodeNetworkConfigurationPolicy, nodes []node) bool {
	for i := range nodes {
		// A node without a handler never had the bridge, or nothing is left that could remove it.
		if nodes[i].state == nil && nodes[i].enactment == nil {
			continue
		}
		if reached, _ := stageOf(policy, &nodes[i]); reached != stageReady {
			return false
		}
	}
	return true
}
