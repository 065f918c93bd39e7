package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// OperatorNamespace is where the chart is installed.
const OperatorNamespace = "wukong-system"

// Cluster is the cluster that a suite runs on.
type Cluster struct {
	Config *rest.Config
	client.Client
	// tests are the names of tests by the namespaces that they made; leaving are those of tests that have ended.
	tests, leaving sync.Map
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
		clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, v1alpha1.AddToScheme, kubevirtv1.AddToScheme,
		cdiv1.AddToScheme, networkv1.AddToScheme, nmstatev1.AddToScheme, nmstatev1beta1.AddToScheme,
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

// Namespace makes a namespace for one test and deletes it afterwards. When the test failed, what is in it is printed
// first. Nobody waits for its end here: it takes a quarter of a minute, in which the next test can begin. Main waits
// for it.
func (c *Cluster) Namespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-"}}
	require.NoError(t, c.Create(t.Context(), namespace))
	c.tests.Store(namespace.Name, t.Name())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Scaled(ImportAndBoot))
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

// Drain waits until nothing is left of tests that have ended, for a test that looks at the whole cluster or takes
// something away from it.
func (c *Cluster) Drain(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Scaled(ImportAndBoot))
	defer cancel()
	require.NoError(t, c.drain(ctx, t.Logf))
}

// Main connects a suite of Wukong to its cluster, makes the golden image, runs the suite, and sees that its namespaces
// end. What it returns is for os.Exit.
func Main(m *testing.M, cluster **Cluster) int {
	return run(m, cluster, func(c *Cluster) error { return c.golden(context.Background()) })
}

// MainOfCluster is Main for a suite of the dev cluster itself, on which Wukong need not be installed.
func MainOfCluster(m *testing.M, cluster **Cluster) int {
	return run(m, cluster, func(*Cluster) error { return nil })
}

func run(m *testing.M, cluster **Cluster, prepare func(*Cluster) error) int {
	connected, err := Connect()
	if err = errors.Join(err, checkDepth()); err == nil {
		err = calibrate(connected)
	}
	if err == nil {
		err = prepare(connected)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*cluster = connected
	began := time.Now()
	code := m.Run()
	connected.recordBoots(began)
	ctx, cancel := context.WithTimeout(context.Background(), Scaled(ImportAndBoot))
	defer cancel()
	if err := (*cluster).drain(
		ctx, func(format string, arguments ...any) { fmt.Fprintf(os.Stderr, format+"\n", arguments...) },
	); err != nil {
		// As a test that fails, which is what people and programs look for in the output.
		fmt.Fprintf(os.Stderr, "--- FAIL: what tests leave behind\n    %s\n", err)
		return 1
	}
	return code
}
