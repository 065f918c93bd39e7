package disks

import (
	"testing"

	"github.com/stretchr/testify/assert"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Fault C.2: two disks with one serial number share one link in /dev/disk/by-id.
func TestSerialNumbersFitVirtioAndDiffer(t *testing.T) {
	in := &Inputs{}
	serial := func(name string) string { return in.Serial(&v1alpha1.VMDisk{Name: name}) }
	first, second := serial("postgres-primary-data-1"), serial("postgres-primary-data-2")
	assert.Equal(t, "postgres-pr-d24eaacb", first, "it is the same for ever")
	assert.Len(t, second, maxVirtioSerial)
	assert.NotEqual(t, first, second)
	assert.Equal(t, "exactly-twenty-chars", serial("exactly-twenty-chars"))
	assert.Equal(t, "given", in.Serial(&v1alpha1.VMDisk{Name: "x", Serial: "given"}))

	in.Machine = &kubevirtv1.VirtualMachine{
		Spec: kubevirtv1.VirtualMachineSpec{Template: &kubevirtv1.VirtualMachineInstanceTemplateSpec{}}}
	in.Machine.Spec.Template.Spec.Domain.Devices.Disks = []kubevirtv1.Disk{
		{Name: "postgres-primary-data-1", Serial: "postgres-primary-dat"}}
	assert.Equal(t, "postgres-primary-dat", serial("postgres-primary-data-1"), "what the guest knows stays")
}
