//go:build e2e

package protection

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// dataDevice and rootDevice are where the guest finds its disks.
const (
	dataDevice = "/dev/disk/by-id/virtio-data"
	rootDevice = "/dev/disk/by-id/virtio-root"
)

// keeper is a guest with a file on its data disk.
type keeper struct {
	vm *v1alpha1.WukongVM
	// root and data are its disks, as they were at the beginning.
	root, data *v1alpha1.WukongDisk
	// identity is what the guest sees of itself.
	identity string
}

func startKeeper(t *testing.T, namespace string) *keeper {
	t.Helper()
	data := builder.Disk(namespace, "data", builder.Size("64Mi"))
	vm := builder.VM(namespace, "web", harness.TinyDisk("root"), builder.Disks(builder.DiskReference("data", "data")),
		func(spec *v1alpha1.WukongVMSpec) { spec.RestartPolicy = v1alpha1.RestartOnFailure })
	cluster.Make(t, data, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	k := &keeper{vm: vm, root: &v1alpha1.WukongDisk{}, data: data}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "web-root"}, k.root))
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(data), k.data))
	k.answers(t)
	guest := cluster.Shell(t, vm)
	defer guest.Close()
	guest.Run(t, "mkfs.ext4 -q "+dataDevice+" && mount "+dataDevice+" /mnt")
	k.identity = k.whoAmI(t, guest)
	return k
}

// answers waits until the agent of the guest is connected.
func (k *keeper) answers(t *testing.T) {
	t.Helper()
	cluster.Wait(t, k.vm, patience, "its guest agent is connected", func() bool {
		return meta.IsStatusConditionTrue(k.vm.Status.Conditions, v1alpha1.ConditionGuestAgentConnected)
	})
}

func (k *keeper) whoAmI(t *testing.T, guest *harness.Guest) string {
	t.Helper()
	return guest.Run(t, "cat /sys/class/net/e*/address /sys/class/dmi/id/product_uuid")
}

// write puts a word into the file, on the disk itself.
func (k *keeper) write(t *testing.T, word string) {
	t.Helper()
	cluster.Ask(t, k.vm, "grep -q ' /mnt ' /proc/mounts || mount "+dataDevice+" /mnt; echo "+word+" >/mnt/file && sync")
}

// read is the word in the file.
func (k *keeper) read(t *testing.T) string {
	t.Helper()
	return cluster.Ask(t, k.vm, "grep -q ' /mnt ' /proc/mounts || mount "+dataDevice+" /mnt; cat /mnt/file")
}

func (k *keeper) cut(t *testing.T, name string) {
	t.Helper()
	snapshot := builder.SnapshotOfVM(k.vm.Namespace, name, k.vm.Name)
	cluster.Make(t, snapshot)
	cluster.WaitReady(t, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, patience)
}

// ask requests a restore now.
func (k *keeper) ask(t *testing.T, snapshot string, edit func(*v1alpha1.VMRestore)) {
	t.Helper()
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // each request has a second of its own
	restore := &v1alpha1.VMRestore{
		RequestedAt: metav1.NewTime(time.Now().UTC().Truncate(time.Second)),
		SnapshotRef: v1alpha1.LocalObjectReference{Name: snapshot},
	}
	if edit != nil {
		edit(restore)
	}
	harness.Change(t, cluster, k.vm, func(vm *v1alpha1.WukongVM) { vm.Spec.Restore = restore })
}

// ends waits until the last request has ended in a phase, and the guest runs.
func (k *keeper) ends(t *testing.T, phase v1alpha1.RestorePhase) *metav1.Condition {
	t.Helper()
	requested := k.vm.Spec.Restore.RequestedAt
	cluster.Wait(t, k.vm, importAndBoot, "restored: "+string(phase), func() bool {
		status := k.vm.Status.Restore
		return status != nil && status.Phase == phase && status.Request.RequestedAt.Equal(&requested)
	})
	cluster.WaitReady(t, k.vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	return meta.FindStatusCondition(k.vm.Status.Conditions, v1alpha1.ConditionRestored)
}

// disks are the disks as they are now: the same objects, each with one claim.
func (k *keeper) disks(t *testing.T) (claims []string) {
	t.Helper()
	for _, was := range []*v1alpha1.WukongDisk{k.root, k.data} {
		now := &v1alpha1.WukongDisk{}
		require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(was), now))
		assert.Equal(t, was.UID, now.UID)
		claims = append(claims, now.Status.ClaimName)
	}
	return claims
}

