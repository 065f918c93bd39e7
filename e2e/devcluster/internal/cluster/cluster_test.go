package cluster

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/novasphere/wukong/e2e/devcluster/internal/network"
	"github.com/novasphere/wukong/e2e/devcluster/internal/process"
)

func testPlan(t *testing.T) network.Plan {
	t.Helper()
	plan, err := network.NewPlan("wk-test", nil)
	require.NoError(t, err)
	return plan
}

func TestNamesOfACluster(t *testing.T) {
	one, other := paths{root: "/one/.devcluster"}, paths{root: "/other/.devcluster"}
	require.NotEqual(t, one.link(), other.link(), "clusters of two checkouts run side by side")
	require.LessOrEqual(t, len(one.link()), 15, "a link's name has at most 15 characters")
	require.NotEqual(t, one.cgroup("node1"), other.cgroup("node1"))
}

func TestStateIsFoundAgain(t *testing.T) {
	place := paths{root: t.TempDir()}
	none, err := loadState(place)
	require.NoError(t, err)
	require.Nil(t, none)

	written := &state{Plan: testPlan(t), ControlPlane: &process.ID{PID: 1 << 30, Started: 7}}
	written.setNode(nodeState{Number: 1, Images: []string{"a"}})
	written.setNode(nodeState{Number: 2})
	written.setNode(nodeState{Number: 1, Images: []string{"a", "b"}})
	require.NoError(t, written.save(place))
	read, err := loadState(place)
	require.NoError(t, err)
	require.Equal(t, written, read)
	require.Len(t, read.Nodes, 2)
	require.Equal(t, []string{"a", "b"}, read.node(1).Images)
	require.False(t, read.controlPlaneAlive())
}

func TestCredentialsAreMadeOnce(t *testing.T) {
	place, plan := paths{root: t.TempDir()}, testPlan(t)
	require.NoError(t, writeCredentials(place, plan))
	before, err := os.ReadFile(place.kubeconfig())
	require.NoError(t, err)
	require.NoError(t, writeCredentials(place, plan))
	after, err := os.ReadFile(place.kubeconfig())
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))

	config, err := clientcmd.BuildConfigFromFlags("", place.kubeconfig())
	require.NoError(t, err)
	require.Equal(t, "https://172.30.0.1:6443", config.Host)
	info, err := os.Stat(place.kubeconfig())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "nobody but root is administrator")
}

func TestFlagsAreInOrder(t *testing.T) {
	require.Equal(t, []string{"--a=1", "--b=2"}, flags(map[string]string{"b": "2", "a": "1"}))
}

func TestNetworkConfigurationIsJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "10-wukong.conflist")
	require.NoError(t, writeJSON(path, networkConfig(testPlan(t), 2)))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, json.Valid(data))
	require.Contains(t, string(data), "10.200.2.0/24")
}

func TestContainerdNeedsNoRightThatIsMissing(t *testing.T) {
	require.Contains(t, containerdConfig(false), "restrict_oom_score_adj = true")
	require.Contains(t, containerdConfig(true), "restrict_oom_score_adj = false")
}

func TestNodeIsReadyWhenItSaysSoAfterItsStart(t *testing.T) {
	started := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	node := func(status corev1.ConditionStatus, reported time.Time, taints ...string) *corev1.Node {
		made := &corev1.Node{Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: status, Reason: "Reason", Message: "message",
			LastHeartbeatTime: metav1.NewTime(reported),
		}}}}
		for _, taint := range taints {
			made.Spec.Taints = append(made.Spec.Taints, corev1.Taint{Key: taint})
		}
		return made
	}
	for name, test := range map[string]struct {
		node  *corev1.Node
		lacks string
	}{
		"ready":            {node(corev1.ConditionTrue, started), ""},
		"no report at all": {&corev1.Node{}, "kubelet has not reported yet"},
		"an old report": {node(corev1.ConditionTrue, started.Add(-time.Second)),
			"kubelet has not reported since the node was started"},
		"not ready": {node(corev1.ConditionFalse, started), "Reason: message"},
		"ready but tainted": {node(corev1.ConditionTrue, started, "node.kubernetes.io/not-ready"),
			"it has the taint node.kubernetes.io/not-ready"},
		"a taint of a person": {node(corev1.ConditionTrue, started, "example.org/mine"), ""},
		"not ready and tainted": {node(corev1.ConditionFalse, started, "node.kubernetes.io/not-ready"),
			"Reason: message"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.lacks, nodeLacks(test.node, started)) })
	}
}

func TestServicesLack(t *testing.T) {
	answers := map[string]string{
		`{"lastUpdated":"2026-01-01T00:00:00Z",` +
			`"healthy":true}`: "kube-proxy has not written the rules of Services yet",
		`{"healthy":true,"status":{"IPv4":{"lastUpdated":"2026-01-01T00:00:00Z","healthy":true}}}`: "",
		`no`: "is not understood",
	}
	for answer, lacks := range answers {
		proxy := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
			_, _ = writer.Write([]byte(answer))
		}))
		said := servicesLack(t.Context(), proxy.Listener.Addr().String())
		if lacks == "" {
			require.Empty(t, said)
		} else {
			require.Contains(t, said, lacks)
		}
		proxy.Close()
		require.Contains(t, servicesLack(t.Context(), proxy.Listener.Addr().String()), "does not answer")
	}
}

func TestANodeIsNewUntilItHasImages(t *testing.T) {
	one := &Cluster{place: paths{root: t.TempDir()}}
	require.True(t, one.isNew(1))
	require.NoError(t, os.MkdirAll(one.place.containerd("node1")+".part", 0o700))
	require.True(t, one.isNew(1), "what was interrupted is done again")
	require.NoError(t, os.MkdirAll(one.place.containerd("node1"), 0o700))
	require.False(t, one.isNew(1))
	require.True(t, one.isNew(2))
}

func TestProgramsOfANodeWaitForTheAPIServer(t *testing.T) {
	plan := testPlan(t)
	waits := map[string][]string{}
	for _, program := range nodeSpec(paths{root: "/one"}, plan, 1).Programs {
		waits[program.Name] = program.WaitFor
	}
	require.Empty(t, waits["containerd"])
	require.Equal(t, []string{"unix:" + containerdSocket, "https://172.30.0.1:6443/readyz"}, waits["kubelet"])
	require.Equal(t, []string{"https://172.30.0.1:6443/readyz"}, waits["kube-proxy"])
}
