//go:build e2e

package disks

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// waitMoved waits until a disk is on a class, and the claim that it came from is deleted. Kubernetes keeps that as long
// as a pod names it, also one that ended: those of a machine that migrated stay until it stops.
func waitMoved(t *testing.T, disk *v1alpha1.WukongDisk, class string) {
	t.Helper()
	from := disk.Status.ClaimName
	cluster.WaitFor(t, harness.CauseMigration, disk, importAndBoot, "on StorageClass "+class, func() bool {
		return disk.Status.StorageClassName == class && disk.Status.Move == nil && disk.Status.ClaimName != from &&
			meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionStorageMoved) == nil
	})
	gone := &cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Namespace: disk.Namespace, Name: from}}
	cluster.WaitGone(t, gone, patience)
	harness.Until(t, harness.CauseDeletion, patience,
		"PersistentVolumeClaim "+from+" is deleted, or waits for a pod that has it", func(ctx context.Context) string {
			claim := &corev1.PersistentVolumeClaim{}
			err := cluster.Get(ctx, client.ObjectKeyFromObject(gone), claim)
			switch {
			case apierrors.IsNotFound(err) || err == nil && !claim.DeletionTimestamp.IsZero():
				return ""
			case err != nil:
				return err.Error()
			default:
				return "nobody deletes it"
			}
		})
}

// TestDisksMoveBetweenStorageClasses follows the root disk and a data disk to another class under a guest that writes
// to them, and back again while the machine is stopped.
func TestDisksMoveBetweenStorageClasses(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	data := builder.Disk(namespace, "data", builder.Size("256Mi"))
	vm := tinyVM(namespace, "mover", builder.DiskReference("data", "data"))
	cluster.Make(t, data, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	waitAttachment(t, vm, "data", v1alpha1.DiskAttached)
	root := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mover-root"}}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(root), root))
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(data), data))

	guest := cluster.Shell(t, vm)
	guest.Run(t, "mkfs.ext4 -q "+dataDevice+" && mount "+dataDevice+" /mnt")
	guest.Run(t, "head -c 20000000 /dev/urandom >/mnt/file && head -c 2000000 /dev/urandom >/root/file && sync")
	const sums = "cat /mnt/file /root/file | sha256sum"
	checksum := guest.Run(t, sums)
	const bootID = "cat /proc/sys/kernel/random/boot_id"
	boot := guest.Run(t, bootID)

	toClass := func(class string) {
		change(t, data, func(disk *v1alpha1.WukongDisk) { disk.Spec.StorageClassName = &class })
		change(t, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.Disks[0].Template.Spec.StorageClassName = &class })
	}
	t.Run("WhileTheGuestRuns", func(t *testing.T) {
		toClass(testbed.FixedClass)
		waitMoved(t, data, testbed.FixedClass)
		waitMoved(t, root, testbed.FixedClass)
		guest.Close()
		guest = cluster.Shell(t, vm) // a console stays with the instance on the first node
		assert.Equal(t, boot, guest.Run(t, bootID), "the guest never stopped")
		guest.Run(t, "sync; echo 3 >/proc/sys/vm/drop_caches")
		assert.Equal(t, checksum, guest.Run(t, sums))
		guest.Run(t, "echo later >/mnt/later; echo later >/root/later; sync")
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, patience)
		assert.False(t, meta.IsStatusConditionTrue(vm.Status.Conditions, v1alpha1.ConditionRestartRequired),
			"%+v", vm.Status.Conditions)
	})
	t.Run("BackWhileTheMachineIsStopped", func(t *testing.T) {
		change(t, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerStopped })
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped, patience)
		for _, name := range []string{"data", "mover-root"} {
			// No pod has it.
			claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
			cluster.WaitGone(t, claim, patience)
		}
		toClass(testbed.SharedClass)
		for _, disk := range []*v1alpha1.WukongDisk{data, root} {
			moving := disk.DeepCopy() // waitMoved needs to know where it came from
			cluster.Wait(t, moving, patience, "being copied", func() bool {
				return moving.Status.StorageClassName == testbed.SharedClass ||
					moving.Status.Move != nil && moving.Status.Move.Phase == v1alpha1.MoveCopying
			})
		}
		// It is to start at once, and waits for its disks.
		change(t, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerRunning })
		waitMoved(t, data, testbed.SharedClass)
		waitMoved(t, root, testbed.SharedClass)
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
		again := cluster.Shell(t, vm)
		assert.NotEqual(t, boot, again.Run(t, bootID))
		again.Run(t, "mount "+dataDevice+" /mnt")
		assert.Equal(t, checksum, again.Run(t, sums))
		assert.Contains(t, again.Run(t, "cat /mnt/later /root/later"), "later")
	})
}
