package wukongmigration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/wukongmigration/internal/preflight"
)

// World is all that is read in one pass.
type World struct {
	now      time.Time
	umbrella umbrella.Link
	// served: the cluster serves KubeVirt's instances and migrations.
	served bool
	// vm is nil when it does not exist.
	vm *v1alpha1.WukongVM
	// instance of the WukongVM; nil when there is none.
	instance *kubevirtv1.VirtualMachineInstance
	// attempt is the last one that exists, and number its number; nil and 0 for none.
	attempt *kubevirtv1.VirtualMachineInstanceMigration
	number  int32
	// unscheduled is why the target pod of the attempt has no node; empty for nothing.
	unscheduled string
	// failure is what KubeVirt reports of an attempt that failed.
	failure string
	// other is another WukongMigration of the WukongVM whose attempt is under way; empty for none.
	other string
	// later is another one that waits, and was asked for later; empty for none.
	later string
	// facts are what a pre-flight check looks at; nil while they are not read.
	facts *preflight.Inputs
}

func (r *Reconciler) observe(ctx context.Context, migration *v1alpha1.WukongMigration) (*World, error) {
	world := &World{now: r.clock.Now()}
	var err error
	if world.umbrella, err = umbrella.Observe(ctx, r.client, migration); err != nil || migration.Finished() {
		return world, err
	}
	for _, api := range []dependency.API{dependency.VirtualMachineInstances, dependency.Migrations} {
		if world.served, err = r.dependencies.Served(ctx, api); err != nil || !world.served {
			return world, err
		}
	}
	name := migration.Spec.VMRef.Name
	if world.vm, err = read.Get(ctx, r.client, migration.Namespace, name, &v1alpha1.WukongVM{}); err != nil {
		return nil, err
	}
	world.instance, err = read.Get(ctx, r.client, migration.Namespace, name, &kubevirtv1.VirtualMachineInstance{})
	if err != nil {
		return nil, err
	}
	if err := r.observeAttempt(ctx, migration, world); err != nil {
		return nil, err
	}
	return world, r.observeOthers(ctx, migration, world)
}

// observeAttempt reads the last attempt, and what KubeVirt reports of it.
func (r *Reconciler) observeAttempt(ctx context.Context, migration *v1alpha1.WukongMigration, world *World) error {
	for number := int32(1); number <= max(ptr.Deref(migration.Spec.Attempts, 1), migration.Status.Attempt); number++ {
		name := model.MigrationName(migration, number)
		found, err := read.Get(ctx, r.client, migration.Namespace, name, &kubevirtv1.VirtualMachineInstanceMigration{})
		if err != nil {
			return err
		}
		if found != nil && model.Belongs(found, migration) {
			world.attempt, world.number = found, number
		}
	}
	var err error
	switch {
	case world.attempt == nil:
	case world.attempt.Status.Phase == kubevirtv1.MigrationScheduling:
		world.unscheduled, err = r.unscheduled(ctx, world.attempt)
	case world.attempt.Status.Phase == kubevirtv1.MigrationFailed && migration.Status.FailedAttempts < world.number:
		world.failure, err = r.failure(ctx, world)
	}
	return err
}

// unscheduled returns why the scheduler has found no node for the target pod of an attempt. It is empty when the pod
// has a node, or the scheduler has reported nothing.
func (r *Reconciler) unscheduled(
	ctx context.Context, attempt *kubevirtv1.VirtualMachineInstanceMigration,
) (string, error) {
	pods := &corev1.PodList{}
	err := r.live.List(ctx, pods, client.InNamespace(attempt.Namespace),
		client.MatchingLabels{kubevirtv1.MigrationJobLabel: string(attempt.UID)})
	if err != nil {
		return "", fmt.Errorf("list the target pods of %s: %w", attempt.Name, err)
	}
	for i := range pods.Items {
		for _, condition := range pods.Items[i].Status.Conditions {
			if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
				return condition.Message, nil
			}
		}
	}
	return "", nil
}

