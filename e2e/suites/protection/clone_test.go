//go:build e2e

package protection

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

const (
	cloneUser     = "alice"
	clonePassword = "correct horse"
)

// writesRecords writes numbered records to a file for ever, each with fsync, in the background.
func writesRecords(t *testing.T, guest *harness.Guest, file string) {
	t.Helper()
	guest.Run(t, "(i=0; while :; do i=$((i+1)); echo $i | dd of="+file+
		" oflag=append conv=notrunc,fsync status=none; done) >/dev/null 2>&1 </dev/null & echo it begins")
	guest.Until(t, harness.CausePlug, "test $(wc -l <"+file+") -gt 5 && echo it writes || echo not yet", "it writes")
}

// recordsIn is how many records a file has. It fails where one is missing. The last one may be cut off.
func recordsIn(t *testing.T, guest *harness.Guest, file string) int {
	t.Helper()
	lines := strings.Fields(guest.Run(t, "cat "+file))
	for i, line := range lines {
		if number, err := strconv.Atoi(line); i < len(lines)-1 {
			require.NoError(t, err)
			require.Equal(t, i+1, number, "a record is missing in %s", file)
		}
	}
	return len(lines)
}

// waitCloned waits for the end of a clone, and checks that its temporary snapshot is deleted.
func waitCloned(t *testing.T, clone *v1alpha1.WukongClone) {
	t.Helper()
	cluster.WaitReady(t, clone, metav1.ConditionTrue, v1alpha1.ReasonCloned, importAndBoot)
	snapshot := &v1alpha1.WukongSnapshot{ObjectMeta: metav1.ObjectMeta{
		Namespace: model.CloneOrigin(clone).Namespace, Name: model.CloneSnapshotName(clone),
	}}
	cluster.WaitGone(t, snapshot, patience)
	assert.NotNil(t, clone.Status.PointInTime)
	for _, disk := range clone.Status.Disks {
		t.Logf("disk %s: %s, by %s", disk.Name, disk.Phase, disk.Method)
		assert.NotEmpty(t, disk.Method)
	}
}

// identity is what no two guests may have in common.
func identity(t *testing.T, guest *harness.Guest, vm *v1alpha1.WukongVM) map[string]string {
	t.Helper()
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(vm), vm))
	found := map[string]string{
		"host name":   guest.Run(t, "hostname"),
		"machine ID":  guest.Run(t, "cat /etc/machine-id"),
		"D-Bus ID":    guest.Run(t, "cat /var/lib/dbus/machine-id 2>/dev/null || hostname"),
		"UUID":        guest.Run(t, "sudo cat /sys/class/dmi/id/product_uuid"),
		"serial":      guest.Run(t, "sudo cat /sys/class/dmi/id/product_serial"),
		"MAC address": guest.Run(t, "cat /sys/class/net/e*/address | sort | tr '\\n' ' '"),
		"address":     vm.Status.PrimaryAddress,
	}
	keys := strings.Fields(guest.Run(t, "cat /etc/ssh/ssh_host_*_key.pub | cut -d ' ' -f 1,2"))
	require.GreaterOrEqual(t, len(keys), 2, "the guest has an SSH host key")
	for kind := range slices.Chunk(keys, 2) {
		found["host key "+kind[0]] = kind[1]
	}
	return found
}

