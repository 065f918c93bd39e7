package cluster

import (
	"context"
	"fmt"
	"path/filepath"
	"sort"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
)

// StatusLine is what `devcluster status` says of one part.
type StatusLine struct {
	Name, State, Detail string
}

const statusPatience = 5 * time.Second

// Status says what runs. Healthy is true when everything that was started does.
func (c *Cluster) Status(ctx context.Context) (lines []StatusLine, healthy bool, err error) {
	if err := c.Open(); err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	view, err := c.View()
	if err != nil {
		return nil, false, err
	}
	healthy = true
	add := func(name, state, detail string, good bool) {
		lines = append(lines, StatusLine{Name: name, State: state, Detail: detail})
		healthy = healthy && good
	}
	var nodes corev1.NodeList
	err = view.Client.List(ctx, &nodes)
	if err != nil {
		add(controlPlaneName, "does not answer", err.Error(), false)
		return lines, healthy, nil
	}
	add(controlPlaneName, "running",
		fmt.Sprintf("%s, process %d", serverURL(c.state.Plan), c.state.ControlPlane.PID), true)
	for _, node := range c.state.Nodes {
		name := nodeName(node.Number)
		if !node.Alive() {
			add(name, "stopped", "its init has ended", false)
			continue
		}
		state, good := readiness(nodes.Items, name)
		add(name, state, fmt.Sprintf("%s, pods %s, process %d", c.state.Plan.Node(node.Number),
			c.state.Plan.PodSubnet(node.Number), node.PID), good)
	}
	state, detail, good := podSummary(ctx, view)
	add("pods", state, detail, good)
	return lines, healthy, nil
}

func readiness(nodes []corev1.Node, name string) (string, bool) {
	for _, node := range nodes {
		if node.Name != name {
			continue
		}
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				return "ready", true
			}
		}
		return "not ready", false
	}
	return "not registered", false
}

// podSummary counts the pods, and names those of the system that are not ready.
func podSummary(ctx context.Context, view *addon.Cluster) (state, detail string, good bool) {
	var pods corev1.PodList
	if err := view.Client.List(ctx, &pods); err != nil {
		return "unknown", err.Error(), false
	}
	ready := 0
	var waiting []string
	for _, pod := range pods.Items {
		done := pod.Status.Phase == corev1.PodSucceeded
		for _, condition := range pod.Status.Conditions {
			done = done || (condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue)
		}
		if done {
			ready++
		} else {
			waiting = append(waiting, pod.Namespace+"/"+pod.Name)
		}
	}
	return fmt.Sprintf("%d of %d ready", ready, len(pods.Items)), strings.Join(waiting, " "), true
}

// Log is the log file of a component, whose name is SANDBOX/PROGRAM.
type Log struct {
	Component, Path string
}

// Logs lists the log files of the cluster, also of one that has ended.
func (c *Cluster) Logs() ([]Log, error) {
	found, err := filepath.Glob(c.place.log("*", "*"))
	if err != nil {
		return nil, err
	}
	sort.Strings(found)
	logs := make([]Log, 0, len(found))
	for _, path := range found {
		component := filepath.Base(filepath.Dir(path)) + "/" + strings.TrimSuffix(filepath.Base(path), ".log")
		logs = append(logs, Log{Component: component, Path: path})
	}
	return logs, nil
}

// Kubeconfig is the path of the administrator's kubeconfig.
func (c *Cluster) Kubeconfig() string { return c.place.kubeconfig() }
