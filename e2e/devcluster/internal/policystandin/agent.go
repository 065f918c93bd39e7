package policystandin

import (
	"context"
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Agent is the stand-in on one node. The process runs in the node's network.
type Agent struct {
	Client client.Client
	Node   string
	// written is what the firewall has.
	written []Isolation
	ever    bool
}

// SetupWithManager lets the agent follow what decides.
func (a *Agent) SetupWithManager(manager ctrl.Manager) error {
	// There is one firewall, and one thing to do.
	same := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: a.Node}}}
	})
	return ctrl.NewControllerManagedBy(manager).
		Named("network-policy-standin").
		Watches(&networkingv1.NetworkPolicy{}, same).
		Watches(&corev1.Pod{}, same).
		Watches(&corev1.Namespace{}, same).
		Complete(a)
}

// Reconcile writes the firewall of the node.
func (a *Agent) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	policies, pods, namespaces := &networkingv1.NetworkPolicyList{}, &corev1.PodList{}, &corev1.NamespaceList{}
	for _, list := range []client.ObjectList{policies, pods, namespaces} {
		if err := a.Client.List(ctx, list); err != nil {
			return reconcile.Result{}, fmt.Errorf("list %T: %w", list, err)
		}
	}
	isolations, err := Compile(&World{Policies: policies.Items, Pods: pods.Items, Namespaces: namespaces.Items}, a.Node)
	if err != nil || a.ever && reflect.DeepEqual(isolations, a.written) {
		return reconcile.Result{}, err
	}
	if err := Apply(isolations); err != nil {
		return reconcile.Result{}, err
	}
	a.written, a.ever = isolations, true
	log.FromContext(ctx).Info("firewall written", "pods", len(isolations))
	return reconcile.Result{}, nil
}
