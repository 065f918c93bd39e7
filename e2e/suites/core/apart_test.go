//go:build e2e

package core

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// TestSubsystemsApart runs the controller of disks by a release of its own, in a namespace of its own and with its own
// rights only, and both releases for one namespace alone (issue A.5). It is not parallel: for a moment nobody looks
// after disks, and after other namespaces.
func TestSubsystemsApart(t *testing.T) {
	harness.Thorough(t)
	chart, values := release(t)
	home := cluster.Namespace(t)
	namespace, second, other := cluster.Namespace(t), cluster.Namespace(t), cluster.Namespace(t)
	limited := "namespaces={" + namespace + "," + second + "}"

	t.Cleanup(func() { install(t, chart, values) })
	install(t, chart, values, "--set",
		"controllers={wukong,wukongaddress,wukongvm,wukongnetwork,wukongimage,wukongexport,wukongsnapshot}",
		"--set", limited, "--set-json", "hostNetworks.permitted=[]")
	vm := builder.VM(namespace, "web",
		builder.Stamped("root", builder.Size(harness.TinySize), builder.FromHTTP(testbed.ImageURL(testbed.TinyImage))))
	unseen := builder.VM(other, "web", harness.TinyDisk("root"))
	cluster.Make(t, vm, unseen)
	cluster.WaitCause(t, vm, v1alpha1.ReasonWaitingForDisk, "its controller has not looked at it yet", patience)

	t.Cleanup(func() { mustHelm(t, "uninstall", "storage", "--namespace", home, "--wait", "--timeout", "3m") })
	mustHelm(t, "install", "storage", chart, "--namespace", home, "--values", values, "--set",
		"controllers={wukongdisk}", "--set", limited, "--wait", "--timeout", "3m")
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)

	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(unseen), unseen))
	assert.Empty(t, unseen.Status, "a machine in a namespace that no release works in")
	assert.Empty(t, unseen.Finalizers)
	operator := "system:serviceaccount:" + harness.OperatorNamespace + ":wukong"
	for _, right := range []authorizationv1.ResourceAttributes{
		{Verb: "get", Resource: "secrets"}, {Verb: "patch", Group: "kubevirt.io", Resource: "virtualmachines"},
		{Verb: "create", Group: "batch", Resource: "jobs"},
	} {
		assert.True(t, may(t, operator, namespace, right), "%+v", right)
		assert.False(t, may(t, operator, other, right), "%+v", right)
		assert.False(t, may(t, operator, "", right), "%+v in all namespaces", right)
	}
	assert.False(t, may(t, operator, "", authorizationv1.ResourceAttributes{
		Verb: "create", Group: "nmstate.io", Resource: "nodenetworkconfigurationpolicies",
	}))

	// With the namespace the Roles in it are deleted, but what is left there ends all the same, and does not keep a
	// manager that starts from its work.
	gone := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	require.NoError(t, cluster.Delete(t.Context(), gone))
	cluster.WaitGone(t, gone, patience)
	cluster.RestartOperator(t)
	snapshot := builder.Snapshot(second, "early", "data")
	cluster.Make(t, snapshot)
	cluster.WaitReady(t, snapshot, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, patience)
}

// may tells whether a user has a right in a namespace, or in all.
func may(t *testing.T, user, namespace string, right authorizationv1.ResourceAttributes) bool {
	t.Helper()
	right.Namespace = namespace
	review := &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &right},
	}
	require.NoError(t, cluster.Create(t.Context(), review))
	return review.Status.Allowed
}

// release is the chart of the operator, and a file with the values of the release that is installed.
func release(t *testing.T) (chart, values string) {
	t.Helper()
	installed := mustHelm(t, "get", "values", "wukong", "--namespace", harness.OperatorNamespace, "--output", "yaml")
	values = filepath.Join(t.TempDir(), "values.yaml")
	require.NoError(t, os.WriteFile(values, []byte(installed), 0o600))
	return filepath.Join(testbed.Checkout(), "charts", "wukong"), values
}

// install makes the operator's release what the chart and these values say, and waits until no manager of before is
// left: 'helm --wait' does not wait for the pods that are replaced.
func install(t *testing.T, chart, values string, arguments ...string) {
	t.Helper()
	mustHelm(t,
		append([]string{"upgrade", "--install", "wukong", chart, "--namespace", harness.OperatorNamespace,
			"--values", values,
			"--wait", "--timeout", "3m"}, arguments...)...)
	cluster.WaitOperator(t)
}

func mustHelm(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := helm(t, arguments...)
	require.NoError(t, err, output)
	return output
}
