package disks

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestOnlyADiskThatIsTheMachinesOwnIsAttached(t *testing.T) {
	for name, row := range map[string]struct {
		change   func(*v1alpha1.WukongDisk)
		attached bool
	}{
		"held by the machine": {func(*v1alpha1.WukongDisk) {}, true},
		"held by another":     {func(disk *v1alpha1.WukongDisk) { disk.Status.AttachedTo = "db" }, false},
		"held by nobody yet":  {func(disk *v1alpha1.WukongDisk) { disk.Status.AttachedTo = "" }, false},
		"shared": {func(disk *v1alpha1.WukongDisk) {
			disk.Status.AttachedTo, disk.Spec.Shared = "", ptr.To(true)
		}, true},
		"without a claim": {func(disk *v1alpha1.WukongDisk) { disk.Status.ClaimName = "" }, false},
		"being deleted, and never attached": {
			func(disk *v1alpha1.WukongDisk) { disk.DeletionTimestamp = ptr.To(metav1.NewTime(time.Now())) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := withData()
			row.change(in.Disks["data"])
			assert.Equal(t, row.attached, len(volumeNames(in)) == 4)
			found := in.Problem()
			assert.Equal(t, row.attached, found == nil || !found.Blocking, "a new machine waits for all its disks")
			in.Machine = &kubevirtv1.VirtualMachine{}
			found = in.Problem()
			assert.True(t, found == nil || !found.Blocking || found.Reason != v1alpha1.ReasonDiskInUse,
				"one that exists does not")
			in.Machine.Spec.RunStrategy = ptr.To(kubevirtv1.RunStrategyHalted)
			found = in.Problem()
			assert.True(t, found == nil || !found.Blocking || found.Reason != v1alpha1.ReasonDiskInUse,
				"what left spec is released, and the rest is changed")
			assert.Equal(t, !row.attached, in.Lacks(), "it does not start: it could run without the disk else")
		})
	}
}
