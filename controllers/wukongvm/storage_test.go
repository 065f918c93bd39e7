package wukongvm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// withData is testVM with a third disk that refers to WukongDisk data, held by the machine.
func withData() (*v1alpha1.WukongVM, *observation) {
	vm, observed := testVM()
	vm.Spec.Disks = append(vm.Spec.Disks, v1alpha1.VMDisk{Name: "data", Bus: "virtio", DiskRef: &v1alpha1.LocalObjectReference{Name: "data"}})
	observed.disks["data"] = &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Name: "data"},
		Status: v1alpha1.WukongDiskStatus{ClaimName: "data", AttachedTo: "web", Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady,
		}}},
	}
	return vm, observed
}

// run makes the machine that the observation wants, and an instance of it that runs.
func run(vm *v1alpha1.WukongVM, observed *observation) {
	observed.Machine = desiredMachine(vm, observed)
	observed.Instance = &kubevirtv1.VirtualMachineInstance{Spec: *observed.Machine.Spec.Template.Spec.DeepCopy()}
	observed.Instance.Status.Phase = kubevirtv1.Running
	for i := range observed.Instance.Spec.Volumes {
		volume := &observed.Instance.Spec.Volumes[i]
		status := kubevirtv1.VolumeStatus{Name: volume.Name, PersistentVolumeClaimInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: virt.ClaimOf(volume)}}
		if isHotpluggable(volume) {
			status.HotplugVolume, status.Phase = &kubevirtv1.HotplugVolumeStatus{}, kubevirtv1.VolumeReady
		}
		observed.Instance.Status.VolumeStatus = append(observed.Instance.Status.VolumeStatus, status)
	}
	observed.owners = map[string]string{}
	for name, disk := range observed.disks {
		if disk != nil {
			observed.owners[disk.Status.ClaimName] = name
		}
	}
}

// runPlugged is run with the third disk plugged in while the machine ran.
func runPlugged(vm *v1alpha1.WukongVM, observed *observation) {
	listed := vm.Spec.Disks
	vm.Spec.Disks = listed[:2]
	run(vm, observed)
	vm.Spec.Disks = listed
	run(vm, observed)
}

func volumeNames(vm *v1alpha1.WukongVM, observed *observation) []string {
	var names []string
	for _, volume := range desiredMachine(vm, observed).Spec.Template.Spec.Volumes {
		names = append(names, volume.Name)
	}
	return names
}

// Fault B.2: the scheduler sees the claims of the launcher pod only, and not those of disks that are plugged in.
func TestWhichDisksComeAndGoWhileTheMachineRuns(t *testing.T) {
	vm, observed := withData()
	plugged := func() []string {
		var names []string
		_, volumes := storage(vm, observed)
		for i := range volumes {
			if isHotpluggable(&volumes[i]) {
				names = append(names, volumes[i].Name)
			}
		}
		return names
	}
	assert.Empty(t, plugged(), "the launcher pod of a new machine has all its disks")
	run(vm, observed)
	assert.Empty(t, plugged())

	listed := vm.Spec.Disks
	vm.Spec.Disks = listed[:2]
	observed.Instance = nil
	run(vm, observed)
	vm.Spec.Disks = listed
	assert.Equal(t, []string{"data"}, plugged(), "a machine that runs can take it only so")
	run(vm, observed)
	assert.Equal(t, []string{"data"}, plugged(), "what the machine has stays as it is")

	observed.Instance = nil
	assert.Equal(t, []string{"data"}, plugged(), "it may start any moment")
	observed.Machine.Spec.RunStrategy = ptr.To(kubevirtv1.RunStrategyHalted)
	assert.Empty(t, plugged(), "its next launcher pod has it")
	observed.Instance = &kubevirtv1.VirtualMachineInstance{Status: kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Succeeded}}
	assert.Equal(t, []string{"data"}, plugged(), "it has not ended altogether")
}