// A Debian guest is cloned while it writes. The clone boots, is another guest in all respects, and has a prefix of what
// was written.
func TestARunningWukongVMIsCloned(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	vm := builder.VM(namespace, "web",
		builder.Imported("root", testbed.ImageURL(testbed.DebianImage), builder.Size("3Gi")), builder.OnPodNetwork,
		builder.Cores(2), builder.Memory("512Mi"), builder.GracePeriod(60),
		builder.Login(cloneUser, cloneUser, "password"))
	cluster.Make(t, builder.Secret(namespace, cloneUser, map[string]string{"password": clonePassword}), vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	guest := cluster.LogIn(t, vm, cloneUser, clonePassword)
	writesRecords(t, guest, "/home/"+cloneUser+"/records")

	clone := builder.CloneOfVM(namespace, "copy", "web", "web-2", builder.CloneRunning)
	cluster.Make(t, clone)
	waitCloned(t, clone)
	copied := builder.VM(namespace, "web-2")
	cluster.WaitReady(t, copied, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	second := cluster.LogIn(t, copied, cloneUser, clonePassword)
	second.Run(t, "sudo cloud-init status --wait >/dev/null; true")

	written := recordsIn(t, second, "/home/"+cloneUser+"/records")
	assert.Greater(t, written, 5)
	assert.Greater(t, recordsIn(t, guest, "/home/"+cloneUser+"/records"), written, "the source writes on")
	one, other := identity(t, guest, vm), identity(t, second, copied)
	for what, value := range one {
		assert.NotEmpty(t, other[what], what)
		assert.NotEqual(t, value, other[what], "%s is the same in both guests", what)
	}
	assert.Equal(t, v1alpha1.MachineIDRenewed, clone.Status.Identity.MachineID)

	before := other["machine ID"]
	second.Close()
	t.Run("TheIdentityStaysWhenTheCloneRestarts", func(t *testing.T) {
		restart(t, copied)
		again := cluster.LogIn(t, copied, cloneUser, clonePassword)
		defer again.Close()
		assert.Equal(t, before, again.Run(t, "cat /etc/machine-id"))
		assert.Equal(t, other["host key ssh-ed25519"], again.Run(t, "cut -d ' ' -f 2 /etc/ssh/ssh_host_ed25519_key.pub"))
	})
}

// restart stops and starts a guest.
func restart(t *testing.T, vm *v1alpha1.WukongVM) {
	t.Helper()
	for _, step := range []struct {
		state  v1alpha1.PowerState
		reason string
	}{{v1alpha1.PowerStopped, v1alpha1.ReasonStopped}, {v1alpha1.PowerRunning, v1alpha1.ReasonRunning}} {
		before := vm.DeepCopy()
		vm.Spec.PowerState = step.state
		require.NoError(t, cluster.Patch(t.Context(), vm, client.MergeFrom(before)))
		cluster.WaitReady(t, vm, metav1.ConditionTrue, step.reason, importAndBoot)
	}
}

// A WukongVM is cloned into another namespace when it grants that, and not before.
func TestACloneIntoAnotherNamespace(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	from, to := cluster.Namespace(t), cluster.Namespace(t)
	vm := builder.VM(from, "web", harness.TinyDisk("root"), builder.Stamped("data", builder.Size("64Mi")))
	cluster.Make(t, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	guest := cluster.Shell(t, vm)
	guest.Run(t, "mkfs.ext4 -q /dev/disk/by-id/virtio-data && mount /dev/disk/by-id/virtio-data /mnt")
	writesRecords(t, guest, "/mnt/records")

	clone := builder.CloneOfVM(to, "copy", "web", "web-2", builder.CloneFrom(from), builder.CloneRunning)
	cluster.Make(t, clone)
	cluster.WaitCause(t, clone, v1alpha1.ReasonCloneNotGranted, "spec.cloneableFrom", patience)
	before := vm.DeepCopy()
	vm.Spec.CloneableFrom = []string{to}
	require.NoError(t, cluster.Patch(t.Context(), vm, client.MergeFrom(before)))
	waitCloned(t, clone)

	copied := builder.VM(to, "web-2")
	cluster.WaitReady(t, copied, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	second := cluster.Shell(t, copied)
	second.Run(t, "mount /dev/disk/by-id/virtio-data /mnt")
	written := recordsIn(t, second, "/mnt/records")
	assert.Greater(t, written, 5)
	assert.Greater(t, recordsIn(t, guest, "/mnt/records"), written)
	assert.NotEqual(t, vm.Status.Networks[0].MACAddress, copied.Status.Networks[0].MACAddress)

	require.NoError(t, cluster.Delete(t.Context(), clone))
	cluster.WaitGone(t, clone, patience)
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(copied), copied),
		"it outlives the WukongClone")
}
