//go:build e2e

package networks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// shell is a pod with a shell.
func shell(t *testing.T, namespace string) {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shell"},
		Spec: corev1.PodSpec{TerminationGracePeriodSeconds: new(int64), Containers: []corev1.Container{{
			Name: "shell", Image: testbed.Busybox, ImagePullPolicy: corev1.PullNever,
			Command: []string{"/bin/sh", "-c", "exec /bin/busybox sleep 100000"},
		}}},
	}
	cluster.Make(t, pod)
	harness.Until(t, harness.CauseOther, patience, "the pod runs", func(ctx context.Context) string {
		if err := cluster.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil {
			return err.Error()
		}
		if pod.Status.Phase != corev1.PodRunning {
			return "it is " + string(pod.Status.Phase)
		}
		return ""
	})
}

// answers asks a server some times from the pod, and tells who answered; empty for nobody.
func answers(t *testing.T, kubectl harness.Tool, namespace, server string, asks int) []string {
	t.Helper()
	output, _ := kubectl.Try(t.Context(), "", "-n", namespace, "exec", "shell", "--", "/bin/sh", "-c",
		fmt.Sprintf("i=0; while [ $i -lt %d ]; do /bin/busybox wget -q -T 2 -O - http://%s/ 2>/dev/null; i=$((i+1)); "+
			"done; true", asks, server))
	found := strings.Fields(output)
	slices.Sort(found)
	return slices.Compact(found)
}

func waitAnswers(t *testing.T, kubectl harness.Tool, namespace, server string, wanted ...string) {
	t.Helper()
	asks := 12
	if len(wanted) == 0 { // each takes its time to find out
		asks = 3
	}
	harness.Until(t, harness.CauseNetwork, patience, fmt.Sprintf("%v and nobody else answers at %s", wanted, server),
		func(context.Context) string {
			if found := answers(t, kubectl, namespace, server, asks); !slices.Equal(found, wanted) {
				return fmt.Sprintf("%v answers", found)
			}
			return ""
		})
}

// TestGuestsOnThePodNetwork boots two guests, and tries on them all that the pod network has to offer.
func TestGuestsOnThePodNetwork(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	kubectl := harness.Kubectl(t)
	one, two := guestVM(namespace, "one"), guestVM(namespace, "two")
	for _, vm := range []*v1alpha1.WukongVM{one, two} {
		builder.Labelled("app", "web")(&vm.Spec)
	}
	web := []v1alpha1.VMServicePort{{Port: 80, TargetPort: webPort}}
	one.Spec.Services = []v1alpha1.VMService{
		{Name: "all", Selector: map[string]string{"app": "web"}, Ports: web},
		{Name: "node", Type: v1alpha1.ServiceNodePort, Ports: web},
	}
	cluster.Make(t, guestSecret(namespace), one, two)
	shell(t, namespace)
	for _, vm := range []*v1alpha1.WukongVM{one, two} {
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
		waitBooted(t, vm)
	}
	t.Run("AServiceLeadsToThem", func(t *testing.T) { servicesLead(t, kubectl, one) })
	t.Run("APolicyBlocksWhatItSays", func(t *testing.T) { policyBlocks(t, kubectl, one, two) })
	t.Run("AServiceFollowsWhoIsThere", func(t *testing.T) {
		change(t, two, func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerStopped })
		waitAnswers(t, kubectl, namespace, one.Status.Services[0].ServiceName, "one")
	})
}

// servicesLead: a pod reaches one guest, and two behind one Service, by name inside the cluster and by a port of the
// nodes.
func servicesLead(t *testing.T, kubectl harness.Tool, one *v1alpha1.WukongVM) {
	t.Helper()
	cluster.Wait(t, one, patience, "ServicesReady, with two machines behind the first", func() bool {
		services := one.Status.Services
		return meta.IsStatusConditionTrue(one.Status.Conditions, v1alpha1.ConditionServicesReady) &&
			len(services) == 2 && services[0].Endpoints == 2 && services[1].Endpoints == 1
	})
	all, node := one.Status.Services[0], one.Status.Services[1]
	require.Len(t, node.NodePorts, 1)
	waitAnswers(t, kubectl, one.Namespace, all.ServiceName, "one", "two")
	waitAnswers(t, kubectl, one.Namespace, all.ClusterIPs[0], "one", "two")
	nodes := &corev1.NodeList{}
	require.NoError(t, cluster.List(t.Context(), nodes))
	for i := range nodes.Items {
		for _, address := range nodes.Items[i].Status.Addresses {
			if address.Type == corev1.NodeInternalIP {
				server := fmt.Sprintf("%s:%d", address.Address, node.NodePorts[0])
				assert.Equal(t, []string{"one"}, answers(t, kubectl, one.Namespace, server, 3), nodes.Items[i].Name)
			}
		}
	}
}