// A VirtualMachine that was read as halted may run by the time that it is written, and its launcher pod would not have the disk.
func TestADiskForTheNextStartIsWrittenOverTheMachineThatWasRead(t *testing.T) {
	vm, observed := withData()
	lock := func() string { return desiredMachine(vm, observed).ResourceVersion }
	assert.Empty(t, lock(), "a new machine has nothing to be written over")
	run(vm, observed)
	observed.Instance, observed.Machine.ResourceVersion = nil, "7"
	assert.Empty(t, lock(), "a machine that has its disks")

	listed := vm.Spec.Disks
	vm.Spec.Disks = listed[:2]
	run(vm, observed)
	observed.Machine.ResourceVersion = "7"
	vm.Spec.Disks = listed
	assert.Empty(t, lock(), "a running machine gets the disk plugged in")
	observed.Instance = nil
	observed.Machine.Spec.RunStrategy = ptr.To(kubevirtv1.RunStrategyHalted)
	assert.Equal(t, "7", lock())
}

func TestOnlyADiskThatIsTheMachinesOwnIsAttached(t *testing.T) {
	for name, row := range map[string]struct {
		change   func(*v1alpha1.WukongDisk)
		attached bool
	}{
		"held by the machine":               {func(*v1alpha1.WukongDisk) {}, true},
		"held by another":                   {func(disk *v1alpha1.WukongDisk) { disk.Status.AttachedTo = "db" }, false},
		"held by nobody yet":                {func(disk *v1alpha1.WukongDisk) { disk.Status.AttachedTo = "" }, false},
		"shared":                            {func(disk *v1alpha1.WukongDisk) { disk.Status.AttachedTo, disk.Spec.Shared = "", ptr.To(true) }, true},
		"without a claim":                   {func(disk *v1alpha1.WukongDisk) { disk.Status.ClaimName = "" }, false},
		"being deleted, and never attached": {func(disk *v1alpha1.WukongDisk) { disk.DeletionTimestamp = ptr.To(metav1.NewTime(time.Now())) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			vm, observed := withData()
			row.change(observed.disks["data"])
			assert.Equal(t, row.attached, len(volumeNames(vm, observed)) == 4)
			found := observed.resolveDisks(vm)
			assert.Equal(t, row.attached, found == nil || !found.Blocking, "a new machine waits for all its disks")
			observed.Machine = &kubevirtv1.VirtualMachine{}
			found = observed.resolveDisks(vm)
			assert.True(t, found == nil || !found.Blocking || found.Reason != v1alpha1.ReasonDiskInUse, "one that exists does not")
			observed.Machine.Spec.RunStrategy = ptr.To(kubevirtv1.RunStrategyHalted)
			found = observed.resolveDisks(vm)
			assert.Equal(t, row.attached, found == nil || !found.Blocking, "one that is stopped does: it could run without the disk else")
		})
	}
}

func TestADiskThatNothingIsKnownOfStaysInARunningMachine(t *testing.T) {
	vm, observed := withData()
	run(vm, observed)
	observed.disks["data"] = nil
	assert.Contains(t, volumeNames(vm, observed), "data", "the guest must not lose its disk because we do")
	observed.disks["data"] = &v1alpha1.WukongDisk{Status: v1alpha1.WukongDiskStatus{ClaimName: "data", AttachedTo: "db"}}
	assert.NotContains(t, volumeNames(vm, observed), "data", "but two guests must never write to it")
}

func TestTheBootDiskStaysUntilTheMachineStops(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.WukongVM){
		"taken out":            func(vm *v1alpha1.WukongVM) { vm.Spec.Disks = vm.Spec.Disks[1:] },
		"taken out, one stays": func(vm *v1alpha1.WukongVM) { vm.Spec.Disks = vm.Spec.Disks[2:] },
		"replaced": func(vm *v1alpha1.WukongVM) {
			vm.Spec.Disks[0].Template, vm.Spec.Disks[0].DiskRef = nil, &v1alpha1.LocalObjectReference{Name: "old"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			vm, observed := withData()
			run(vm, observed)
			change(vm)
			disks, volumes := storage(vm, observed)
			assert.Equal(t, "root", disks[0].Name)
			assert.Equal(t, uint(1), *disks[0].BootOrder)
			assert.Equal(t, "web-root", volumes[0].DataVolume.Name)
			for _, other := range disks[1:] {
				assert.Nil(t, other.BootOrder, other.Name)
			}
			for i := range volumes {
				assert.False(t, isHotpluggable(&volumes[i]), "%s: nothing about the other disks changes", volumes[i].Name)
			}
			found := observed.resolveDisks(vm)
			require.NotNil(t, found)
			assert.Equal(t, v1alpha1.ReasonBootDiskInUse, observed.bootDiskProblem(vm).Reason)
			assert.False(t, found.Blocking, "the rest of the machine's changes are carried out")

			observed.Instance = nil
			_, volumes = storage(vm, observed)
			assert.NotEqual(t, "web-root", virt.ClaimOf(&volumes[0]), "a stopped machine gives it up")
			assert.Nil(t, observed.bootDiskProblem(vm))
		})
	}
}

