package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// BreakDisk makes QEMU answer each write of a running guest to a virtio disk with an I/O error, by a driver that QEMU
// has for this purpose (docs/devel/testing/blkdebug.rst), and returns what mends the disk. The test ends with it
// mended.
func (c *Cluster) BreakDisk(t *testing.T, vm *v1alpha1.WukongVM, disk string) (mend func()) {
	t.Helper()
	device := "/machine/peripheral/ua-" + disk + "/virtio-backend"
	var blocks struct {
		Return []struct {
			QDev     string `json:"qdev"`
			Inserted struct {
				NodeName string `json:"node-name"`
			} `json:"inserted"`
		} `json:"return"`
	}
	require.NoError(t, json.Unmarshal([]byte(c.monitor(t, vm, "query-block", map[string]any{})), &blocks))
	var whole string
	for _, block := range blocks.Return {
		if block.QDev == device {
			whole = block.Inserted.NodeName
		}
	}
	require.NotEmpty(t, whole, "QEMU has no disk %s: %+v", disk, blocks.Return)

	const broken = "broken"
	c.monitor(t, vm, "blockdev-add", map[string]any{
		"driver": "blkdebug", "node-name": broken, "image": whole,
		"inject-error": []any{
			map[string]any{"event": "none", "iotype": "write", "errno": 5, "once": false, "immediately": true},
		},
	})
	put := func(node string) {
		c.monitor(t, vm, "qom-set", map[string]any{"path": device, "property": "drive", "value": node})
	}
	put(broken)
	mended := false
	mend = func() {
		if !mended {
			put(whole)
			mended = true
		}
	}
	t.Cleanup(mend)
	return mend
}

// monitor sends a command to the QEMU of a machine, through libvirt in its launcher, and returns the answer in JSON.
func (c *Cluster) monitor(t *testing.T, vm *v1alpha1.WukongVM, command string, arguments map[string]any) string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // also when the test ends
	pods := &corev1.PodList{}
	launchers := client.MatchingLabels{kubevirtv1.AppLabel: "virt-launcher", v1alpha1.LabelVM: string(vm.UID)}
	require.NoError(t, c.List(ctx, pods, client.InNamespace(vm.Namespace), launchers))
	require.Len(t, pods.Items, 1)
	request, err := json.Marshal(map[string]any{"execute": command, "arguments": arguments})
	require.NoError(t, err)
	answer, err := Kubectl(t).Try(ctx, "", "exec", "--namespace="+vm.Namespace, pods.Items[0].Name,
		"--container=compute", "--",
		"virsh", "qemu-monitor-command", fmt.Sprintf("%s_%s", vm.Namespace, vm.Name), string(request))
	require.NoError(t, err, "%s: %s", request, answer)
	require.NotContains(t, answer, `"error"`, "%s", request)
	return answer
}
