package disks

import (
	"fmt"
	"strings"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/child"
)

// FromTemplate returns the WukongDisk of a template. It already has its finalizer, which the disk's controller would
// otherwise add in another request. A disk that a user has grown keeps its size.
func (in Inputs) FromTemplate(entry *v1alpha1.VMDisk) *v1alpha1.WukongDisk {
	spec := *entry.Template.Spec.DeepCopy()
	if _, grown := in.Outgrown(entry); grown != nil {
		spec.Size = grown
	}
	name := model.DiskName(in.VM, entry)
	return &v1alpha1.WukongDisk{
		ObjectMeta: child.Metadata(in.VM, name, entry.Template.Labels, v1alpha1.FinalizerDisk), Spec: spec,
	}
}

// Serials returns the names of the disks of the spec, by the serial numbers that the guest sees.
func (in Inputs) Serials() map[string]string {
	names := map[string]string{}
	for i := range in.VM.Spec.Disks {
		names[in.Serial(&in.VM.Spec.Disks[i])] = in.VM.Spec.Disks[i].Name
	}
	return names
}

// RestartMessage reports the disks that the guest has until it restarts, or "".
func (in Inputs) RestartMessage() string {
	names := in.Kept()
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("disks that the guest started with, and keeps until it stops or restarts: %s; see status.disks",
		strings.Join(names, ", "))
}
