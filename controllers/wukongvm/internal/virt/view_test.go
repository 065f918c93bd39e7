package virt

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

func claimVolume(name, claim string) kubevirtv1.Volume {
	source := &kubevirtv1.PersistentVolumeClaimVolumeSource{
		PersistentVolumeClaimVolumeSource: corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
	}
	return kubevirtv1.Volume{Name: name, VolumeSource: kubevirtv1.VolumeSource{PersistentVolumeClaim: source}}
}

func importedVolume(name, dataVolume string) kubevirtv1.Volume {
	return kubevirtv1.Volume{
		Name: name, VolumeSource: kubevirtv1.VolumeSource{DataVolume: &kubevirtv1.DataVolumeSource{Name: dataVolume}},
	}
}

func machine(volumes ...kubevirtv1.Volume) *kubevirtv1.VirtualMachine {
	result := &kubevirtv1.VirtualMachine{
		Spec: kubevirtv1.VirtualMachineSpec{Template: &kubevirtv1.VirtualMachineInstanceTemplateSpec{}},
	}
	result.Spec.Template.Spec.Volumes = volumes
	for i := range volumes {
		result.Spec.Template.Spec.Domain.Devices.Disks = append(result.Spec.Template.Spec.Domain.Devices.Disks,
			kubevirtv1.Disk{Name: volumes[i].Name})
	}
	return result
}

func instance(
	phase kubevirtv1.VirtualMachineInstancePhase, volumes ...kubevirtv1.Volume,
) *kubevirtv1.VirtualMachineInstance {
	result := keeptest.Object(&kubevirtv1.VirtualMachineInstance{}, KeepInstance)
	result.Spec.Volumes, result.Status.Phase = volumes, phase
	return result
}

// Which instance a guest may write through, and which takes changes, differs: a mistake between the two gives one disk
// to two guests.
func TestRunningAndGuest(t *testing.T) {
	gone := metav1.NewTime(time.Now())
	ending := instance(kubevirtv1.Running)
	ending.DeletionTimestamp = &gone
	for name, row := range map[string]struct {
		instance       *kubevirtv1.VirtualMachineInstance
		running, guest bool
	}{
		"none":      {nil, false, false},
		"starts":    {instance(kubevirtv1.Scheduling), true, true},
		"runs":      {instance(kubevirtv1.Running), true, true},
		"ends":      {ending, true, false},
		"succeeded": {instance(kubevirtv1.Succeeded), false, false},
		"failed":    {instance(kubevirtv1.Failed), false, false},
	} {
		view := View{Instance: row.instance}
		assert.Equal(t, row.running, view.Running() != nil, name)
		assert.Equal(t, row.guest, view.Guest() != nil, name)
	}
}

func TestConditions(t *testing.T) {
	with := func(
		phase kubevirtv1.VirtualMachineInstancePhase, conditions ...kubevirtv1.VirtualMachineInstanceCondition,
	) *kubevirtv1.VirtualMachineInstance {
		result := instance(phase)
		result.Status.Conditions = conditions
		return result
	}
	agent := kubevirtv1.VirtualMachineInstanceCondition{
		Type: kubevirtv1.VirtualMachineInstanceAgentConnected, Status: corev1.ConditionTrue,
	}
	assert.True(t, View{Instance: with(kubevirtv1.Running, agent)}.AgentConnected())
	assert.False(t, View{Instance: with(kubevirtv1.Succeeded, agent)}.AgentConnected(),
		"the guest has ended, and the condition is still there")
	assert.False(t, View{Instance: with(kubevirtv1.Running)}.AgentConnected())
	assert.False(t, View{}.AgentConnected())
	assert.False(t, Ready(with(kubevirtv1.Running, agent)))
	assert.True(t, Ready(with(kubevirtv1.Running, kubevirtv1.VirtualMachineInstanceCondition{
		Type: kubevirtv1.VirtualMachineInstanceReady, Status: corev1.ConditionTrue,
	})))
	assert.Nil(t, Condition(with(kubevirtv1.Running, agent), kubevirtv1.VirtualMachineInstancePaused))

	stopped := machine()
	assert.False(t, HasCondition(nil, kubevirtv1.VirtualMachineFailure))
	stopped.Status.Conditions = []kubevirtv1.VirtualMachineCondition{
		{Type: kubevirtv1.VirtualMachineFailure, Status: corev1.ConditionFalse},
	}
	assert.False(t, HasCondition(stopped, kubevirtv1.VirtualMachineFailure))
	stopped.Status.Conditions[0].Status = corev1.ConditionTrue
	assert.True(t, HasCondition(stopped, kubevirtv1.VirtualMachineFailure))
}