// KubeVirt would ask for a restart to take it out, and do nothing more to the machine until it had one.
func TestADiskThatTheGuestStartedWithStaysUntilItStops(t *testing.T) {
	vm, observed := withData()
	run(vm, observed)
	listed := vm.Spec.Disks
	vm.Spec.Disks = listed[:2]
	assert.Equal(t, []string{"root", "archive", "data", cloudInitDisk}, volumeNames(vm, observed))
	assert.Contains(t, restartMessage(vm, observed), "until it stops or restarts: data")

	observed.disks["data"].Status.AttachedTo = "db"
	assert.NotContains(t, volumeNames(vm, observed), "data", "two guests must never write to it")
	observed.disks["data"].Status.AttachedTo = "web"
	observed.Instance.DeletionTimestamp = ptr.To(metav1.Now())
	assert.NotContains(t, volumeNames(vm, observed), "data", "the next guest starts without it")
	observed.Instance = nil
	assert.NotContains(t, volumeNames(vm, observed), "data")
}

func TestCDROM(t *testing.T) {
	vm, observed := withData()
	vm.Spec.Disks = append(vm.Spec.Disks, v1alpha1.VMDisk{Name: "cd", Type: v1alpha1.DiskTypeCDROM, Bus: "virtio"})
	disks, volumes := storage(vm, observed)
	assert.Equal(t, kubevirtv1.DiskBusSATA, disks[3].CDRom.Bus)
	assert.Len(t, volumes, 4, "an empty drive has no volume")

	vm.Spec.Disks[3].DiskRef, vm.Spec.Disks[2].DiskRef = vm.Spec.Disks[2].DiskRef, &v1alpha1.LocalObjectReference{Name: "none"}
	vm.Spec.Disks[3].Boot = ptr.To(true)
	disks, volumes = storage(vm, observed)
	assert.Equal(t, uint(1), *disks[2].BootOrder, "it boots from the medium")
	assert.Equal(t, uint(2), *disks[0].BootOrder, "and without one from the first disk")
	assert.True(t, volumes[2].DataVolume.Hotpluggable, "the medium can be taken out")
}

func TestSharedAndReadOnlyDisks(t *testing.T) {
	disk := &v1alpha1.WukongDisk{Spec: v1alpha1.WukongDiskSpec{Shared: ptr.To(true)}}
	assert.True(t, *device(&v1alpha1.VMDisk{Name: "a"}, disk, "a").Shareable)
	disk = &v1alpha1.WukongDisk{Spec: v1alpha1.WukongDiskSpec{Source: &v1alpha1.WukongDiskSource{
		PersistentVolumeClaim: &v1alpha1.ClaimSource{Name: "legacy", ReadOnly: ptr.To(true)},
	}}}
	assert.True(t, device(&v1alpha1.VMDisk{Name: "a"}, disk, "a").Disk.ReadOnly, "who owns the claim decides")
}

