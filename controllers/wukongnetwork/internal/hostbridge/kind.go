package hostbridge

import (
	"context"

	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/kind"
)

// Controller declares the controller of bridges, which have no kind.
var Controller = kind.Kind{
	Name:         "wukongnetwork-hostbridge",
	FieldManager: fieldManager,
	Reads: append([]kind.Read{
		{
			Of: &v1alpha1.WukongNetwork{}, Why: "what networks ask of a bridge",
			Watches: []kind.Watch{kind.By(handler.EnqueueRequestsFromMapFunc(bridgeOfNetwork), WishChange())},
		},
		{
			Of: &corev1.Node{}, Why: "the nodes that shall have a bridge, and whether they are ready",
			Keep:    kind.Copy(KeepNode),
			Watches: []kind.Watch{kind.Map((*Reconciler).everyBridge, NodeChange())},
		},
	}, Reads((*Reconciler).those, (*Reconciler).everyBridge)...),
	Start: func(env kind.Env) (reconcile.Reconciler, error) {
		return &Reconciler{
			client: env.Client(), dependencies: env.Dependencies,
			applier: &apply.Applier{Client: env.Client(), FieldManager: fieldManager},
		}, nil
	},
}

func (*Reconciler) those(_ context.Context, bridges []string) []reconcile.Request {
	return requests(bridges)
}

// Reads are what NMState reports, for a controller R: affected returns the objects to reconcile when the state of some
// bridges changes, and everything those when the state of all may have changed.
func Reads[R reconcile.Reconciler](
	affected func(R, context.Context, []string) []reconcile.Request,
	everything func(R, context.Context, client.Object) []reconcile.Request,
) []kind.Read {
	all := kind.Affects(func(r R, ctx context.Context) []reconcile.Request { return everything(r, ctx, nil) })
	byBridge := func(
		bridgeOf func(client.Object) []string,
	) func(R, context.Context, client.Object) []reconcile.Request {
		return func(r R, ctx context.Context, obj client.Object) []reconcile.Request {
			return affected(r, ctx, bridgeOf(obj))
		}
	}
	return []kind.Read{
		{
			Of:  &nmstatev1.NodeNetworkConfigurationPolicy{},
			Why: "the policy of a bridge, or an unmanaged one of its name",
			API: &dependency.NodePolicies, Affected: all,
			Watches: []kind.Watch{kind.Map(byBridge(bridgeOfPolicy), policyChange())},
		},
		{
			Of:   &nmstatev1beta1.NodeNetworkConfigurationEnactment{},
			Why:  "how far each node is with a policy",
			Keep: kind.Copy(KeepEnactment),
			API:  &dependency.NodeEnactments, Affected: all,
			Watches: []kind.Watch{kind.Map(byBridge(bridgeOfEnactment), enactmentChange())},
		},
		{
			Of:   &nmstatev1beta1.NodeNetworkState{},
			Why:  "what an interface carries that a bridge would take over",
			Keep: kind.Copy(KeepState),
			API:  &dependency.NodeStates, Affected: all, Watches: []kind.Watch{kind.Map(everything, stateChange())},
		},
	}
}

// KeepNode copies whether a node is ready. Its labels are always kept.
func KeepNode(full, kept *corev1.Node) {
	for _, condition := range full.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			kept.Status.Conditions = []corev1.NodeCondition{condition}
		}
	}
}

// KeepEnactment omits the desired state, which is the policy's, and what was captured for it.
func KeepEnactment(full, kept *nmstatev1beta1.NodeNetworkConfigurationEnactment) {
	kept.Status.PolicyGeneration, kept.Status.Conditions = full.Status.PolicyGeneration, full.Status.Conditions
}
