//go:build e2e

package core

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// Fault C.11: what docs/uninstall.md says leaves machines as they are, keeps no namespace from being deleted, and is
// undone by installing again. It is not parallel: for a moment there is no operator.
func TestUninstallKeepsNothingFromBeingDeleted(t *testing.T) {
	harness.Thorough(t)
	chart, values := release(t)
	leaving, staying := cluster.Namespace(t), cluster.Namespace(t)
	kept := builder.Disk(leaving, "kept", builder.Size("64Mi"), builder.Retained)
	gone := builder.Disk(leaving, "gone", builder.Size("64Mi"))
	vm := builder.VM(staying, "web", harness.TinyDisk("root"))
	cluster.Make(t, kept, gone, vm)
	cluster.WaitReady(t, kept, metav1.ConditionTrue, v1alpha1.ReasonReady, patience)
	cluster.WaitReady(t, gone, metav1.ConditionTrue, v1alpha1.ReasonReady, patience)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	instance := &kubevirtv1.VirtualMachineInstance{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(vm), instance))

	t.Cleanup(func() { install(t, chart, values) })
	text, err := os.ReadFile(filepath.Join(testbed.Checkout(), "docs", "uninstall.md"))
	require.NoError(t, err)
	script := string(text)
	for _, before := range []string{"## And leave the machines as they are", "```sh\n"} {
		_, after, found := strings.Cut(script, before)
		require.True(t, found, before)
		script = after
	}
	script, _, _ = strings.Cut(script, "```")
	shell := exec.CommandContext(t.Context(), "sh", "-euc", script)
	shell.Env = append(os.Environ(), "KUBECONFIG="+testbed.Kubeconfig(),
		"PATH="+testbed.Here().Programs()+":"+filepath.Join(testbed.Checkout(), "bin")+":"+os.Getenv("PATH"))
	output, err := shell.CombinedOutput()
	require.NoError(t, err, string(output))

	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: leaving}}
	require.NoError(t, cluster.Delete(t.Context(), gone))
	cluster.WaitGone(t, &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: leaving, Name: "gone"}},
		patience)
	require.NoError(t, cluster.Delete(t.Context(), kept))
	cluster.WaitGone(t, kept, patience)
	claim := &corev1.PersistentVolumeClaim{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(kept), claim))
	assert.True(t, claim.DeletionTimestamp.IsZero(), "the bytes stay")
	require.NoError(t, cluster.Delete(t.Context(), namespace))
	cluster.WaitGone(t, namespace, patience)

	install(t, chart, values)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, patience)
	again := &kubevirtv1.VirtualMachineInstance{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(vm), again))
	assert.Equal(t, instance.UID, again.UID, "the guest never stopped")
}
