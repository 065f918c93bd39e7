package hostbridge

import (
	"bytes"
	"context"
	"maps"
	"strings"

	"github.com/nmstate/kubernetes-nmstate/api/shared"
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

func requests(bridges []string) []reconcile.Request {
	var result []reconcile.Request
	for _, bridge := range bridges {
		result = append(result, reconcile.Request{NamespacedName: types.NamespacedName{Name: bridge}})
	}
	return result
}

// bridgeOfNetwork is called with the old and the new network, so that a bridge that it no longer names is enqueued
// too.
func bridgeOfNetwork(_ context.Context, obj client.Object) []reconcile.Request {
	if bridge := obj.(*v1alpha1.WukongNetwork).Spec.Bridge; bridge != nil {
		return requests([]string{bridge.Name})
	}
	return nil
}

// bridgeOfPolicy uses the name: an unmanaged policy with that name matters too.
func bridgeOfPolicy(obj client.Object) []string { return bridgeOf(obj.GetName()) }

func bridgeOfEnactment(obj client.Object) []string {
	return bridgeOf(obj.GetLabels()[shared.EnactmentPolicyLabel])
}

func bridgeOf(policy string) []string {
	if bridge, found := strings.CutPrefix(policy, policyPrefix); found {
		return []string{bridge}
	}
	return nil
}

// everyBridge enqueues the bridges that a network manages, and those that still have a policy.
func (r *Reconciler) everyBridge(ctx context.Context, _ client.Object) []reconcile.Request {
	found := map[string]bool{}
	networks := &v1alpha1.WukongNetworkList{}
	if err := r.client.List(ctx, networks, client.DisableReadYourWritesConsistency); err != nil {
		logf.FromContext(ctx).Error(err, "list networks to enqueue")
		return nil
	}
	for i := range networks.Items {
		if bridge := networks.Items[i].Spec.Bridge; bridge != nil && bridge.Managed != nil {
			found[bridge.Name] = true
		}
	}
	if served, err := r.dependencies.Served(ctx, APIs[0]); err == nil && served {
		policies := &nmstatev1.NodeNetworkConfigurationPolicyList{}
		if err := r.client.List(ctx, policies, client.DisableReadYourWritesConsistency); err != nil {
			logf.FromContext(ctx).Error(err, "list policies to enqueue")
		}
		for i := range policies.Items {
			if apply.Ours(&policies.Items[i]) {
				found[strings.TrimPrefix(policies.Items[i].Name, policyPrefix)] = true
			}
		}
	}
	var bridges []string
	for bridge := range maps.Keys(found) {
		bridges = append(bridges, bridge)
	}
	return requests(bridges)
}

// WishChange accepts changes of what a network asks of its bridge, and created and deleted networks.
func WishChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongNetwork), e.ObjectNew.(*v1alpha1.WukongNetwork)
			return before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				!equality.Semantic.DeepEqual(before.Spec.Bridge, after.Spec.Bridge)
		},
	}
}

// NodeChange accepts created and deleted nodes, and changes of readiness and labels.
func NodeChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*corev1.Node), e.ObjectNew.(*corev1.Node)
			return Ready(before) != Ready(after) || !maps.Equal(before.Labels, after.Labels)
		},
	}
}

// policyChange accepts changes of what a policy asks for. Its status only summarizes its enactments.
func policyChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() ||
				e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() ||
				!maps.Equal(e.ObjectOld.GetLabels(), e.ObjectNew.GetLabels())
		},
	}
}

// enactmentChange accepts changes of a node's progress, and ignores heartbeats.
func enactmentChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok := e.ObjectOld.(*nmstatev1beta1.NodeNetworkConfigurationEnactment)
			after, ok2 := e.ObjectNew.(*nmstatev1beta1.NodeNetworkConfigurationEnactment)
			return ok && ok2 && (before.Status.PolicyGeneration != after.Status.PolicyGeneration ||
				!maps.Equal(reported(before.Status.Conditions), reported(after.Status.Conditions)))
		},
	}
}

func reported(conditions shared.ConditionList) map[shared.ConditionType]string {
	result := map[shared.ConditionType]string{}
	for _, condition := range conditions {
		result[condition.Type] = string(condition.Status) + " " + string(condition.Reason) + " " + condition.Message
	}
	return result
}

// stateChange accepts changes of what the cache keeps of a node's state.
func stateChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok := e.ObjectOld.(*nmstatev1beta1.NodeNetworkState)
			after, ok2 := e.ObjectNew.(*nmstatev1beta1.NodeNetworkState)
			return ok && ok2 && !bytes.Equal(before.Status.CurrentState.Raw, after.Status.CurrentState.Raw)
		},
	}
}
