//go:build e2e

package platform

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/remotecommand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

const (
	patience = 2 * time.Minute
	tick     = 250 * time.Millisecond
)

// cluster is the dev cluster with a namespace for one test.
type cluster struct {
	client.Client
	config    *rest.Config
	namespace string
	nodes     []string
}

// connect makes a namespace that ends with the test.
func connect(t *testing.T) *cluster {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", testbed.Kubeconfig())
	require.NoError(t, err)
	reader, err := client.New(config, client.Options{})
	require.NoError(t, err)
	c := &cluster{Client: reader, config: config}
	var nodes corev1.NodeList
	require.NoError(t, c.List(t.Context(), &nodes))
	for _, node := range nodes.Items {
		c.nodes = append(c.nodes, node.Name)
	}
	require.GreaterOrEqual(t, len(c.nodes), 2, "this suite needs two nodes: devcluster up --nodes=2")
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "platform-"}}
	require.NoError(t, c.Create(t.Context(), namespace))
	c.namespace = namespace.Name
	t.Cleanup(func() {
		if t.Failed() && os.Getenv("KEEP") != "" {
			return
		}
		require.NoError(t, c.Delete(context.Background(), namespace))
	})
	return c
}

// eventually waits until get answers with the empty string; its last answer explains a failure.
func eventually(t *testing.T, what string, missing func() string) {
	t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(t.Context(), tick, harness.Scaled(patience), true,
		func(context.Context) (bool, error) {
			last = missing()
			return last == "", nil
		})
	require.NoError(t, err, "%s: %s", what, last)
}

// volume describes where a pod sees a claim.
type volume struct {
	claim  string
	device bool
}

// newPod is a pod with a shell and all applets of BusyBox in its path.
func (c *cluster) newPod(name, node string, volumes ...volume) *corev1.Pod {
	grace := int64(0)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: c.namespace, Annotations: map[string]string{}},
		Spec: corev1.PodSpec{
			NodeSelector:                  map[string]string{corev1.LabelHostname: node},
			TerminationGracePeriodSeconds: &grace,
			Containers: []corev1.Container{{
				Name: "shell", Image: testbed.Busybox, ImagePullPolicy: corev1.PullNever,
				Command: []string{"/bin/sh", "-c", "/bin/busybox --install -s /bin && exec sleep 100000"},
			}},
		},
	}
	for _, one := range volumes {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: one.claim, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: one.claim},
		}})
		container := &pod.Spec.Containers[0]
		if one.device {
			container.VolumeDevices = append(container.VolumeDevices,
				corev1.VolumeDevice{Name: one.claim, DevicePath: "/dev/" + one.claim})
		} else {
			container.VolumeMounts = append(container.VolumeMounts,
				corev1.VolumeMount{Name: one.claim, MountPath: "/" + one.claim})
		}
	}
	return pod
}

// run creates the pod and waits until it runs.
func (c *cluster) run(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	require.NoError(t, c.Create(t.Context(), pod))
	c.waitRunning(t, pod.Name)
}

func (c *cluster) waitRunning(t *testing.T, name string) {
	t.Helper()
	eventually(t, "pod "+name+" runs", func() string {
		var found corev1.Pod
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: c.namespace, Name: name}, &found); err != nil {
			return err.Error()
		}
		if found.Status.Phase == corev1.PodRunning {
			return ""
		}
		return fmt.Sprintf("%s %+v", found.Status.Phase, found.Status.Conditions)
	})
}

// shell runs a command in a pod and returns what it prints.
func (c *cluster) shell(t *testing.T, pod, command string) string {
	t.Helper()
	output, err := c.try(t, pod, command)
	require.NoError(t, err, "%s: %s: %s", pod, command, output)
	return strings.TrimSpace(output)
}

func (c *cluster) try(t *testing.T, pod, command string) (string, error) {
	t.Helper()
	clientset, err := kubernetes.NewForConfig(c.config)
	require.NoError(t, err)
	request := clientset.CoreV1().RESTClient().Post().Namespace(c.namespace).Resource("pods").
		Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Command: []string{"/bin/sh", "-c", command}, Stdout: true, Stderr: true,
		}, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(c.config, "GET", request.URL().String())
	require.NoError(t, err)
	// Not one buffer for both: they are filled side by side.
	var output, complaint bytes.Buffer
	err = executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdout: &output, Stderr: &complaint})
	return output.String() + complaint.String(), err
}

// object is an object of a kind that client-go has no type for.
func (c *cluster) object(apiVersion, kind, name string, spec map[string]any) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetAPIVersion(apiVersion)
	object.SetKind(kind)
	object.SetName(name)
	object.SetNamespace(c.namespace)
	return object
}
