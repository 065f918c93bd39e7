package kubevirt

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// featureGates are those of KubeVirt 1.7 that Wukong's features stand on. Live migration, live update of CPU and
// memory, hotplug of network interfaces and migration of volumes need none any more. HotplugVolumes is left out on
// purpose: it turns DeclarativeHotplugVolumes off (pkg/virt-controller/watch/vm, handleDeclarativeVolumeHotplug).
var featureGates = []any{
	"DeclarativeHotplugVolumes",
	"DownwardMetrics",
	"EnableVirtioFsConfigVolumes",
	"EnableVirtioFsStorageVolumes",
	"ExpandDisks",
	"HostDisk",
	"Sidecar",
	"Snapshot",
	"VMExport",
}

// newKubeVirt is the object that tells virt-operator to install KubeVirt.
func newKubeVirt(kvm bool) *unstructured.Unstructured {
	one := int64(1)
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "kubevirt.io/v1",
		"kind":       "KubeVirt",
		"metadata":   map[string]any{"name": "kubevirt", "namespace": Namespace},
		"spec": map[string]any{
			"imagePullPolicy": "IfNotPresent",
			"infra":           map[string]any{"replicas": one},
			// CPU, memory and network hotplug are completed by a live migration that KubeVirt starts by itself.
			"workloadUpdateStrategy": map[string]any{"workloadUpdateMethods": []any{"LiveMigrate"}},
			"customizeComponents":    map[string]any{"patches": append([]any{labellerPatch(kvm)}, probePatches()...)},
			"configuration": map[string]any{
				"imagePullPolicy":   "IfNotPresent",
				"vmRolloutStrategy": "LiveUpdate",
				"developerConfiguration": map[string]any{
					"featureGates": featureGates,
					// Without it a node with no working /dev/kvm runs no machine at all.
					"useEmulation": !kvm,
					// A virtual CPU reserves 25m, so that ten test machines fit on a node of two cores.
					"cpuAllocationRatio": int64(40),
				},
			},
		},
	}}
}

// probes are the programs of KubeVirt that are asked whether they are ready, and where
// (pkg/virt-operator/resource/generate/components).
var probes = []struct{ kind, name, container, path string }{
	{"Deployment", "virt-api", "virt-api", "/apis/subresources.kubevirt.io/v1/healthz"},
	{"Deployment", "virt-controller", "virt-controller", "/leader"},
	{"Deployment", "virt-exportproxy", "exportproxy", "/healthz"},
	{"DaemonSet", "virt-handler", "virt-handler", "/healthz"},
}

// probePatches make kubelet see in a second that a program is ready. KubeVirt lets it ask for the first time after 15
// s, and virt-operator installs the rest when virt-api is ready. Once it is, it is asked as seldom as KubeVirt has it.
func probePatches() []any {
	patches := make([]any, 0, len(probes))
	for _, one := range probes {
		patches = append(patches, map[string]any{
			"resourceType": one.kind,
			"resourceName": one.name,
			"type":         "strategic",
			"patch": fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":%q,`+
				`"readinessProbe":{"initialDelaySeconds":0},`+
				`"startupProbe":{"httpGet":{"scheme":"HTTPS","port":8443,"path":%q},"periodSeconds":1,`+
				`"timeoutSeconds":10,"failureThreshold":180}}]}}}}`,
				one.container, one.path),
		})
	}
	return patches
}

// labellerPatch tells the container that finds out what a node can do (launcher/usr/bin/node-labeller.sh) whether
// machines are emulated.
func labellerPatch(kvm bool) map[string]any {
	virtType := "qemu"
	if kvm {
		virtType = "kvm"
	}
	return map[string]any{
		"resourceType": "DaemonSet",
		"resourceName": "virt-handler",
		"type":         "strategic",
		"patch": fmt.Sprintf(
			`{"spec":{"template":{"spec":{"initContainers":[{"name":"virt-launcher","env":[{"name":"VIRT_TYPE",`+
				`"value":%q}]}]}}}}`, virtType),
	}
}
