package wukongnetwork

import (
	"context"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/problem"
	"github.com/novasphere/wukong/controllers/wukongnetwork/internal/hostbridge"
)

var multusMissing = dependency.NetworkAttachments.Missing()

// notReady is why a WukongNetwork is not ready.
type notReady = problem.Problem[v1alpha1.NetworkPhase]

func pending(reason, format string, arguments ...any) *notReady {
	return problem.In(v1alpha1.NetworkPending, reason, format, arguments...)
}

func failed(reason, format string, arguments ...any) *notReady {
	return problem.In(v1alpha1.NetworkError, reason, format, arguments...)
}

// writeRefused reports a permanent error of this pass's writes.
func writeRefused(err error) *notReady {
	if reason := apply.Reason(err); reason != v1alpha1.ReasonPending {
		return failed(reason, "%s", err)
	}
	return pending(v1alpha1.ReasonPending, "%s", err)
}

// writeStatus computes the status from scratch and writes it when it differs.
func (r *Reconciler) writeStatus(ctx context.Context, network *v1alpha1.WukongNetwork, observed *observation) error {
	after := network.DeepCopy()
	set := conditions.For(network, r.clock)
	after.Status = v1alpha1.WukongNetworkStatus{
		ObservedGeneration: network.Generation,
		Phase:              v1alpha1.NetworkReady,
		Attachment:         attachmentInUse(network, observed),
		Users:              observed.usage.users,
		Pools:              observed.usage.pools,
	}
	if found := evaluate(network, observed, observed.outcome.Refused()); found == nil {
		set.True(v1alpha1.ConditionReady, v1alpha1.ReasonReady, "")
	} else {
		set.False(v1alpha1.ConditionReady, found.Reason, found.Message)
		after.Status.Phase = found.Phase
	}
	reportBridge(set, &after.Status, observed.bridge)
	observed.umbrella.Report(set)
	after.Status.Conditions = set.List()
	return r.applier.Status(ctx, network, after)
}

// reportBridge reports the state of a managed bridge.
func reportBridge(set *conditions.Set, status *v1alpha1.WukongNetworkStatus, bridge *hostbridge.Verdict) {
	if bridge == nil {
		return
	}
	status.HostBridge = bridge.Status
	switch {
	case bridge.Reason != "":
		set.False(v1alpha1.ConditionHostBridgeReady, bridge.Reason, bridge.Message)
	case bridge.Note != "":
		set.True(v1alpha1.ConditionHostBridgeReady, v1alpha1.ReasonBridgeConflict, bridge.Note)
	default:
		set.True(v1alpha1.ConditionHostBridgeReady, v1alpha1.ReasonReady, "")
	}
}

// bridgeProblem returns what a managed bridge lacks, or nil.
func bridgeProblem(bridge *hostbridge.Verdict) *notReady {
	if bridge == nil || bridge.Reason == "" {
		return nil
	}
	found := failed(bridge.Reason, "%s", bridge.Message)
	if bridge.Waiting {
		found.Phase = v1alpha1.NetworkPending
	}
	return found
}

// evaluate returns why the network is not ready, or nil.
func evaluate(network *v1alpha1.WukongNetwork, observed *observation, applyErr error) *notReady {
	if !network.DeletionTimestamp.IsZero() {
		return problem.In(v1alpha1.NetworkTerminating, v1alpha1.ReasonTerminating,
			"the network is being deleted, and waits for the finalizers %s", strings.Join(network.Finalizers, ", "))
	}
	if applyErr != nil {
		return writeRefused(applyErr)
	}
	if observed.hostRefusal != "" {
		return failed(v1alpha1.ReasonHostAccessDenied, "%s", observed.hostRefusal)
	}
	if found := obstacle(network, observed); found != nil {
		return found
	}
	if observed.featureMissing != nil {
		return observed.featureMissing
	}
	if found := bridgeProblem(observed.bridge); found != nil {
		return found
	}
	switch {
	case network.Spec.Type == v1alpha1.NetworkTypePod:
		return nil
	case observed.attachment == nil:
		return failed(v1alpha1.ReasonAttachmentMissing,
			"NetworkAttachmentDefinition %s does not exist; create it, or correct "+
				"networkAttachmentDefinition", network.AttachmentName())
	case !observed.attachment.DeletionTimestamp.IsZero():
		return problem.In(v1alpha1.NetworkPending, v1alpha1.ReasonPending,
			"NetworkAttachmentDefinition %s is being deleted", network.AttachmentName())
	default:
		return nil
	}
}

// obstacle returns what prevents a NetworkAttachmentDefinition from being written, or found.
func obstacle(network *v1alpha1.WukongNetwork, observed *observation) *notReady {
	if err := checkAddressing(&network.Spec); err != nil {
		return failed(v1alpha1.ReasonInvalidSpec, "%s", err)
	}
	if network.Spec.Type != v1alpha1.NetworkTypePod && !observed.multusServed {
		return failed(v1alpha1.ReasonDependencyMissing, "%s", multusMissing)
	}
	return nil
}

// attachmentInUse returns the attachment that VirtualMachines may name: the network's own, if it exists, or the one
// that its spec refers to. An unmanaged one with the network's name is not reported.
func attachmentInUse(network *v1alpha1.WukongNetwork, observed *observation) string {
	switch {
	case observed.attachment == nil || observed.hostRefusal != "":
		return ""
	case network.Spec.Type != v1alpha1.NetworkTypeAttachment && !metav1.IsControlledBy(observed.attachment, network):
		return ""
	default:
		return network.AttachmentName()
	}
}