func TestDiskStatusTellsWhatTheMachineReallyHas(t *testing.T) {
	entry := func(vm *v1alpha1.WukongVM, observed *observation, name string) *v1alpha1.VMDiskStatus {
		for _, disk := range diskStatus(vm, observed) {
			if disk.Name == name {
				return &disk
			}
		}
		return nil
	}
	vm, observed := withData()
	assert.Empty(t, entry(vm, observed, "data").Attachment, "a machine that does not run")
	run(vm, observed)
	assert.Equal(t, v1alpha1.DiskAttached, entry(vm, observed, "data").Attachment)
	assert.Equal(t, v1alpha1.DiskAttached, entry(vm, observed, "root").Attachment)

	t.Run("detaching", func(t *testing.T) {
		vm, observed := withData()
		runPlugged(vm, observed)
		vm.Spec.Disks = vm.Spec.Disks[:2]
		observed.Machine = desiredMachine(vm, observed)
		found := entry(vm, observed, "data")
		require.NotNil(t, found, "until the guest cannot write to it, it is this machine's")
		assert.Equal(t, v1alpha1.DiskDetaching, found.Attachment)
		assert.Equal(t, "data", found.DiskName)
		assert.Contains(t, found.Message, "the guest has not released the disk yet")
		for i := range observed.Instance.Status.VolumeStatus {
			if status := &observed.Instance.Status.VolumeStatus[i]; status.Name == "data" {
				status.Phase, status.Message = kubevirtv1.HotplugVolumeUnMounted, "unmounted from pod"
				assert.Equal(t, "unmounted from pod", entry(vm, observed, "data").Message, "the guest has released it, and KubeVirt's own words count")
			}
		}
		observed.Instance.Spec.Volumes = observed.Instance.Spec.Volumes[:2]
		assert.NotNil(t, entry(vm, observed, "data"), "KubeVirt still speaks of it")
		observed.Instance.Status.VolumeStatus = observed.Instance.Status.VolumeStatus[:2]
		assert.Nil(t, entry(vm, observed, "data"))
	})
	t.Run("the VirtualMachine could not be written", func(t *testing.T) {
		vm, observed := withData()
		run(vm, observed)
		observed.Instance, vm.Spec.Disks = nil, vm.Spec.Disks[:2]
		assert.NotNil(t, entry(vm, observed, "data"), "it may start on the disk any time")
	})
	t.Run("replaced under its name", func(t *testing.T) {
		vm, observed := withData()
		runPlugged(vm, observed)
		vm.Spec.Disks[2].DiskRef = &v1alpha1.LocalObjectReference{Name: "other"}
		observed.disks["other"] = &v1alpha1.WukongDisk{Status: v1alpha1.WukongDiskStatus{ClaimName: "other", AttachedTo: "web"}}
		found := entry(vm, observed, "data")
		assert.Equal(t, "data", found.DiskName)
		assert.Equal(t, v1alpha1.DiskDetaching, found.Attachment)
		assert.Contains(t, found.Message, "WukongDisk other")
	})
	t.Run("moving", func(t *testing.T) {
		vm, observed := withData()
		run(vm, observed)
		observed.disks["data"].Status.Move = &v1alpha1.DiskMove{TargetClaimName: "data-2"}
		observed.Instance.Spec.Volumes[2].DataVolume.Name = "data-2"
		observed.Instance.Status.MigratedVolumes = []kubevirtv1.StorageMigratedVolumeInfo{{
			VolumeName: "data", SourcePVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: "data"},
		}}
		assert.Equal(t, "data", entry(vm, observed, "data").ClaimName, "KubeVirt names the target from the start")
		observed.Instance.Status.MigratedVolumes = nil
		assert.Equal(t, "data-2", entry(vm, observed, "data").ClaimName)
	})
}

func TestGuestSizeIsWhatKubeVirtMakesOfAClaim(t *testing.T) {
	block := corev1.PersistentVolumeBlock
	claim := func(request, capacity, overhead string, mode *corev1.PersistentVolumeMode) *kubevirtv1.PersistentVolumeClaimInfo {
		return &kubevirtv1.PersistentVolumeClaimInfo{
			Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(request)},
			Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(capacity)}, VolumeMode: mode,
			FilesystemOverhead: ptr.To(kubevirtv1.Percent(overhead)),
		}
	}
	assert.Equal(t, int64(537919488), guestSize(claim("543Mi", "543Mi", "0.055", nil)).Value(), "as lsblk says in a guest")
	assert.Equal(t, int64(268435456), guestSize(claim("284058684", "277404Ki", "0.055", nil)).Value())
	assert.Equal(t, int64(1<<30), guestSize(claim("2Gi", "1Gi", "0.055", &block)).Value(), "not yet grown, and no file system")
	assert.Nil(t, guestSize(nil))
	assert.Nil(t, guestSize(claim("1Gi", "1Gi", "much", nil)))
}

