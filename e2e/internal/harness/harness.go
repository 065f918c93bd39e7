package harness

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// How long tests wait before they fail: guests may be emulated, on a slow machine that does other things too, so that only what hangs comes near.
const (
	ImportAndBoot = 15 * time.Minute
	Patience      = 5 * time.Minute
)

// OperatorNamespace is where the chart is installed.
const OperatorNamespace = "wukong-system"

// interval is how often a state is looked at.
const interval = 500 * time.Millisecond

// Cluster is the cluster that a suite runs on.
type Cluster struct {
	Config *rest.Config
	client.Client
	// leaving are the namespaces of tests that have ended, each with the name of its test.
	leaving sync.Map
}

// Connect uses the kubeconfig that KUBECONFIG names, or the dev cluster's.
func Connect() (*Cluster, error) {
	path := testbed.Kubeconfig()
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w; is the dev cluster up? 'make cluster' starts it", path, err)
	}
	config.QPS, config.Burst = 50, 100
	scheme := apiruntime.NewScheme()
	for _, add := range []func(*apiruntime.Scheme) error{
		clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, v1alpha1.AddToScheme, kubevirtv1.AddToScheme, cdiv1.AddToScheme, networkv1.AddToScheme,
		nmstatev1.AddToScheme, nmstatev1beta1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	connection, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster of %s: %w", path, err)
	}
	return &Cluster{Config: config, Client: connection}, nil
}

// Namespace makes a namespace for one test and deletes it afterwards. When the test failed, what is in it is printed first. Nobody waits for its end
// here: it takes a quarter of a minute, in which the next test can begin. Main waits for it.
func (c *Cluster) Namespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-"}}
	require.NoError(t, c.Create(t.Context(), namespace))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), ImportAndBoot)
		defer cancel()
		if t.Failed() {
			c.describe(ctx, t.Logf, namespace.Name)
		}
		require.NoError(t, client.IgnoreNotFound(c.Delete(ctx, namespace)))
		c.leaving.Store(namespace.Name, t.Name())
	})
	return namespace.Name
}

// drain waits until the namespaces of tests that have ended are gone, and describes the first that does not go.
func (c *Cluster) drain(ctx context.Context, log logger) error {
	var err error
	c.leaving.Range(func(name, test any) bool {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name.(string)}}
		if err = c.Gone(ctx, namespace); err != nil {
			err = fmt.Errorf("namespace %s of %s does not go away: %w: %+v", name, test, err, namespace.Status)
			c.describe(context.WithoutCancel(ctx), log, namespace.Name)
			return false
		}
		c.leaving.Delete(name)
		return true
	})
	return err
}

// Drain waits until nothing is left of tests that have ended, for a test that looks at the whole cluster or takes something away from it.
func (c *Cluster) Drain(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), ImportAndBoot)
	defer cancel()
	require.NoError(t, c.drain(ctx, t.Logf))
}

// Main connects a suite to its cluster, runs it, and sees that its namespaces end. What it returns is for os.Exit.
func Main(m *testing.M, cluster **Cluster) int {
	var err error
	if *cluster, err = Connect(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	ctx, cancel := context.WithTimeout(context.Background(), ImportAndBoot)
	defer cancel()
	if err := (*cluster).drain(ctx, func(format string, arguments ...any) { fmt.Fprintf(os.Stderr, format+"\n", arguments...) }); err != nil {
		// As a test that fails, which is what people and programs look for in the output.
		fmt.Fprintf(os.Stderr, "--- FAIL: what tests leave behind\n    %s\n", err)
		return 1
	}
	return code
}

// Gone waits until an object does not exist.
func (c *Cluster) Gone(ctx context.Context, obj client.Object) error {
	key := client.ObjectKeyFromObject(obj)
	return wait.PollUntilContextCancel(ctx, interval, true, func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, key, obj)
		if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
			return true, nil
		}
		return false, nil
	})
}

// WaitGone waits until an object does not exist.
func (c *Cluster) WaitGone(t *testing.T, obj client.Object, patience time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, c.Gone(ctx, obj), "%T %s does not go", obj, obj.GetName())
}

// WaitReady waits until the object says Ready with the status and, if not empty, the reason, of its current generation.
func (c *Cluster) WaitReady(t *testing.T, obj v1alpha1.Object, status metav1.ConditionStatus, reason string, patience time.Duration) *metav1.Condition {
	t.Helper()
	var ready *metav1.Condition
	c.Wait(t, obj, patience, fmt.Sprintf("Ready=%s %s", status, reason), func() bool {
		ready = meta.FindStatusCondition(obj.GetConditions(), v1alpha1.ConditionReady)
		return ready != nil && ready.ObservedGeneration == obj.GetGeneration() && ready.Status == status && (reason == "" || ready.Reason == reason)
	})
	return ready
}

// WaitCause waits until the object says Ready=False with the reason, and a message with the text. A cause may take a few passes to come
// up from the object that has it, and the same reason may speak of something else until then.
func (c *Cluster) WaitCause(t *testing.T, obj v1alpha1.Object, reason, text string, patience time.Duration) *metav1.Condition {
	t.Helper()
	var ready *metav1.Condition
	c.Wait(t, obj, patience, fmt.Sprintf("Ready=False %s: %s", reason, text), func() bool {
		ready = meta.FindStatusCondition(obj.GetConditions(), v1alpha1.ConditionReady)
		return ready != nil && ready.Status == metav1.ConditionFalse && ready.Reason == reason && strings.Contains(ready.Message, text)
	})
	return ready
}

// Wait reads the object until it is as wanted.
func (c *Cluster) Wait(t *testing.T, obj v1alpha1.Object, patience time.Duration, what string, wanted func() bool) {
	t.Helper()
	object := obj.(client.Object)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var unreachable error
	err := wait.PollUntilContextCancel(ctx, interval, true, func(ctx context.Context) (bool, error) {
		// An API server that is busy, or starts, answers the next time.
		if unreachable = c.Get(ctx, client.ObjectKeyFromObject(object), object); unreachable != nil {
			return false, nil
		}
		return wanted(), nil
	})
	require.NoError(t, err, "%T %s is not %s after %s: phase %s, conditions %+v, last answer: %v",
		obj, obj.GetName(), what, patience, obj.GetPhase(), obj.GetConditions(), unreachable)
}
