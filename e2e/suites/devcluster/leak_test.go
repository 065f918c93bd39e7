//go:build e2e && linux

package devcluster

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

var firstNode, secondNode = testbed.NodeName(1), testbed.NodeName(2)

// server is the Service of the first pod.
var server = "http://" + testbed.ServiceHost("default", "probe")

// pods write to the node's disk and to memory, serve each other, and hold a mount of every kind that kubelet makes
// itself.
var pods = strings.NewReplacer("FIRST_NODE", firstNode, "SECOND_NODE", secondNode, "PROBE", testbed.Probe).Replace(`
apiVersion: v1
kind: Pod
metadata: {name: one, labels: {app: probe}}
spec:
  nodeName: FIRST_NODE
  terminationGracePeriodSeconds: 1
  containers:
    - name: probe
      image: PROBE
      args: [serve, ":8080"]
      volumeMounts:
        - {name: memory, mountPath: /memory}
        - {name: disk, mountPath: /disk}
        - {name: host, mountPath: /host}
  volumes:
    - {name: memory, emptyDir: {medium: Memory}}
    - {name: disk, emptyDir: {}}
    - {name: host, hostPath: {path: /var/lib/left-by-a-pod, type: DirectoryOrCreate}}
---
apiVersion: v1
kind: Pod
metadata: {name: two}
spec:
  nodeName: SECOND_NODE
  terminationGracePeriodSeconds: 1
  containers:
    - name: probe
      image: PROBE
      args: [serve, ":8080"]
      securityContext: {privileged: true}
---
apiVersion: v1
kind: Service
metadata: {name: probe}
spec: {selector: {app: probe}, ports: [{port: 80, targetPort: 8080}]}
`)

// TestUpDownLeavesNothing starts a cluster with two nodes, interrupts that, starts it again, lets pods talk across
// nodes, ends a node and brings it back, and takes the cluster down: the machine is then as it was.
func TestUpDownLeavesNothing(t *testing.T) {
	harness.Essential(t)
	if os.Geteuid() != 0 {
		require.Empty(t, os.Getenv("CI"), "CI runs this test as root")
		t.Skip("needs root: it starts a cluster")
	}
	one := buildTestCluster(t)
	one.run(t, "build", "kubernetes", "etcd", "containerd", "runc", "cni", "coredns", "pods")
	before, began := inspectMachine(t), time.Now()

	one.interruptUp(t)
	one.run(t, one.up()...)
	one.run(t, one.up()...)
	require.Contains(t, one.run(t, "status"), secondNode)

	one.kubectlInput(t, pods, "apply", "-f", "-")
	one.kubectl(t, "wait", "--for=condition=Ready", "pod/one", "pod/two", "--timeout=60s")
	require.Equal(t, "one\n", one.kubectl(t, "exec", "two", "--", "/probe", "get", server))
	require.Contains(t, one.kubectl(t, "logs", "one"), "serving on :8080")
	require.NoDirExists(t, "/var/lib/left-by-a-pod", "a host path of a pod is on the node and not on the host")
	requests, err := one.Requests(began, "")
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(requests, func(request testbed.Request) bool {
		return request.Resource == "pods" && request.Name == "two" && request.Writes()
	}), "the audit log has who made the pod")

	one.onNode(t, firstNode, "echo kept > "+testbed.SharedMount+"/volumes/kept")
	one.killNode(t, secondNode)
	one.run(t, one.up()...)
	one.onNode(t, secondNode, "grep kept "+testbed.SharedMount+"/volumes/kept")
	one.kubectl(t, "wait", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/two", "--timeout=120s")
	one.kubectl(t, "wait", "--for=condition=Ready", "pod/two", "--timeout=120s")
	require.Equal(t, "one\n", one.kubectl(t, "exec", "two", "--", "/probe", "get", server),
		"a node that ended comes back with its pods")

	// As block volumes have it: a loop device, and one on top of it that marks it as in use.
	for _, folder := range []string{testbed.SharedMount, testbed.SharedMount + "/volumes"} {
		one.onNode(t, firstNode, "cd "+folder+"; truncate -s 1M volume; losetup -f --show $(losetup -f --show volume)")
	}

	one.run(t, "down")
	require.NoDirExists(t, one.Folder())
	require.Empty(t, processesOf(t, one.Folder()))
	after := inspectMachine(t)
	// Something may have gone meanwhile, such as a volume of another cluster that was being deleted.
	for what := range before {
		require.Subset(t, before[what], after[what], what)
	}
	one.run(t, "down") // taking down what is not there is no error
}
