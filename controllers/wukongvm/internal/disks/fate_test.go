package disks

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestWhatBecomesOfADiskWhoseTemplateLeftSpec(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Inputs, *v1alpha1.WukongDisk)
		want   Fate
	}{
		"still listed": {func(*Inputs, *v1alpha1.WukongDisk) {}, Stay},
		"left, kept by default": {func(in *Inputs, _ *v1alpha1.WukongDisk) { in.VM.Spec.Disks = in.VM.Spec.Disks[1:] },
			Release},
		"left, still in the machine": {func(in *Inputs, _ *v1alpha1.WukongDisk) {
			run(in)
			in.VM.Spec.Disks = in.VM.Spec.Disks[1:]
		}, Keep},
		"left, to be deleted, still in the machine": {func(in *Inputs, disk *v1alpha1.WukongDisk) {
			run(in)
			in.VM.Spec.Disks, disk.Spec.DetachPolicy = in.VM.Spec.Disks[1:], v1alpha1.DetachDelete
		}, Stay},
		"left, to be deleted": {func(in *Inputs, disk *v1alpha1.WukongDisk) {
			in.VM.Spec.Disks, disk.Spec.DetachPolicy = in.VM.Spec.Disks[1:], v1alpha1.DetachDelete
		}, Delete},
		"protected": {func(in *Inputs, disk *v1alpha1.WukongDisk) {
			in.VM.Spec.Disks, disk.Spec.DetachPolicy, disk.Spec.DeletionProtection = in.VM.Spec.Disks[1:],
				v1alpha1.DetachDelete, ptr.To(true)
		}, Release},
		"referred to instead": {func(in *Inputs, disk *v1alpha1.WukongDisk) {
			disk.Spec.DetachPolicy = v1alpha1.DetachDelete
			in.VM.Spec.Disks[0].Template, in.VM.Spec.Disks[0].DiskRef = nil,
				&v1alpha1.LocalObjectReference{Name: "web-root"}
		}, Release},
	} {
		t.Run(name, func(t *testing.T) {
			in := withData()
			disk := in.Disks["web-root"]
			row.change(in, disk)
			assert.Equal(t, row.want, in.FateOf(disk))
		})
	}
}
