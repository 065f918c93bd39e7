//go:build e2e

package disks

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// tinyVM is a machine with the tiny guest, and the disks that are given.
func tinyVM(namespace, name string, disks ...v1alpha1.VMDisk) *v1alpha1.WukongVM {
	return builder.VM(namespace, name, harness.TinyDisk("root"), builder.Disks(disks...))
}

// change edits an object as a person does, and sends the difference.
func change[T client.Object](t *testing.T, object T, edit func(T)) {
	t.Helper()
	harness.Change(t, cluster, object, edit)
}

func takeOut(vm *v1alpha1.WukongVM, name string) {
	vm.Spec.Disks = slices.DeleteFunc(vm.Spec.Disks, func(disk v1alpha1.VMDisk) bool { return disk.Name == name })
}

// waitAttachment waits until status.disks says of a disk what is wanted; empty for a disk that is not listed.
func waitAttachment(
	t *testing.T, vm *v1alpha1.WukongVM, name string, wanted v1alpha1.DiskAttachment,
) *v1alpha1.VMDiskStatus {
	t.Helper()
	var found *v1alpha1.VMDiskStatus
	cluster.WaitFor(t, harness.CausePlug, vm, patience, "has disk "+name+" "+string(wanted), func() bool {
		found = nil
		for i := range vm.Status.Disks {
			if vm.Status.Disks[i].Name == name {
				found = &vm.Status.Disks[i]
			}
		}
		if wanted == "" {
			return found == nil
		}
		return found != nil && found.Attachment == wanted
	})
	return found
}

func waitDisksReason(t *testing.T, vm *v1alpha1.WukongVM, reason, text string) {
	t.Helper()
	cluster.Wait(t, vm, patience, "DisksReady "+reason, func() bool {
		condition := meta.FindStatusCondition(vm.Status.Conditions, v1alpha1.ConditionDisksReady)
		return condition != nil && condition.Reason == reason && strings.Contains(condition.Message, text)
	})
}

// waitGuestSize waits until a disk says what its guest sees, in bytes.
func waitGuestSize(t *testing.T, disk *v1alpha1.WukongDisk, wanted int64) {
	t.Helper()
	cluster.Wait(t, disk, patience, "told of the guest's size", func() bool {
		return disk.Status.GuestSize != nil && disk.Status.GuestSize.Value() == wanted
	})
}

const (
	dataDevice = "/dev/disk/by-id/virtio-data"
	sizeOfData = "lsblk -bdno SIZE " + dataDevice + " || true"
)

