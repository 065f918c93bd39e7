//go:build e2e

package disks

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// waitMoved waits until a disk is on a class, and the claim that it came from is deleted. Kubernetes keeps that as long as a pod names it, also
// one that ended: those of a machine that migrated stay until it stops.
func waitMoved(t *testing.T, disk *v1alpha1.WukongDisk, class string) {
	t.Helper()
	from := disk.Status.ClaimName
	cluster.Wait(t, disk, importAndBoot, "on StorageClass "+class, func() bool {
		return disk.Status.StorageClassName == class && disk.Status.Move == nil && disk.Status.ClaimName != from &&
			meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionStorageMoved) == nil
	})
	gone := &cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Namespace: disk.Namespace, Name: from}}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, cluster.Gone(ctx, gone), "DataVolume %s is left", from)
	claim := &corev1.PersistentVolumeClaim{}
	require.Eventually(t, func() bool {
		err := cluster.Get(t.Context(), client.ObjectKeyFromObject(gone), claim)
		return apierrors.IsNotFound(err) || err == nil && !claim.DeletionTimestamp.IsZero()
	}, patience, time.Second, "PersistentVolumeClaim %s is left", from)
}

// TestDisksMoveBetweenStorageClasses follows the root disk and a data disk to another class under a guest that writes to them, and back again
// while the machine is stopped.
func TestDisksMoveBetweenStorageClasses(t *testing.T) {
	t.Parallel()
	namespace := cluster.Namespace(t)
	password := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: attachUser}, StringData: map[string]string{"password": attachPassword}}
	data := plainDisk(namespace, "data", "256Mi", nil)
	vm := loginVM(namespace, "mover", refer("data", "data"))
	for _, object := range []client.Object{password, data, vm} {
		require.NoError(t, cluster.Create(t.Context(), object), "%T %s", object, object.GetName())
	}
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	waitAttachment(t, vm, "data", v1alpha1.DiskAttached)
	root := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mover-root"}}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(root), root))
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(data), data))

	guest := enter(t, vm)
	inGuest(t, guest, "sudo mkfs.ext4 -q "+dataDevice+" && sudo mount "+dataDevice+" /mnt")
	inGuest(t, guest, "sudo sh -c 'head -c 20000000 /dev/urandom >/mnt/file; head -c 20000000 /dev/urandom >/var/file; sync'")
	const sums = "sudo cat /mnt/file /var/file | sha256sum"
	checksum := inGuest(t, guest, sums)
	const bootID = "cat /proc/sys/kernel/random/boot_id"
	boot := inGuest(t, guest, bootID)

	toClass := func(class string) {
		change(t, data, func(disk *v1alpha1.WukongDisk) { disk.Spec.StorageClassName = &class })
		change(t, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.Disks[0].Template.Spec.StorageClassName = &class })
	}
	t.Run("WhileTheGuestRuns", func(t *testing.T) {
		toClass(testbed.FixedClass)
		waitMoved(t, data, testbed.FixedClass)
		waitMoved(t, root, testbed.FixedClass)
		require.NoError(t, guest.Close())
		guest = enter(t, vm) // a console stays with the instance on the first node
		assert.Equal(t, boot, inGuest(t, guest, bootID), "the guest never stopped")
		inGuest(t, guest, "sudo sh -c 'sync; echo 3 >/proc/sys/vm/drop_caches'")
		assert.Equal(t, checksum, inGuest(t, guest, sums))
		inGuest(t, guest, "sudo sh -c 'echo later >/mnt/later; echo later >/var/later; sync'")
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, patience)
		assert.False(t, meta.IsStatusConditionTrue(vm.Status.Conditions, v1alpha1.ConditionRestartRequired), "%+v", vm.Status.Conditions)
	})
	t.Run("BackWhileTheMachineIsStopped", func(t *testing.T) {
		change(t, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerStopped })
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped, patience)
		for _, name := range []string{"data", "mover-root"} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
			assert.NoError(t, cluster.Gone(ctx, claim), "PersistentVolumeClaim %s is left, though no pod has it", name)
			cancel()
		}
		toClass(testbed.SharedClass)
		for _, disk := range []*v1alpha1.WukongDisk{data, root} {
			moving := disk.DeepCopy() // waitMoved needs to know where it came from
			cluster.Wait(t, moving, patience, "being copied", func() bool {
				return moving.Status.StorageClassName == testbed.SharedClass || moving.Status.Move != nil && moving.Status.Move.Phase == v1alpha1.MoveCopying
			})
		}
		// It is to start at once, and waits for its disks.
		change(t, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerRunning })
		waitMoved(t, data, testbed.SharedClass)
		waitMoved(t, root, testbed.SharedClass)
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
		again := enter(t, vm)
		assert.NotEqual(t, boot, inGuest(t, again, bootID))
		inGuest(t, again, "sudo mount "+dataDevice+" /mnt")
		assert.Equal(t, checksum, inGuest(t, again, sums))
		assert.Contains(t, inGuest(t, again, "sudo cat /mnt/later /var/later"), "later")
	})
}
