package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// operatorProgram is the entry point of the image.
const operatorProgram = "/manager"

// operatorSelector finds the manager's pods.
var operatorSelector = client.MatchingLabels{"app.kubernetes.io/name": "wukong"}

// OperatorPods lists the manager's pods.
func (c *Cluster) OperatorPods(ctx context.Context) ([]corev1.Pod, error) {
	pods := &corev1.PodList{}
	if err := c.List(ctx, pods, client.InNamespace(OperatorNamespace), operatorSelector); err != nil {
		return nil, fmt.Errorf("list the operator's pods: %w", err)
	}
	return pods.Items, nil
}

// RestartOperator replaces all managers, and waits until new ones are ready.
func (c *Cluster) RestartOperator(t *testing.T) {
	t.Helper()
	pods, err := c.OperatorPods(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, pods, "no pod of the operator runs in namespace %s", OperatorNamespace)
	for i := range pods {
		require.NoError(t, client.IgnoreNotFound(c.Delete(t.Context(), &pods[i])))
	}
	ctx, cancel := context.WithTimeout(t.Context(), Scaled(Patience))
	defer cancel()
	for i := range pods {
		require.NoError(t, c.Gone(ctx, &pods[i]), "pod %s of the operator does not end", pods[i].Name)
	}
	c.WaitOperator(t)
}

// WaitOperator waits until the operator's Deployments are available, and no pod of an earlier state of theirs is left.
func (c *Cluster) WaitOperator(t *testing.T) {
	t.Helper()
	defer Waited(t, CauseOperator, time.Now())
	// Also at the end of a test, when its own context has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), Scaled(Patience))
	defer cancel()
	require.NoError(t, wait.PollUntilContextCancel(ctx, interval, true, func(ctx context.Context) (bool, error) {
		deployments := &appsv1.DeploymentList{}
		if err := c.List(ctx, deployments, client.InNamespace(OperatorNamespace), operatorSelector); err != nil {
			return false, nil // busy, and to be asked again
		}
		replicas := 0
		for _, deployment := range deployments.Items {
			wanted := ptr.Deref(deployment.Spec.Replicas, 1)
			if deployment.Status.ObservedGeneration < deployment.Generation ||
				deployment.Status.UpdatedReplicas < wanted ||
				deployment.Status.ReadyReplicas < wanted || deployment.Status.UnavailableReplicas > 0 {
				return false, nil
			}
			replicas += int(wanted)
		}
		// A manager of before may lead until its pod is gone.
		pods, err := c.OperatorPods(ctx)
		return err == nil && replicas > 0 && len(pods) == replicas, nil
	}), "the operator is not ready again after %s", told(Patience))
}

// Tool is the kubectl of the dev cluster.
type Tool struct{ path, kubeconfig string }

// Kubectl finds kubectl: the dev cluster's, else that of the PATH.
func Kubectl(t *testing.T) Tool {
	t.Helper()
	tool := Tool{path: testbed.Here().Program("kubectl"), kubeconfig: testbed.Kubeconfig()}
	if _, err := os.Stat(tool.path); err != nil {
		found, err := exec.LookPath("kubectl")
		require.NoError(t, err)
		tool.path = found
	}
	return tool
}

// Run runs kubectl with some input and returns its output. 'kubectl diff' ends with 1 when there is a difference, which
// is then the output.
func (k Tool) Run(t *testing.T, input string, arguments ...string) string {
	t.Helper()
	output, err := k.Try(t.Context(), input, arguments...)
	if arguments[0] == "diff" {
		return output
	}
	require.NoError(t, err, output)
	return output
}

// Try runs kubectl and returns what it printed, and an error when it failed.
func (k Tool) Try(ctx context.Context, input string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, k.path, arguments...)
	command.Env = append(os.Environ(), "KUBECONFIG="+k.kubeconfig)
	command.Stdin = strings.NewReader(input)
	output, err := command.CombinedOutput()
	return string(output), err
}

// KillOperator ends every manager process of this cluster with SIGKILL, and returns 1 when there was one.
func (c *Cluster) KillOperator(t *testing.T) int {
	t.Helper()
	pods, err := c.OperatorPods(t.Context())
	if err != nil {
		t.Errorf("find the operator: %s", err)
		return 0
	}
	return min(c.Kill(t, operatorProgram, pods), 1)
}

// Kill ends the processes of a program in some pods with SIGKILL, and returns how many there were.
func (c *Cluster) Kill(t *testing.T, program string, pods []corev1.Pod) int {
	t.Helper()
	names := make([]types.UID, 0, len(pods))
	for i := range pods {
		names = append(names, pods[i].UID)
	}
	killed, err := testbed.KillProgram(program, names...)
	if err != nil {
		t.Errorf("kill %s: %s", program, err)
	}
	return killed
}
