package virtualmachine

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

const testUID = "11111111-2222-3333-4444-555555555555"

func testVM() *v1alpha1.WukongVM {
	return &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: testUID},
		Spec: v1alpha1.WukongVMSpec{
			CPU:    v1alpha1.CPU{Cores: 2, Sockets: 1, Threads: 1},
			Memory: v1alpha1.Memory{Guest: resource.MustParse("2Gi")},
		},
	}
}

// What the other parts decided is in the VirtualMachine as they decided it.
func TestMake(t *testing.T) {
	migration := kubevirtv1.UpdateVolumesStrategyMigration
	in := Inputs{
		VM: testVM(), ResourceVersion: "7", Annotations: map[string]string{"a": "b"},
		RunStrategy: kubevirtv1.RunStrategyManual, UpdateVolumesStrategy: &migration,
		Disks: []kubevirtv1.Disk{{Name: "root"}}, Volumes: []kubevirtv1.Volume{{Name: "root"}},
		Interfaces: []kubevirtv1.Interface{{Name: "pod"}}, Networks: []kubevirtv1.Network{{Name: "pod"}},
		BridgeNodes: []map[string]string{{"bridge": "br0"}},
	}
	result := Make(in)
	assert.Equal(t, []string{"shop", "web", "7"}, []string{result.Namespace, result.Name, result.ResourceVersion})
	assert.Equal(t, in.Annotations, result.Annotations)
	assert.Equal(t, kubevirtv1.RunStrategyManual, *result.Spec.RunStrategy)
	assert.Equal(t, migration, *result.Spec.UpdateVolumesStrategy)
	spec := result.Spec.Template.Spec
	assert.Equal(t, in.Disks, spec.Domain.Devices.Disks)
	assert.Equal(t, in.Volumes, spec.Volumes)
	assert.Equal(t, in.Interfaces, spec.Domain.Devices.Interfaces)
	assert.Equal(t, in.Networks, spec.Networks)
	assert.Equal(t, map[string]string{"bridge": "br0"}, spec.NodeSelector)
	assert.Equal(t, uint32(2), spec.Domain.CPU.Cores)
	assert.Equal(t, "2Gi", spec.Domain.Memory.Guest.String())
	assert.Equal(t, testUID, string(spec.Domain.Firmware.UUID))
}

func TestFirmware(t *testing.T) {
	vm := testVM()
	vm.Spec.Firmware = &v1alpha1.Firmware{
		Bootloader: v1alpha1.BootloaderUEFISecureBoot, UUID: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", Serial: "S1",
	}
	result := firmware(vm)
	assert.Equal(t, "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", string(result.UUID))
	assert.Equal(t, "S1", result.Serial)
	assert.True(t, *result.Bootloader.EFI.SecureBoot)
	assert.True(t, *features(vm).SMM.Enabled, "secure boot needs it")
	vm.Spec.Firmware.Bootloader = v1alpha1.BootloaderUEFI
	assert.False(t, *firmware(vm).Bootloader.EFI.SecureBoot)
	assert.Nil(t, features(vm).SMM)
}

// Fault D.6: the spec had no annotations and resources of the launcher pod.
func TestWhatTheLauncherPodGets(t *testing.T) {
	vm := testVM()
	template := Make(Inputs{VM: vm}).Spec.Template
	assert.Empty(t, template.ObjectMeta.Annotations)
	assert.Equal(t, kubevirtv1.ResourceRequirements{}, template.Spec.Domain.Resources)

	vm.Spec.Scheduling = &v1alpha1.Scheduling{Annotations: map[string]string{
		"sidecar.istio.io/inject": "true", "kubevirt.io.example.com/mine": "yes",
		"hooks.kubevirt.io/hookSidecars": "[]", "kubevirt.io/keep": "",
		"k8s.v1.cni.cncf.io/networks": "other/lan", "v1.multus-cni.io/default-network": "other/lan",
		v1alpha1.GroupName + "/handover": "{}", "ovn.kubernetes.io/ip_address": "10.0.0.5",
		"lan.shop.ovn.kubernetes.io/logical_switch": "lan", "cni.projectcalico.org/ipAddrs": "[]",
		"container.apparmor.security.beta.kubernetes.io/compute": "unconfined",
		"io.kubernetes.cri-o.userns-mode":                        "auto",
	}}
	vm.Spec.Resources = &v1alpha1.PodResources{
		Requests: &v1alpha1.ResourceAmounts{CPU: ptr.To(resource.MustParse("500m"))},
		Limits: &v1alpha1.ResourceAmounts{
			CPU: ptr.To(resource.MustParse("2")), Memory: ptr.To(resource.MustParse("3Gi")),
		},
	}
	template = Make(Inputs{VM: vm}).Spec.Template
	assert.Equal(t, map[string]string{"sidecar.istio.io/inject": "true", "kubevirt.io.example.com/mine": "yes"},
		template.ObjectMeta.Annotations, "what attaches networks or runs programs is left out, whoever accepted it")
	assert.Equal(t, "500m", template.Spec.Domain.Resources.Requests.Cpu().String())
	assert.NotContains(t, template.Spec.Domain.Resources.Requests, corev1.ResourceMemory)
	assert.Equal(t, "2", template.Spec.Domain.Resources.Limits.Cpu().String())
	assert.Equal(t, "3Gi", template.Spec.Domain.Resources.Limits.Memory().String())
}
