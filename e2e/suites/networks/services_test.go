//go:build e2e

package networks

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

const (
	debianURL = "http://images.wukong-devcluster.svc/debian-trixie.qcow2"
	// busybox is an image that the dev cluster's add-on images brings.
	busybox = "wukong.local/busybox:1"
	// webPort is where the guests' web server listens. It answers with the guest's host name.
	webPort  = 8080
	userData = `#cloud-config
runcmd:
  - hostname > /srv/index.html
  - systemd-run --unit=web python3 -m http.server 8080 --directory /srv
`
)

// webVM is a machine with a web server, and with a label that a Service can select.
func webVM(namespace, name string) *v1alpha1.WukongVM {
	size := resource.MustParse("3Gi")
	return &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WukongVMSpec{
			Memory:                        v1alpha1.Memory{Guest: resource.MustParse("512Mi")},
			TerminationGracePeriodSeconds: new(int64),
			Disks: []v1alpha1.VMDisk{{Name: "root", Template: &v1alpha1.DiskTemplate{Spec: v1alpha1.WukongDiskSpec{
				Size: &size, Source: &v1alpha1.WukongDiskSource{HTTP: &v1alpha1.HTTPSource{URL: debianURL}},
			}}}},
			CloudInit:  &v1alpha1.CloudInit{UserDataSecretRef: &v1alpha1.SecretKeyReference{Name: "web", Key: "userdata"}},
			Scheduling: &v1alpha1.Scheduling{Labels: map[string]string{"app": "web"}},
		},
	}
}

// shell is a pod with a shell.
func shell(t *testing.T, namespace string) {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shell"},
		Spec: corev1.PodSpec{TerminationGracePeriodSeconds: new(int64), Containers: []corev1.Container{{
			Name: "shell", Image: busybox, ImagePullPolicy: corev1.PullNever, Command: []string{"/bin/sh", "-c", "exec /bin/busybox sleep 100000"},
		}}},
	}
	require.NoError(t, cluster.Create(t.Context(), pod))
	require.Eventually(t, func() bool {
		return cluster.Get(t.Context(), client.ObjectKeyFromObject(pod), pod) == nil && pod.Status.Phase == corev1.PodRunning
	}, patience, time.Second)
}

// answers asks a server many times from the pod, and tells who answered; empty for nobody.
func answers(t *testing.T, kubectl harness.Tool, namespace, server string) []string {
	t.Helper()
	const asks = 12
	output, _ := kubectl.Try(t.Context(), "", "-n", namespace, "exec", "shell", "--", "/bin/sh", "-c",
		fmt.Sprintf("i=0; while [ $i -lt %d ]; do /bin/busybox wget -q -T 2 -O - http://%s/ 2>/dev/null; i=$((i+1)); done; true", asks, server))
	found := strings.Fields(output)
	slices.Sort(found)
	return slices.Compact(found)
}

func waitAnswers(t *testing.T, kubectl harness.Tool, namespace, server string, wanted ...string) {
	t.Helper()
	var found []string
	for deadline := time.Now().Add(importAndBoot); time.Now().Before(deadline); time.Sleep(time.Second) {
		if found = answers(t, kubectl, namespace, server); slices.Equal(found, wanted) {
			return
		}
	}
	require.Equal(t, wanted, found, "who answers at %s", server)
}

// TestServicesLeadToGuests: a pod reaches one guest, and two behind one Service, by name inside the cluster and by a port of the nodes.
func TestServicesLeadToGuests(t *testing.T) {
	namespace := cluster.Namespace(t)
	kubectl := harness.Kubectl(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"}, StringData: map[string]string{"userdata": userData}}
	one, two := webVM(namespace, "one"), webVM(namespace, "two")
	web := []v1alpha1.VMServicePort{{Port: 80, TargetPort: webPort}}
	one.Spec.Services = []v1alpha1.VMService{
		{Name: "all", Selector: map[string]string{"app": "web"}, Ports: web},
		{Name: "node", Type: v1alpha1.ServiceNodePort, Ports: web},
	}
	for _, object := range []client.Object{secret, one, two} {
		require.NoError(t, cluster.Create(t.Context(), object))
	}
	shell(t, namespace)
	for _, vm := range []*v1alpha1.WukongVM{one, two} {
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	}
	require.True(t, meta.IsStatusConditionTrue(one.Status.Conditions, v1alpha1.ConditionServicesReady), "%+v", one.Status.Conditions)
	require.Len(t, one.Status.Services, 2)
	all, node := one.Status.Services[0], one.Status.Services[1]
	require.Len(t, node.NodePorts, 1)

	waitAnswers(t, kubectl, namespace, all.ServiceName, "one", "two")
	waitAnswers(t, kubectl, namespace, all.ClusterIPs[0], "one", "two")
	nodes := &corev1.NodeList{}
	require.NoError(t, cluster.List(t.Context(), nodes))
	for i := range nodes.Items {
		for _, address := range nodes.Items[i].Status.Addresses {
			if address.Type == corev1.NodeInternalIP {
				assert.Equal(t, []string{"one"}, answers(t, kubectl, namespace, fmt.Sprintf("%s:%d", address.Address, node.NodePorts[0])), nodes.Items[i].Name)
			}
		}
	}

	before := two.DeepCopy()
	two.Spec.PowerState = v1alpha1.PowerStopped
	require.NoError(t, cluster.Patch(t.Context(), two, client.MergeFrom(before)))
	waitAnswers(t, kubectl, namespace, all.ServiceName, "one")
}