func TestPresences(t *testing.T) {
	assert.Empty(t, View{}.Presences())
	assert.Empty(t, View{Machine: &kubevirtv1.VirtualMachine{}}.Presences(), "no template")
	cloudInit := kubevirtv1.Volume{
		Name:         "cloudinit",
		VolumeSource: kubevirtv1.VolumeSource{CloudInitNoCloud: &kubevirtv1.CloudInitNoCloudSource{}},
	}
	view := View{
		Machine: machine(importedVolume("root", "web-root"), claimVolume("data", "new"), cloudInit),
		Instance: instance(kubevirtv1.Running, importedVolume("root", "web-root"),
			claimVolume("data", "old"), cloudInit),
	}
	view.Instance.Status.VolumeStatus = []kubevirtv1.VolumeStatus{
		{Name: "data", Target: "vdb"},
		{Name: "left", PersistentVolumeClaimInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: "unplugging"}},
		{Name: "cloudinit"},
	}
	found := view.Presences()
	names := func() (list []string) {
		for _, item := range found {
			where := "template"
			if item.InInstance {
				where = "instance"
			}
			list = append(list, item.Name+"="+item.Claim+" "+where)
		}
		return list
	}
	assert.Equal(t, []string{"root=web-root instance", "data=old instance", "left=unplugging instance",
		"data=new template"}, names())
	assert.Nil(t, found[0].Status, "KubeVirt has said nothing of it")
	require.NotNil(t, found[1].Status)
	assert.Equal(t, "vdb", found[1].Status.Target)
	assert.True(t, view.HasClaim("unplugging"), "the guest may still write to it")
	assert.False(t, view.HasClaim("other"))
	assert.True(t, Has(found, "data", "old"))
	assert.False(t, Has(found, "root", "old"))

	view.Instance.Status.Phase = kubevirtv1.Succeeded
	found = view.Presences()
	assert.Equal(t, []string{"root=web-root template", "data=new template"}, names(),
		"the guest has ended; the VirtualMachine may start again")
}

// While a volume migrates, KubeVirt names the target in the spec, and the guest writes to both.
func TestAMigratingVolumeIsPresentWithItsSource(t *testing.T) {
	view := View{
		Machine:  machine(claimVolume("data", "target")),
		Instance: instance(kubevirtv1.Running, claimVolume("data", "target")),
	}
	view.Instance.Status.MigratedVolumes = []kubevirtv1.StorageMigratedVolumeInfo{{
		VolumeName: "data", SourcePVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: "source"},
		DestinationPVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: "target"},
	}}
	assert.True(t, view.HasClaim("source"))
	assert.True(t, view.HasClaim("target"))
}

func TestTemplateDisk(t *testing.T) {
	disk, volume := TemplateDisk(nil, "root")
	assert.Nil(t, disk)
	assert.Nil(t, volume)
	disk, volume = TemplateDisk(machine(importedVolume("root", "web-root")), "root")
	require.NotNil(t, disk)
	require.NotNil(t, volume)
	assert.Equal(t, "web-root", ClaimOf(volume))
	disk, volume = TemplateDisk(machine(kubevirtv1.Volume{Name: "cloudinit"}), "cloudinit")
	assert.NotNil(t, disk)
	assert.Nil(t, volume, "a volume without a claim is none of a disk")
}

func TestWhetherAMachineMayStart(t *testing.T) {
	assert.False(t, View{}.Halted(), "there is no VirtualMachine")
	assert.False(t, View{}.NeverRan())
	view := View{Machine: &kubevirtv1.VirtualMachine{}}
	assert.False(t, view.Halted())
	assert.True(t, view.NeverRan())
	halted := kubevirtv1.RunStrategyHalted
	view.Machine.Spec.RunStrategy, view.Machine.Status.RunStrategy = &halted, halted
	assert.True(t, view.Halted())
	assert.False(t, view.NeverRan())
	view.Instance = instance(kubevirtv1.Succeeded)
	assert.False(t, view.Halted(), "it has not ended altogether")
}

func TestRestartRequired(t *testing.T) {
	view := View{Machine: &kubevirtv1.VirtualMachine{}}
	assert.Empty(t, View{}.RestartRequired())
	assert.Empty(t, view.RestartRequired())
	view.Machine.Status.Conditions = []kubevirtv1.VirtualMachineCondition{{
		Type: kubevirtv1.VirtualMachineRestartRequired, Status: corev1.ConditionTrue, Message: "cores changed",
	}}
	assert.Equal(t, "cores changed", view.RestartRequired())
	view.Machine.Status.Conditions[0].Message = ""
	assert.NotEmpty(t, view.RestartRequired(), "without a word it is required all the same")
	view.Machine.Status.Conditions[0].Status = corev1.ConditionFalse
	assert.Empty(t, view.RestartRequired())
}

func TestVolumeOf(t *testing.T) {
	instance := instance(kubevirtv1.Running)
	instance.Spec.Volumes = []kubevirtv1.Volume{
		{Name: "data", VolumeSource: kubevirtv1.VolumeSource{DataVolume: &kubevirtv1.DataVolumeSource{Name: "claim"}}},
	}
	claim, migrates := VolumeOf(instance, "data")
	assert.Equal(t, "claim", claim)
	assert.False(t, migrates)
	instance.Status.MigratedVolumes = []kubevirtv1.StorageMigratedVolumeInfo{{VolumeName: "data"}}
	_, migrates = VolumeOf(instance, "data")
	assert.True(t, migrates)
	claim, _ = VolumeOf(instance, "other")
	assert.Empty(t, claim)
}
