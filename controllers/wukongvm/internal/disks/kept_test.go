package disks

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

func TestTheBootDiskStaysUntilTheMachineStops(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.WukongVM){
		"taken out":            func(vm *v1alpha1.WukongVM) { vm.Spec.Disks = vm.Spec.Disks[1:] },
		"taken out, one stays": func(vm *v1alpha1.WukongVM) { vm.Spec.Disks = vm.Spec.Disks[2:] },
		"replaced": func(vm *v1alpha1.WukongVM) {
			vm.Spec.Disks[0].Template, vm.Spec.Disks[0].DiskRef = nil, &v1alpha1.LocalObjectReference{Name: "old"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := withData()
			run(in)
			change(in.VM)
			disks, volumes := in.Storage("web-cloudinit")
			assert.Equal(t, "root", disks[0].Name)
			assert.Equal(t, uint(1), *disks[0].BootOrder)
			assert.Equal(t, "web-root", volumes[0].DataVolume.Name)
			for _, other := range disks[1:] {
				assert.Nil(t, other.BootOrder, other.Name)
			}
			for i := range volumes {
				assert.False(t, virt.IsHotpluggable(&volumes[i]),
					"%s: nothing about the other disks changes", volumes[i].Name)
			}
			found := in.Problem()
			require.NotNil(t, found)
			assert.Equal(t, v1alpha1.ReasonBootDiskInUse, in.bootDiskInUse().Reason)
			assert.False(t, found.Blocking, "the rest of the machine's changes are carried out")

			in.Instance = nil
			_, volumes = in.Storage("web-cloudinit")
			assert.NotEqual(t, "web-root", virt.ClaimOf(&volumes[0]), "a stopped machine gives it up")
			assert.Nil(t, in.bootDiskInUse())
		})
	}
}

// KubeVirt would require a restart to remove it, and apply no other change before it.
func TestADiskThatTheGuestStartedWithStaysUntilItStops(t *testing.T) {
	in := withData()
	run(in)
	listed := in.VM.Spec.Disks
	in.VM.Spec.Disks = listed[:2]
	assert.Equal(t, []string{"root", "archive", "data", CloudInit}, volumeNames(in))
	assert.Equal(t, []string{"data"}, in.Kept())

	in.Disks["data"].Status.AttachedTo = "db"
	assert.NotContains(t, volumeNames(in), "data", "two guests must never write to it")
	in.Disks["data"].Status.AttachedTo = "web"
	in.Instance.DeletionTimestamp = ptr.To(metav1.Now())
	assert.NotContains(t, volumeNames(in), "data", "the next guest starts without it")
	in.Instance = nil
	assert.NotContains(t, volumeNames(in), "data")
}

// Contract 7: two guests that write to one claim destroy it.
func TestNoStartWithTheDiskOfAnother(t *testing.T) {
	in := testVM()
	for i := range in.VM.Spec.Disks {
		name := model.DiskName(in.VM, &in.VM.Spec.Disks[i])
		in.Disks[name] = &v1alpha1.WukongDisk{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Status:     v1alpha1.WukongDiskStatus{ClaimName: name, AttachedTo: in.VM.Name},
		}
	}
	write(in)
	assert.True(t, in.OwnsTemplate())

	last := model.DiskName(in.VM, &in.VM.Spec.Disks[len(in.VM.Spec.Disks)-1])
	in.Disks[last].Status.AttachedTo = "another"
	assert.False(t, in.OwnsTemplate(), "it was given away")
	in.Disks[last].Status.AttachedTo = in.VM.Name
	in.VM.Spec.Disks = in.VM.Spec.Disks[:len(in.VM.Spec.Disks)-1]
	assert.False(t, in.OwnsTemplate(), "it left the spec")
}
