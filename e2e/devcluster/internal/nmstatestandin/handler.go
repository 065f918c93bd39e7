package nmstatestandin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/nmstate/kubernetes-nmstate/api/shared"
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// settle is how long changes of the network are gathered before they are reported: a pod that starts makes a dozen.
const settle = time.Second

// Handler is the stand-in on one node. The process runs in the node's network.
type Handler struct {
	Client client.Client
	Node   string
}

// SetupWithManager lets the handler follow policies, and report the node.
func (h *Handler) SetupWithManager(manager ctrl.Manager) error {
	if err := manager.Add(manageFunc(h.report)); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(manager).
		For(&nmstatev1.NodeNetworkConfigurationPolicy{},
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(h)
}

type manageFunc func(context.Context) error

// Start implements manager.Runnable.
func (f manageFunc) Start(ctx context.Context) error { return f(ctx) }

// Reconcile applies a policy to the node, and says how that went.
func (h *Handler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	policy := &nmstatev1.NodeNetworkConfigurationPolicy{}
	if err := h.Client.Get(ctx, request.NamespacedName, policy); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	node := &corev1.Node{}
	if err := h.Client.Get(ctx, client.ObjectKey{Name: h.Node}, node); err != nil {
		return reconcile.Result{}, fmt.Errorf("get node %s: %w", h.Node, err)
	}
	enactment := &nmstatev1beta1.NodeNetworkConfigurationEnactment{
		ObjectMeta: metav1.ObjectMeta{Name: shared.EnactmentKey(h.Node, policy.Name).Name},
	}
	if !labels.SelectorFromSet(policy.Spec.NodeSelector).Matches(labels.Set(node.Labels)) {
		return reconcile.Result{}, client.IgnoreNotFound(h.Client.Delete(ctx, enactment))
	}
	_, err := controllerutil.CreateOrUpdate(ctx, h.Client, enactment, func() error {
		enactment.Labels = map[string]string{
			shared.EnactmentPolicyLabel: policy.Name, shared.EnactmentNodeLabel: h.Node,
		}
		return controllerutil.SetOwnerReference(policy, enactment, h.Client.Scheme())
	})
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("write the enactment of policy %s: %w", policy.Name, err)
	}
	if enactment.Status.PolicyGeneration != policy.Generation {
		if err := h.say(ctx, enactment, policy, shared.NodeNetworkConfigurationEnactmentConditionProgressing,
			"ConfigurationProgressing", ""); err != nil {
			return reconcile.Result{}, err
		}
	}
	if err := Apply(policy.Spec.DesiredState.Raw); err != nil {
		return reconcile.Result{},
			h.say(ctx, enactment, policy, shared.NodeNetworkConfigurationEnactmentConditionFailing, "FailedToConfigure",
				err.Error())
	}
	return reconcile.Result{}, h.say(ctx, enactment, policy, shared.NodeNetworkConfigurationEnactmentConditionAvailable,
		"SuccessfullyConfigured", "successfully reconciled")
}

// say makes one condition of an enactment true and the others false.
func (h *Handler) say(ctx context.Context, enactment *nmstatev1beta1.NodeNetworkConfigurationEnactment,
	policy *nmstatev1.NodeNetworkConfigurationPolicy,
	kind shared.ConditionType, reason shared.ConditionReason, message string,
) error {
	before := enactment.DeepCopy()
	enactment.Status.PolicyGeneration = policy.Generation
	enactment.Status.DesiredState = policy.Spec.DesiredState
	for _, one := range []shared.ConditionType{
		shared.NodeNetworkConfigurationEnactmentConditionProgressing,
		shared.NodeNetworkConfigurationEnactmentConditionAvailable,
		shared.NodeNetworkConfigurationEnactmentConditionFailing,
		shared.NodeNetworkConfigurationEnactmentConditionPending,
		shared.NodeNetworkConfigurationEnactmentConditionAborted,
	} {
		if one == kind {
			enactment.Status.Conditions.Set(one, corev1.ConditionTrue, reason, message)
		} else {
			enactment.Status.Conditions.Set(one, corev1.ConditionFalse, reason, "")
		}
	}
	if before.Status.PolicyGeneration == policy.Generation && maps.Equal(truths(before), truths(enactment)) {
		return nil
	}
	if err := h.Client.Status().Patch(ctx, enactment, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("write the status of enactment %s: %w", enactment.Name, err)
	}
	return nil
}

func truths(enactment *nmstatev1beta1.NodeNetworkConfigurationEnactment) map[shared.ConditionType]string {
	result := map[shared.ConditionType]string{}
	for _, condition := range enactment.Status.Conditions {
		result[condition.Type] = string(condition.Status) + condition.Message
	}
	return result
}

// report writes the NodeNetworkState of the node whenever its network changes.
func (h *Handler) report(ctx context.Context) error {
	changes := make(chan struct{}, 1)
	if err := h.subscribe(ctx, changes); err != nil {
		return err
	}
	last := ""
	for {
		text, err := Report()
		if err != nil {
			return err
		}
		if string(text) != last {
			if err := h.writeState(ctx, text); err == nil {
				last = string(text)
			} else if !apierrors.IsConflict(err) {
				ctrl.LoggerFrom(ctx).Error(err, "write the state of the node")
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
		case <-time.After(time.Minute):
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(settle):
		}
	}
}

// subscribe tells of every change of interfaces and addresses. One that is waiting to be looked at stands for all.
func (h *Handler) subscribe(ctx context.Context, changes chan<- struct{}) error {
	links, addresses := make(chan netlink.LinkUpdate), make(chan netlink.AddrUpdate)
	if err := errors.Join(
		netlink.LinkSubscribe(links, ctx.Done()), netlink.AddrSubscribe(addresses, ctx.Done()),
	); err != nil {
		return fmt.Errorf("watch the network: %w", err)
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-links:
			case <-addresses:
			}
			select {
			case changes <- struct{}{}:
			default:
			}
		}
	}()
	return nil
}

func (h *Handler) writeState(ctx context.Context, text []byte) error {
	found := &nmstatev1beta1.NodeNetworkState{ObjectMeta: metav1.ObjectMeta{Name: h.Node}}
	node := &corev1.Node{}
	if err := h.Client.Get(ctx, client.ObjectKey{Name: h.Node}, node); err != nil {
		return fmt.Errorf("get node %s: %w", h.Node, err)
	}
	_, err := controllerutil.CreateOrUpdate(ctx, h.Client, found, func() error {
		return controllerutil.SetOwnerReference(node, found, h.Client.Scheme())
	})
	if err != nil {
		return fmt.Errorf("write NodeNetworkState %s: %w", h.Node, err)
	}
	before := found.DeepCopy()
	found.Status.CurrentState = shared.State{Raw: text}
	found.Status.LastSuccessfulUpdateTime = metav1.Now()
	return h.Client.Status().Patch(ctx, found, client.MergeFrom(before))
}
