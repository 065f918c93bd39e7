//go:build e2e

package disks

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// patternMiB is how much of a disk the tests fill with random bytes and read again.
const patternMiB = 16

// device is where a guest finds a disk, by the name that it has in spec.disks.
func device(name string) string { return "/dev/disk/by-id/virtio-" + name }

// writePattern fills the beginning of a disk with random bytes, past every cache, and returns their checksum.
func writePattern(t *testing.T, guest *harness.Guest, name string) string {
	t.Helper()
	guest.Run(t,
		fmt.Sprintf("dd if=/dev/urandom of=%s bs=1M count=%d oflag=direct conv=fsync status=none", device(name),
			patternMiB))
	return readPattern(t, guest, name)
}

// readPattern is the checksum of the beginning of a disk, as the storage has it and not the guest's memory.
func readPattern(t *testing.T, guest *harness.Guest, name string) string {
	t.Helper()
	return guest.Run(t,
		fmt.Sprintf("dd if=%s bs=1M count=%d iflag=direct status=none | sha256sum | cut -c 1-64", device(name),
			patternMiB))
}

// attach puts disks into a running machine, each under its own name, and waits until the guest has them.
func attach(t *testing.T, vm *v1alpha1.WukongVM, guest *harness.Guest, names ...string) {
	t.Helper()
	change(t, vm, func(vm *v1alpha1.WukongVM) {
		for _, name := range names {
			vm.Spec.Disks = append(vm.Spec.Disks, builder.DiskReference(name, name))
		}
	})
	for _, name := range names {
		waitAttachment(t, vm, name, v1alpha1.DiskAttached)
		guest.Until(t, harness.CausePlug, "test -b "+device(name)+" && echo is there || echo is not there", "is there")
	}
}

// detach takes disks out of a running machine, and waits until it has let go of them.
func detach(t *testing.T, vm *v1alpha1.WukongVM, names ...string) {
	t.Helper()
	change(t, vm, func(vm *v1alpha1.WukongVM) {
		for _, name := range names {
			takeOut(vm, name)
		}
	})
	for _, name := range names {
		waitAttachment(t, vm, name, "")
	}
}

// waitDisk waits until a disk is complete.
func waitDisk(t *testing.T, disk *v1alpha1.WukongDisk) {
	t.Helper()
	cluster.WaitReady(t, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, importAndBoot)
}

func powerState(t *testing.T, vm *v1alpha1.WukongVM, state v1alpha1.PowerState, reason string) {
	t.Helper()
	change(t, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = state })
	cluster.WaitReady(t, vm, metav1.ConditionTrue, reason, importAndBoot)
}

func assertPattern(t *testing.T, guest *harness.Guest, wanted string, names ...string) {
	t.Helper()
	for _, name := range names {
		assert.Equal(t, wanted, readPattern(t, guest, name), "the bytes of disk %s", name)
	}
}