// TestAWukongVMIsRestored takes a guest back to a snapshot, and forward again. It is stopped only when the disks are
// filled, keeps its identity, and gets its disks back when it does not start.
func TestAWukongVMIsRestored(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	k := startKeeper(t, cluster.Namespace(t))
	k.write(t, "before")
	k.cut(t, "monday")
	k.write(t, "after")
	first := k.disks(t)
	safety := ""

	t.Run("ItGoesBack", func(t *testing.T) {
		begin := time.Now()
		k.ask(t, "monday", nil)
		restored := k.ends(t, v1alpha1.RestoreSucceeded)
		t.Logf("restored after %s", time.Since(begin).Truncate(time.Second))
		safety = k.vm.Status.Restore.SafetySnapshotName
		assert.Contains(t, restored.Message, "to undo this, restore WukongSnapshot "+safety)
		assert.Equal(t, "before", k.read(t))
		guest := cluster.Shell(t, k.vm)
		assert.Equal(t, k.identity, k.whoAmI(t, guest), "MAC address and UUID")
		guest.Close()
		for i, claim := range k.disks(t) {
			assert.NotEqual(t, first[i], claim)
		}
	})
	t.Run("TheSameRequestChangesNothing", func(t *testing.T) {
		k.write(t, "later")
		request := k.vm.Spec.Restore.DeepCopy()
		harness.Change(t, cluster, k.vm, func(vm *v1alpha1.WukongVM) { vm.Spec.Restore = nil })
		cluster.Wait(t, k.vm, patience, "without a restore", func() bool { return k.vm.Status.Restore == nil })
		harness.Change(t, cluster, k.vm, func(vm *v1alpha1.WukongVM) { vm.Spec.Restore = request })
		skipped := k.ends(t, v1alpha1.RestoreSkipped)
		assert.Equal(t, v1alpha1.ReasonAlreadyHandled, skipped.Reason)
		assert.Equal(t, "later", k.read(t))
	})
	t.Run("AGuestThatShutItselfDownIsRestored", func(t *testing.T) {
		guest := cluster.Shell(t, k.vm)
		guest.Run(t, "(sleep 1; sync; poweroff -f) >/dev/null 2>&1 </dev/null & sleep 0")
		guest.Close()
		cluster.WaitReady(t, k.vm, metav1.ConditionFalse, v1alpha1.ReasonGuestShutDown, importAndBoot)
		k.ask(t, safety, func(restore *v1alpha1.VMRestore) { restore.SafetySnapshot = v1alpha1.SafetySnapshotSkip })
		k.ends(t, v1alpha1.RestoreSucceeded)
		assert.Equal(t, "after", k.read(t), "the safety snapshot has what the first restore replaced")
	})
	t.Run("AGuestThatDoesNotStartGetsItsDisksBack", func(t *testing.T) {
		k.answers(t)
		claims := k.disks(t)
		const save, wipe, mend = "dd if=%[1]s of=/tmp/boot bs=1M count=1 status=none",
			"dd if=/dev/zero of=%[1]s bs=1M count=1 oflag=direct conv=fsync status=none",
			"dd if=/tmp/boot of=%[1]s bs=1M count=1 conv=fsync status=none"
		cluster.Ask(t, k.vm, fmt.Sprintf(save+" && "+wipe, rootDevice))
		k.cut(t, "broken")
		cluster.Ask(t, k.vm, fmt.Sprintf(mend, rootDevice))
		k.ask(t, "broken", func(restore *v1alpha1.VMRestore) {
			restore.SuccessWhen, restore.SafetySnapshot = v1alpha1.RestoreSuccessGuestAgent, v1alpha1.SafetySnapshotSkip
			restore.StartDeadlineSeconds = new(int64)
			*restore.StartDeadlineSeconds = 45
		})
		rolledBack := k.ends(t, v1alpha1.RestoreRolledBack)
		assert.Contains(t, rolledBack.Message, "the guest did not start on the restored disks within 45s")
		assert.Equal(t, "after", k.read(t))
		assert.Equal(t, claims, k.disks(t))
	})
}