// failure is why an attempt failed: what the source reported, else KubeVirt's last warning about it.
func (r *Reconciler) failure(ctx context.Context, world *World) (string, error) {
	if state := stateOf(world.attempt, world.instance); state != nil && state.FailureReason != "" {
		return state.FailureReason, nil
	}
	events := &corev1.EventList{}
	err := r.live.List(ctx, events, client.InNamespace(world.attempt.Namespace),
		client.MatchingFields{"involvedObject.uid": string(world.attempt.UID), "type": corev1.EventTypeWarning})
	if err != nil {
		return "", fmt.Errorf("list the events of %s: %w", world.attempt.Name, err)
	}
	slices.SortFunc(events.Items, func(one, two corev1.Event) int {
		return one.LastTimestamp.Compare(two.LastTimestamp.Time)
	})
	if len(events.Items) == 0 {
		return "KubeVirt reports no reason", nil
	}
	return strings.TrimSuffix(events.Items[len(events.Items)-1].Message, "."), nil
}

// stateOf returns KubeVirt's record of an attempt; nil when there is none. KubeVirt keeps the record in the status of
// the instance until the next migration, and copies it to the attempt when the attempt ends.
func stateOf(
	attempt *kubevirtv1.VirtualMachineInstanceMigration, instance *kubevirtv1.VirtualMachineInstance,
) *kubevirtv1.VirtualMachineInstanceMigrationState {
	if instance != nil {
		if state := instance.Status.MigrationState; state != nil && state.MigrationUID == attempt.UID {
			return state
		}
	}
	if state := attempt.Status.MigrationState; state != nil && state.MigrationUID == attempt.UID {
		return state
	}
	return nil
}

// observeOthers looks for other WukongMigrations of the same WukongVM. Of those that wait, the latest is carried out.
func (r *Reconciler) observeOthers(ctx context.Context, migration *v1alpha1.WukongMigration, world *World) error {
	others := &v1alpha1.WukongMigrationList{}
	err := r.client.List(ctx, others, client.InNamespace(migration.Namespace),
		client.MatchingFields{index.MigrationByVM: migration.Spec.VMRef.Name})
	if err != nil {
		return fmt.Errorf("list the WukongMigrations of WukongVM %s: %w", migration.Spec.VMRef.Name, err)
	}
	for i := range others.Items {
		other := &others.Items[i]
		switch {
		case other.UID == migration.UID || other.Finished() || !other.DeletionTimestamp.IsZero():
		case other.Status.Attempt > other.Status.FailedAttempts:
			world.other = other.Name
		case isLater(other, migration) && !other.Spec.RequestedAt.After(world.now) &&
			!ptr.Deref(other.Spec.Cancel, false):
			world.later = other.Name
		}
	}
	return nil
}

// isLater orders requests by their times, and those of one second by their UIDs.
func isLater(one, two *v1alpha1.WukongMigration) bool {
	if one.Spec.RequestedAt.Equal(&two.Spec.RequestedAt) {
		return one.UID > two.UID
	}
	return two.Spec.RequestedAt.Before(&one.Spec.RequestedAt)
}

// isLauncher reports whether a guest runs in a pod, or is to run: others of its instance have its plugged-in disks.
func isLauncher(pod *corev1.Pod) bool { return pod.Labels[kubevirtv1.AppLabel] == "virt-launcher" }

// observeFacts reads what a pre-flight check looks at.
func (r *Reconciler) observeFacts(ctx context.Context, migration *v1alpha1.WukongMigration, world *World) error {
	facts := &preflight.Inputs{
		VM: world.vm, Instance: world.instance, NodeSelector: migration.Spec.NodeSelector, Now: world.now,
	}
	world.facts = facts
	if world.instance == nil {
		return nil
	}
	pods, nodes, quotas := &corev1.PodList{}, &corev1.NodeList{}, &corev1.ResourceQuotaList{}
	err := r.live.List(ctx, pods, client.InNamespace(migration.Namespace),
		client.MatchingLabels{kubevirtv1.CreatedByLabel: string(world.instance.UID)})
	if err != nil {
		return fmt.Errorf("list the pods of WukongVM %s: %w", world.vm.Name, err)
	}
	for i := range pods.Items {
		switch pod := &pods.Items[i]; {
		case pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
		case pod.DeletionTimestamp.IsZero() && pod.Spec.NodeName == world.instance.Status.NodeName && isLauncher(pod):
			facts.Pod = pod
		case isLauncher(pod):
			facts.Ending = append(facts.Ending, pod.Name)
		}
	}
	if err := r.live.List(ctx, nodes); err != nil {
		return fmt.Errorf("list the nodes: %w", err)
	}
	if err := r.live.List(ctx, quotas, client.InNamespace(migration.Namespace)); err != nil {
		return fmt.Errorf("list the ResourceQuotas: %w", err)
	}
	facts.Nodes, facts.Quotas = nodes.Items, quotas.Items
	return nil
}
