//go:build e2e

package disks

import (
	"context"
	"crypto/rand"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/console"
)

const (
	attachUser     = "alice"
	attachPassword = "correct horse"
)

// loginVM is a Debian machine with a user to log in as, and the disks that are given.
func loginVM(namespace, name string, disks ...v1alpha1.VMDisk) *v1alpha1.WukongVM {
	size := resource.MustParse("3Gi")
	root := v1alpha1.VMDisk{Name: "root", Template: &v1alpha1.DiskTemplate{Spec: v1alpha1.WukongDiskSpec{
		Size: &size, Source: &v1alpha1.WukongDiskSource{HTTP: &v1alpha1.HTTPSource{URL: testbed.ImageURL(testbed.DebianImage)}},
	}}}
	return &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WukongVMSpec{
			Memory:                        v1alpha1.Memory{Guest: resource.MustParse("512Mi")},
			TerminationGracePeriodSeconds: new(int64),
			Disks:                         append([]v1alpha1.VMDisk{root}, disks...),
			CloudInit: &v1alpha1.CloudInit{Users: []v1alpha1.CloudInitUser{{
				Name: attachUser, PasswordSecretRef: &v1alpha1.SecretKeyReference{Name: attachUser, Key: "password"},
			}}},
		},
	}
}

func plainDisk(namespace, name, size string, source *v1alpha1.WukongDiskSource) *v1alpha1.WukongDisk {
	quantity := resource.MustParse(size)
	return &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.WukongDiskSpec{Size: &quantity, Source: source},
	}
}

func refer(name, disk string) v1alpha1.VMDisk {
	return v1alpha1.VMDisk{Name: name, DiskRef: &v1alpha1.LocalObjectReference{Name: disk}}
}

// change edits an object as a person does, and sends the difference.
func change[T client.Object](t *testing.T, object T, edit func(T)) {
	t.Helper()
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(object), object))
	before := object.DeepCopyObject().(T)
	edit(object)
	require.NoError(t, cluster.Patch(t.Context(), object, client.MergeFrom(before)))
}

func takeOut(vm *v1alpha1.WukongVM, name string) {
	vm.Spec.Disks = slices.DeleteFunc(vm.Spec.Disks, func(disk v1alpha1.VMDisk) bool { return disk.Name == name })
}

// waitAttachment waits until status.disks says of a disk what is wanted; empty for a disk that is not listed.
func waitAttachment(t *testing.T, vm *v1alpha1.WukongVM, name string, wanted v1alpha1.DiskAttachment) *v1alpha1.VMDiskStatus {
	t.Helper()
	var found *v1alpha1.VMDiskStatus
	cluster.Wait(t, vm, patience, "has disk "+name+" "+string(wanted), func() bool {
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

func enter(t *testing.T, vm *v1alpha1.WukongVM) *console.Console {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), importAndBoot)
	defer cancel()
	guest, err := console.LogIn(ctx, cluster.Config, vm.Namespace, vm.Name, attachUser, attachPassword, os.Stderr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = guest.Close() })
	return guest
}

func inGuest(t *testing.T, guest *console.Console, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	output, err := guest.Run(ctx, command)
	require.NoError(t, err)
	return output
}