// TestADiskGoesFromOneRunningMachineToAnother follows a disk, and the bytes on it, through two guests that never stop.
func TestADiskGoesFromOneRunningMachineToAnother(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	data := builder.Disk(namespace, "data", builder.Size("256Mi"))
	medium := builder.Disk(namespace, "medium", builder.Size("64Mi"),
		builder.FromHTTP(testbed.ImageURL(testbed.TinyImage)))
	one := tinyVM(namespace, "one", builder.EmptyDrive("cd"))
	two := tinyVM(namespace, "two")
	cluster.Make(t, data, medium, one, two)
	cluster.WaitReady(t, one, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	cluster.WaitReady(t, two, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	first, second := cluster.Shell(t, one), cluster.Shell(t, two)

	t.Run("ComesWhileTheGuestRuns", func(t *testing.T) {
		change(t, one, func(vm *v1alpha1.WukongVM) {
			vm.Spec.Disks = append(vm.Spec.Disks, builder.DiskReference("data", "data"))
		})
		attached := waitAttachment(t, one, "data", v1alpha1.DiskAttached)
		assert.Equal(t, "data", attached.ClaimName)
		assert.Equal(t, "268435456", attached.GuestSize.AsDec().String())
		first.Until(t, harness.CausePlug, sizeOfData, "268435456")
		waitGuestSize(t, data, 268435456)
	})
	first.Run(t,
		"mkfs.ext4 -q "+dataDevice+" && mount "+dataDevice+" /mnt && head -c 20000000 /dev/urandom >/mnt/file && sync")
	checksum := first.Run(t, "sha256sum </mnt/file")

	t.Run("GrowsUnderTheGuest", func(t *testing.T) {
		change(t, data, func(disk *v1alpha1.WukongDisk) {
			larger := resource.MustParse("512Mi")
			disk.Spec.Size = &larger
		})
		first.Until(t, harness.CausePlug, sizeOfData, "536870912")
		cluster.Wait(t, one, patience, "told of the new size", func() bool {
			return slices.ContainsFunc(one.Status.Disks, func(disk v1alpha1.VMDiskStatus) bool {
				return disk.Name == "data" && disk.GuestSize != nil && disk.GuestSize.Value() == 536870912
			})
		})
		waitGuestSize(t, data, 536870912)
		first.Run(t, "resize2fs "+dataDevice)
		assert.Equal(t, checksum, first.Run(t, "sha256sum </mnt/file"))
	})
	t.Run("IsRefusedToASecondMachine", func(t *testing.T) {
		change(t, two, func(vm *v1alpha1.WukongVM) {
			vm.Spec.Disks = append(vm.Spec.Disks, builder.DiskReference("data", "data"))
		})
		waitDisksReason(t, two, v1alpha1.ReasonDiskInUse, "belongs to WukongVM one")
		cluster.WaitReady(t, two, metav1.ConditionTrue, v1alpha1.ReasonRunning, patience)
		waitAttachment(t, two, "data", v1alpha1.DiskWaiting)
	})
	t.Run("GoesToTheSecondWhenTheFirstLetsGo", func(t *testing.T) {
		first.Run(t, "umount /mnt")
		change(t, one, func(vm *v1alpha1.WukongVM) { takeOut(vm, "data") })
		waitAttachment(t, one, "data", "")
		first.Until(t, harness.CausePlug, "ls "+dataDevice+" 2>&1 || true", "No such file")
		waitAttachment(t, two, "data", v1alpha1.DiskAttached)
		waitDisksReason(t, two, v1alpha1.ReasonReady, "")
		second.Until(t, harness.CausePlug, sizeOfData, "536870912")
		second.Run(t, "mount "+dataDevice+" /mnt")
		assert.Equal(t, checksum, second.Run(t, "sha256sum </mnt/file"), "the bytes that the first guest wrote")
		cluster.Wait(t, data, patience, "held by the second machine", func() bool {
			return data.Status.AttachedTo == "two"
		})
	})
	t.Run("ASharedDiskIsInBothGuests", func(t *testing.T) {
		shared := smallDisk(namespace, "shared", builder.Shared)
		cluster.Make(t, shared)
		for _, vm := range []*v1alpha1.WukongVM{one, two} {
			change(t, vm, func(vm *v1alpha1.WukongVM) {
				vm.Spec.Disks = append(vm.Spec.Disks, builder.DiskReference("shared", "shared"))
			})
			waitAttachment(t, vm, "shared", v1alpha1.DiskAttached)
		}
		const device = "/dev/disk/by-id/virtio-shared"
		for _, guest := range []*harness.Guest{first, second} {
			guest.Until(t, harness.CausePlug, "lsblk -bdno SIZE "+device+" || true", "67108864")
		}
		// Past the caches of both guests, which know nothing of each other.
		for from, to := range map[*harness.Guest]*harness.Guest{first: second, second: first} {
			words := rand.Text()
			from.Run(t, "echo "+words+" | dd of="+device+" bs=512 conv=sync oflag=direct status=none")
			to.Until(t, harness.CausePlug,
				"dd if="+device+" bs=512 count=1 iflag=direct status=none | tr -d '\\0'", words)
		}
		change(t, one, func(vm *v1alpha1.WukongVM) { takeOut(vm, "shared") })
		waitAttachment(t, one, "shared", "")
		waitAttachment(t, two, "shared", v1alpha1.DiskAttached)
	})
	t.Run("WhatIsToBeDeletedWhenDetachedIs", func(t *testing.T) {
		change(t, one, func(vm *v1alpha1.WukongVM) {
			builder.Stamped("scratch", builder.Size("64Mi"), builder.Detach(v1alpha1.DetachDelete))(&vm.Spec)
		})
		attached := waitAttachment(t, one, "scratch", v1alpha1.DiskAttached)
		change(t, one, func(vm *v1alpha1.WukongVM) { takeOut(vm, "scratch") })
		waitAttachment(t, one, "scratch", "")
		meta := metav1.ObjectMeta{Namespace: namespace, Name: attached.ClaimName}
		cluster.WaitGone(t, &v1alpha1.WukongDisk{ObjectMeta: meta}, patience)
		cluster.WaitGone(t, &corev1.PersistentVolumeClaim{ObjectMeta: meta}, patience)
	})
	t.Run("TheBootDiskStays", func(t *testing.T) {
		root := two.Spec.Disks[0]
		change(t, two, func(vm *v1alpha1.WukongVM) { takeOut(vm, "root") })
		waitDisksReason(t, two, v1alpha1.ReasonBootDiskInUse, "set powerState to Stopped")
		cluster.WaitReady(t, two, metav1.ConditionTrue, v1alpha1.ReasonRunning, patience)
		require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(data), data))
		change(t, two, func(vm *v1alpha1.WukongVM) {
			vm.Spec.Disks = append([]v1alpha1.VMDisk{root}, vm.Spec.Disks...)
		})
		waitDisksReason(t, two, v1alpha1.ReasonReady, "")
		require.False(t, meta.IsStatusConditionTrue(two.Status.Conditions, v1alpha1.ConditionRestartRequired),
			"%+v", two.Status.Conditions)
	})
	t.Run("AMediumIsPutInAndTakenOut", func(t *testing.T) {
		drive := func(vm *v1alpha1.WukongVM) *v1alpha1.VMDisk {
			return &vm.Spec.Disks[slices.IndexFunc(vm.Spec.Disks, func(disk v1alpha1.VMDisk) bool {
				return disk.Name == "cd"
			})]
		}
		change(t, one, func(vm *v1alpha1.WukongVM) {
			drive(vm).DiskRef = &v1alpha1.LocalObjectReference{Name: "medium"}
		})
		waitAttachment(t, one, "cd", v1alpha1.DiskAttached)
		first.Until(t, harness.CausePlug, "blockdev --getsize64 /dev/sr0 || true", "67108864")
		change(t, one, func(vm *v1alpha1.WukongVM) { drive(vm).DiskRef = nil })
		first.Until(t, harness.CausePlug, "dd if=/dev/sr0 of=/dev/null bs=2k count=1 2>&1 || true", "No medium found")
		cluster.Wait(t, medium, patience, "held by nobody", func() bool { return medium.Status.AttachedTo == "" })
		require.False(t, meta.IsStatusConditionTrue(one.Status.Conditions, v1alpha1.ConditionRestartRequired),
			"%+v", one.Status.Conditions)
	})
}