func TestWhatBecomesOfADiskWhoseTemplateLeftSpec(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*v1alpha1.WukongVM, *v1alpha1.WukongDisk, *observation)
		want   fate
	}{
		"still listed":          {func(*v1alpha1.WukongVM, *v1alpha1.WukongDisk, *observation) {}, fateStay},
		"left, kept by default": {func(vm *v1alpha1.WukongVM, _ *v1alpha1.WukongDisk, _ *observation) { vm.Spec.Disks = vm.Spec.Disks[1:] }, fateRelease},
		"left, still in the machine": {func(vm *v1alpha1.WukongVM, _ *v1alpha1.WukongDisk, observed *observation) {
			run(vm, observed)
			vm.Spec.Disks = vm.Spec.Disks[1:]
		}, fateKeep},
		"left, to be deleted, still in the machine": {func(vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk, observed *observation) {
			run(vm, observed)
			vm.Spec.Disks, disk.Spec.DetachPolicy = vm.Spec.Disks[1:], v1alpha1.DetachDelete
		}, fateStay},
		"left, to be deleted": {func(vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk, _ *observation) {
			vm.Spec.Disks, disk.Spec.DetachPolicy = vm.Spec.Disks[1:], v1alpha1.DetachDelete
		}, fateDelete},
		"protected": {func(vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk, _ *observation) {
			vm.Spec.Disks, disk.Spec.DetachPolicy, disk.Spec.DeletionProtection = vm.Spec.Disks[1:], v1alpha1.DetachDelete, ptr.To(true)
		}, fateRelease},
		"referred to instead": {func(vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk, _ *observation) {
			disk.Spec.DetachPolicy = v1alpha1.DetachDelete
			vm.Spec.Disks[0].Template, vm.Spec.Disks[0].DiskRef = nil, &v1alpha1.LocalObjectReference{Name: "web-root"}
		}, fateRelease},
	} {
		t.Run(name, func(t *testing.T) {
			vm, observed := withData()
			disk := observed.disks["web-root"]
			row.change(vm, disk, observed)
			assert.Equal(t, row.want, fateOf(vm, disk, observed))
		})
	}
}

// Contract 7: two guests that write to one claim destroy it.
func TestNoStartWithTheDiskOfAnother(t *testing.T) {
	vm, observed := testVM()
	for i := range vm.Spec.Disks {
		name := index.DiskName(vm, &vm.Spec.Disks[i])
		observed.disks[name] = &v1alpha1.WukongDisk{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Status: v1alpha1.WukongDiskStatus{ClaimName: name, AttachedTo: vm.Name},
		}
	}
	observed.Machine = desiredMachine(vm, observed)
	assert.True(t, observed.ownsTemplate(vm))

	last := index.DiskName(vm, &vm.Spec.Disks[len(vm.Spec.Disks)-1])
	observed.disks[last].Status.AttachedTo = "another"
	assert.False(t, observed.ownsTemplate(vm), "it was given away")
	observed.disks[last].Status.AttachedTo = vm.Name
	vm.Spec.Disks = vm.Spec.Disks[:len(vm.Spec.Disks)-1]
	assert.False(t, observed.ownsTemplate(vm), "it left the spec")
}

// Fault C.3: what was restored into a machine is no change that waits for a restart.
func TestARestoredDiskOfARunningMachineIsNotOneThatLeaves(t *testing.T) {
	vm, observed := withData()
	run(vm, observed)
	const claim = "restore-2de97946-1027-4a33-b5f1-c40adf7dcf75-data"
	observed.Machine.Spec.Template.Spec.Volumes[2].DataVolume.Name = claim
	observed.Instance.Spec.Volumes[2].DataVolume.Name = claim
	assert.Empty(t, restartMessage(vm, observed))
	assert.Equal(t, []string{"root", "archive", "data", cloudInitDisk}, volumeNames(vm, observed))
	assert.Equal(t, claim, virt.ClaimOf(&desiredMachine(vm, observed).Spec.Template.Spec.Volumes[2]))
	assert.Equal(t, v1alpha1.ReasonForeignVolume, observed.resolveDisks(vm).Reason)
}