// eventually runs a command in the guest until it prints what is wanted.
func eventually(t *testing.T, guest *console.Console, command, wanted string) {
	t.Helper()
	var output string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Second) {
		if output = inGuest(t, guest, command); strings.Contains(output, wanted) {
			return
		}
	}
	require.Contains(t, output, wanted, command)
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
	t.Parallel()
	namespace := cluster.Namespace(t)
	password := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: attachUser}, StringData: map[string]string{"password": attachPassword}}
	data := plainDisk(namespace, "data", "256Mi", nil)
	medium := plainDisk(namespace, "medium", "64Mi", &v1alpha1.WukongDiskSource{HTTP: &v1alpha1.HTTPSource{URL: testbed.ImageURL(testbed.TinyImage)}})
	one := loginVM(namespace, "one", v1alpha1.VMDisk{Name: "cd", Type: v1alpha1.DiskTypeCDROM})
	two := loginVM(namespace, "two")
	for _, object := range []client.Object{password, data, medium, one, two} {
		require.NoError(t, cluster.Create(t.Context(), object), "%T %s", object, object.GetName())
	}
	cluster.WaitReady(t, one, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	cluster.WaitReady(t, two, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	first, second := enter(t, one), enter(t, two)

	t.Run("ComesWhileTheGuestRuns", func(t *testing.T) {
		change(t, one, func(vm *v1alpha1.WukongVM) { vm.Spec.Disks = append(vm.Spec.Disks, refer("data", "data")) })
		attached := waitAttachment(t, one, "data", v1alpha1.DiskAttached)
		assert.Equal(t, "data", attached.ClaimName)
		assert.Equal(t, "268435456", attached.GuestSize.AsDec().String())
		eventually(t, first, sizeOfData, "268435456")
		waitGuestSize(t, data, 268435456)
	})
	inGuest(t, first, "sudo mkfs.ext4 -q "+dataDevice+" && sudo mount "+dataDevice+" /mnt && sudo sh -c 'head -c 20000000 /dev/urandom >/mnt/file; sync'")
	checksum := inGuest(t, first, "sha256sum </mnt/file")

	t.Run("GrowsUnderTheGuest", func(t *testing.T) {
		change(t, data, func(disk *v1alpha1.WukongDisk) {
			larger := resource.MustParse("512Mi")
			disk.Spec.Size = &larger
		})
		eventually(t, first, sizeOfData, "536870912")
		cluster.Wait(t, one, patience, "told of the new size", func() bool {
			return slices.ContainsFunc(one.Status.Disks, func(disk v1alpha1.VMDiskStatus) bool {
				return disk.Name == "data" && disk.GuestSize != nil && disk.GuestSize.Value() == 536870912
			})
		})
		waitGuestSize(t, data, 536870912)
		inGuest(t, first, "sudo resize2fs "+dataDevice)
		assert.Equal(t, checksum, inGuest(t, first, "sha256sum </mnt/file"))
	})
	t.Run("IsRefusedToASecondMachine", func(t *testing.T) {
		change(t, two, func(vm *v1alpha1.WukongVM) { vm.Spec.Disks = append(vm.Spec.Disks, refer("data", "data")) })
		waitDisksReason(t, two, v1alpha1.ReasonDiskInUse, "belongs to WukongVM one")
		cluster.WaitReady(t, two, metav1.ConditionTrue, v1alpha1.ReasonRunning, patience)
		waitAttachment(t, two, "data", v1alpha1.DiskWaiting)
	})
	t.Run("GoesToTheSecondWhenTheFirstLetsGo", func(t *testing.T) {
		inGuest(t, first, "sudo umount /mnt")
		change(t, one, func(vm *v1alpha1.WukongVM) { takeOut(vm, "data") })
		waitAttachment(t, one, "data", "")
		eventually(t, first, "ls "+dataDevice+" 2>&1 || true", "No such file")
		waitAttachment(t, two, "data", v1alpha1.DiskAttached)
		waitDisksReason(t, two, v1alpha1.ReasonReady, "")
		eventually(t, second, sizeOfData, "536870912")
		inGuest(t, second, "sudo mount "+dataDevice+" /mnt")
		assert.Equal(t, checksum, inGuest(t, second, "sha256sum </mnt/file"), "the bytes that the first guest wrote")
		cluster.Wait(t, data, patience, "held by the second machine", func() bool { return data.Status.AttachedTo == "two" })
	})
	t.Run("ASharedDiskIsInBothGuests", func(t *testing.T) {
		shared := plainDisk(namespace, "shared", "64Mi", nil)
		shared.Spec.Shared = ptr.To(true)
		exportCreate(t, shared)
		for _, vm := range []*v1alpha1.WukongVM{one, two} {
			change(t, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.Disks = append(vm.Spec.Disks, refer("shared", "shared")) })
			waitAttachment(t, vm, "shared", v1alpha1.DiskAttached)
		}
		const device = "/dev/disk/by-id/virtio-shared"
		for _, guest := range []*console.Console{first, second} {
			eventually(t, guest, "lsblk -bdno SIZE "+device+" || true", "67108864")
		}
		// Past the caches of both guests, which know nothing of each other.
		for from, to := range map[*console.Console]*console.Console{first: second, second: first} {
			words := rand.Text()
			inGuest(t, from, "echo "+words+" | sudo dd of="+device+" bs=512 conv=nocreat,sync oflag=direct status=none")
			eventually(t, to, "sudo dd if="+device+" bs=512 count=1 iflag=direct status=none | tr -d '\\0'", words)
		}
		change(t, one, func(vm *v1alpha1.WukongVM) { takeOut(vm, "shared") })
		waitAttachment(t, one, "shared", "")
		waitAttachment(t, two, "shared", v1alpha1.DiskAttached)
	})
	t.Run("WhatIsToBeDeletedWhenDetachedIs", func(t *testing.T) {
		size := resource.MustParse("64Mi")
		change(t, one, func(vm *v1alpha1.WukongVM) {
			vm.Spec.Disks = append(vm.Spec.Disks, v1alpha1.VMDisk{Name: "scratch", Template: &v1alpha1.DiskTemplate{
				Spec: v1alpha1.WukongDiskSpec{Size: &size, DetachPolicy: v1alpha1.DetachDelete},
			}})
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
		change(t, two, func(vm *v1alpha1.WukongVM) { vm.Spec.Disks = append([]v1alpha1.VMDisk{root}, vm.Spec.Disks...) })
		waitDisksReason(t, two, v1alpha1.ReasonReady, "")
		require.False(t, meta.IsStatusConditionTrue(two.Status.Conditions, v1alpha1.ConditionRestartRequired), "%+v", two.Status.Conditions)
	})
	t.Run("AMediumIsPutInAndTakenOut", func(t *testing.T) {
		drive := func(vm *v1alpha1.WukongVM) *v1alpha1.VMDisk {
			return &vm.Spec.Disks[slices.IndexFunc(vm.Spec.Disks, func(disk v1alpha1.VMDisk) bool { return disk.Name == "cd" })]
		}
		change(t, one, func(vm *v1alpha1.WukongVM) { drive(vm).DiskRef = &v1alpha1.LocalObjectReference{Name: "medium"} })
		waitAttachment(t, one, "cd", v1alpha1.DiskAttached)
		eventually(t, first, "sudo blockdev --getsize64 /dev/sr0 || true", "67108864")
		change(t, one, func(vm *v1alpha1.WukongVM) { drive(vm).DiskRef = nil })
		eventually(t, first, "sudo dd if=/dev/sr0 of=/dev/null bs=2k count=1 2>&1 || true", "No medium found")
		cluster.Wait(t, medium, patience, "held by nobody", func() bool { return medium.Status.AttachedTo == "" })
		require.False(t, meta.IsStatusConditionTrue(one.Status.Conditions, v1alpha1.ConditionRestartRequired), "%+v", one.Status.Conditions)
	})
}
