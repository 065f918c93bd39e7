package addon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	applyPatience = 2 * time.Minute
	pollInterval  = 250 * time.Millisecond
)

// WaitFor asks again and again until the answer is empty. The answer names what is missing; it is in the error when
// patience runs out. An error of check ends the wait at once.
func WaitFor(
	ctx context.Context, patience time.Duration, what string,
	check func(ctx context.Context) (missing string, err error),
) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	last := "not checked yet"
	for {
		missing, err := check(ctx)
		if err == nil && missing == "" {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		// What is said after the end of the wait is about the end, not about what is missing.
		if missing != "" && ctx.Err() == nil {
			last = missing
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("%s: gave up: %s", what, last)
			}
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case <-ticker.C:
		}
	}
}

// isTransient is true for errors that pass by themselves while parts of the cluster start: a kind whose definition was
// applied a moment ago, a webhook whose pod is not ready, a server that restarts.
func isTransient(err error) bool {
	return meta.IsNoMatchError(err) || apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err) ||
		apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsConflict(err) ||
		utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) ||
		strings.Contains(err.Error(), "no matches for kind") ||
		(apierrors.IsNotFound(err) && strings.Contains(err.Error(), "the server could not find the requested resource"))
}

// WaitWorkloads waits until all Deployments, DaemonSets and StatefulSets of the namespace that have one of the names
// (or all of them, when no name is given) run their current version with all replicas ready. Workloads that are named
// but absent are waited for.
func (c *Cluster) WaitWorkloads(ctx context.Context, patience time.Duration, namespace string, names ...string) error {
	return WaitFor(ctx, patience, "wait for workloads of "+namespace, func(ctx context.Context) (string, error) {
		states, err := c.workloads(ctx, namespace)
		if err != nil {
			if isTransient(err) {
				return err.Error(), nil
			}
			return "", err
		}
		wanted := names
		if len(wanted) == 0 {
			for name := range states {
				wanted = append(wanted, name)
			}
		}
		var missing []string
		for _, name := range wanted {
			state, exists := states[name]
			if !exists {
				missing = append(missing, name+" does not exist")
			} else if state != "" {
				missing = append(missing, name+": "+state)
			}
		}
		pods := &corev1.PodList{}
		if err := c.Client.List(ctx, pods, client.InNamespace(namespace)); err != nil {
			return err.Error(), nil
		}
		missing = append(missing, outdated(pods.Items, c.Nodes)...)
		if len(missing) > 0 {
			if troubles := c.podTroubles(ctx, namespace); troubles != "" {
				missing = append(missing, troubles)
			}
		}
		return strings.Join(missing, "; "), nil
	})
}

// outdated names the pods of which kubelet has said nothing since their node was started: that they are ready was said
// before that.
func outdated(pods []corev1.Pod, nodes []Node) []string {
	since := map[string]time.Time{}
	for _, node := range nodes {
		since[node.Name] = node.Since
	}
	var names []string
	for i := range pods {
		pod := &pods[i]
		for _, status := range pod.Status.ContainerStatuses {
			if running := status.State.Running; running != nil &&
				running.StartedAt.Time.Before(since[pod.Spec.NodeName]) {
				names = append(names,
					fmt.Sprintf("pod %s has not been started since %s was", pod.Name, pod.Spec.NodeName))
			}
		}
	}
	return names
}

// workloads returns, by name, what each workload of the namespace lacks; the empty string is ready.
func (c *Cluster) workloads(ctx context.Context, namespace string) (map[string]string, error) {
	states := map[string]string{}
	var deployments appsv1.DeploymentList
	var daemonSets appsv1.DaemonSetList
	var statefulSets appsv1.StatefulSetList
	for _, list := range []client.ObjectList{&deployments, &daemonSets, &statefulSets} {
		if err := c.Client.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, fmt.Errorf("list workloads of %s: %w", namespace, err)
		}
	}
	for _, item := range deployments.Items {
		want := int32(1)
		if item.Spec.Replicas != nil {
			want = *item.Spec.Replicas
		}
		current := item.Status.ObservedGeneration >= item.Generation &&
			item.Status.Replicas == item.Status.UpdatedReplicas
		states[item.Name] = lack(current, item.Status.ReadyReplicas, want)
	}
	for _, item := range daemonSets.Items {
		current := item.Status.ObservedGeneration >= item.Generation &&
			item.Status.UpdatedNumberScheduled == item.Status.DesiredNumberScheduled
		states[item.Name] = lack(current && item.Status.DesiredNumberScheduled > 0, item.Status.NumberReady,
			item.Status.DesiredNumberScheduled)
	}
	for _, item := range statefulSets.Items {
		want := int32(1)
		if item.Spec.Replicas != nil {
			want = *item.Spec.Replicas
		}
		current := item.Status.ObservedGeneration >= item.Generation &&
			item.Status.CurrentRevision == item.Status.UpdateRevision
		states[item.Name] = lack(current, item.Status.ReadyReplicas, want)
	}
	return states, nil
}

func lack(current bool, ready, want int32) string {
	if !current {
		return "its pods are not of the current version"
	}
	if ready < want {
		return fmt.Sprintf("%d of %d ready", ready, want)
	}
	return ""
}

// podTroubles says why pods of the namespace do not run, as their containers report it.
func (c *Cluster) podTroubles(ctx context.Context, namespace string) string {
	var pods corev1.PodList
	if err := c.Client.List(ctx, &pods, client.InNamespace(namespace)); err != nil {
		return ""
	}
	var troubles []string
	for _, pod := range pods.Items {
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
				troubles = append(troubles, "pod "+pod.Name+": "+condition.Message)
			}
		}
		for _, status := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
			if waiting := status.State.Waiting; waiting != nil && waiting.Message != "" {
				troubles = append(troubles,
					fmt.Sprintf("pod %s, container %s: %s: %s", pod.Name, status.Name, waiting.Reason, waiting.Message))
			}
		}
	}
	return strings.Join(troubles, "; ")
}
