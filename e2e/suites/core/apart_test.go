//go:build e2e

package core

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// TestSubsystemsApart runs the controller of disks by a release of its own, in a namespace of its own and with its own rights only. It is
// not parallel: for a moment nobody looks after disks.
func TestSubsystemsApart(t *testing.T) {
	harness.Thorough(t)
	chart := filepath.Join(testbed.Checkout(), "charts", "wukong")
	values := filepath.Join(t.TempDir(), "values.yaml")
	installed := mustHelm(t, "get", "values", "wukong", "--namespace", harness.OperatorNamespace, "--output", "yaml")
	require.NoError(t, os.WriteFile(values, []byte(installed), 0o600))
	home := cluster.Namespace(t)
	namespace := cluster.Namespace(t)

	t.Cleanup(func() {
		mustHelm(t, "upgrade", "wukong", chart, "--namespace", harness.OperatorNamespace, "--values", values, "--wait", "--timeout", "3m")
	})
	mustHelm(t, "upgrade", "wukong", chart, "--namespace", harness.OperatorNamespace, "--values", values,
		"--set", "controllers={wukong,wukongaddress,wukongvm,wukongnetwork,wukongimage,wukongexport,wukongsnapshot}", "--wait", "--timeout", "3m")
	cluster.WaitOperator(t)
	vm := builder.VM(namespace, "web", harness.TinyDisk("root"))
	cluster.Make(t, vm)
	cluster.WaitCause(t, vm, v1alpha1.ReasonWaitingForDisk, "its controller has not looked at it yet", patience)

	t.Cleanup(func() { mustHelm(t, "uninstall", "storage", "--namespace", home, "--wait", "--timeout", "3m") })
	mustHelm(t, "install", "storage", chart, "--namespace", home, "--values", values, "--set", "controllers={wukongdisk}", "--wait", "--timeout", "3m")
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
}

func mustHelm(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := helm(t, arguments...)
	require.NoError(t, err, output)
	return output
}
