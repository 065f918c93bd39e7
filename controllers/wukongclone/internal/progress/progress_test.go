package progress

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
)

func machine(disks ...builder.VMOption) *v1alpha1.WukongVM {
	vm := builder.VM("shop", "web", disks...)
	vm.UID = "web-uid"
	return vm
}

func disk(name string, percent int32, complete metav1.ConditionStatus) *v1alpha1.WukongDisk {
	made := builder.Disk("shop", name)
	made.OwnerReferences = []metav1.OwnerReference{
		*metav1.NewControllerRef(machine(), v1alpha1.GroupVersion.WithKind("WukongVM")),
	}
	made.Status.Phase, made.Status.CloneMethod, made.Status.ProgressPercent = v1alpha1.DiskImporting, "copy", &percent
	for _, condition := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionComplete} {
		made.Status.Conditions = append(made.Status.Conditions, metav1.Condition{
			Type: condition, Status: complete, Reason: v1alpha1.ReasonImporting, Message: name + " is being filled",
		})
	}
	return made
}

func TestProgressOfAMachine(t *testing.T) {
	vm := machine(builder.Stamped("root"), builder.Stamped("data"), builder.Attached("shared"))
	found := OfMachine(vm, map[string]*v1alpha1.WukongDisk{"web-root": disk("web-root", 40, metav1.ConditionFalse)})
	assert.Equal(t, Progress{
		Disks: []v1alpha1.CloneDiskStatus{
			{Name: "root", DiskName: "web-root", Method: "copy", Phase: v1alpha1.DiskImporting},
			{Name: "data", DiskName: "web-data", Phase: v1alpha1.DiskPending},
		},
		Percent: 20, Waits: "WukongDisk web-root: web-root is being filled",
	}, found)

	found = OfMachine(vm, map[string]*v1alpha1.WukongDisk{
		"web-root": disk("web-root", 100, metav1.ConditionTrue), "web-data": disk("web-data", 0, metav1.ConditionTrue),
	})
	assert.Equal(t, int32(100), found.Percent)
	assert.Equal(t, 2, found.Completed)
	assert.Empty(t, found.Waits)
	assert.Equal(t, int32(100), OfMachine(builder.VM("shop", "web"), nil).Percent, "nothing is to be filled")
	assert.Equal(t, int32(30), OfDisk(disk("web-root", 30, metav1.ConditionFalse)).Percent)
}

// A disk that has the name of one of the result, and is not, has other content.
func TestADiskOfAnother(t *testing.T) {
	for owner, change := range map[string]func(*v1alpha1.WukongDisk){
		"no WukongVM": func(disk *v1alpha1.WukongDisk) { disk.OwnerReferences = nil },
		"WukongVM other": func(disk *v1alpha1.WukongDisk) {
			disk.OwnerReferences[0].Name, disk.OwnerReferences[0].UID = "other", "2"
		},
	} {
		foreign := disk("web-root", 100, metav1.ConditionTrue)
		change(foreign)
		found := OfMachine(machine(builder.Stamped("root")), map[string]*v1alpha1.WukongDisk{"web-root": foreign})
		assert.Equal(t, Progress{
			Disks: []v1alpha1.CloneDiskStatus{{Name: "root", DiskName: "web-root", Phase: v1alpha1.DiskPending}},
			Waits: "WukongDisk web-root belongs to " + owner + ", and WukongVM web needs its name: " +
				"delete it if nothing needs it, and the clone continues",
		}, found)
	}
}

func TestNotRunning(t *testing.T) {
	vm := builder.VM("shop", "web")
	assert.Contains(t, NotRunning(vm), "WukongVM web: ")
	vm.Spec.PowerState = v1alpha1.PowerStopped
	assert.Empty(t, NotRunning(vm), "the user stopped it meanwhile")
	vm.Spec.PowerState = v1alpha1.PowerRunning
	vm.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}}
	assert.Empty(t, NotRunning(vm))
}
