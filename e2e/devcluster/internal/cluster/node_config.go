package cluster

import (
	"os"
	"strconv"
	"strings"

	"github.com/novasphere/wukong/e2e/devcluster/internal/network"
)

// kubeletConfig is the KubeletConfiguration of a node.
func kubeletConfig(plan network.Plan) map[string]any {
	return map[string]any{
		"apiVersion":               "kubelet.config.k8s.io/v1beta1",
		"kind":                     "KubeletConfiguration",
		"containerRuntimeEndpoint": "unix://" + containerdSocket,
		"clusterDNS":               []string{plan.DNS().String()},
		"clusterDomain":            clusterDomain,
		"resolvConf":               nodeConfig + "/resolv.conf",
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true},
			"x509":      map[string]any{"clientCAFile": nodeConfig + "/ca.crt"},
		},
		"authorization":     map[string]any{"mode": "Webhook"},
		"tlsCertFile":       nodeConfig + "/kubelet.crt",
		"tlsPrivateKeyFile": nodeConfig + "/kubelet.key",
		// The sandbox's cgroup is the root of what kubelet sees, so nodes on one machine do not meet.
		"cgroupDriver": "cgroupfs",
		"failCgroupV1": false,
		"failSwapOn":   false,
		// The disk is the host's and may be rather full: that is no reason to evict pods or to drop images that cannot
		// be pulled.
		"imageGCHighThresholdPercent": 100,
		"imageGCLowThresholdPercent":  99,
		"evictionHard": map[string]string{
			"memory.available": "100Mi", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%",
			"imagefs.inodesFree": "0%",
		},
		"serializeImagePulls": false,
		// What a person mends shall be seen to heal in seconds. Elsewhere a container that fails is tried again after
		// five minutes at the latest.
		"crashLoopBackOff": map[string]string{"maxContainerRestartPeriod": "10s"},
		"oomScoreAdj":      0,
		"volumePluginDir":  "/var/lib/kubelet/volumeplugins",
		"maxPods":          200,
	}
}

// kubeProxyConfig is the KubeProxyConfiguration of a node.
func kubeProxyConfig(plan network.Plan, name string) map[string]any {
	return map[string]any{
		"apiVersion":       "kubeproxy.config.k8s.io/v1alpha1",
		"kind":             "KubeProxyConfiguration",
		"mode":             "nftables",
		"clusterCIDR":      plan.Pods.String(),
		"hostnameOverride": name,
		"clientConnection": map[string]any{"kubeconfig": nodeConfig + "/kube-proxy.kubeconfig"},
		// The sizes of the connection table are the host's.
		"conntrack": map[string]any{
			"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s",
		},
		"nftables": map[string]any{"minSyncPeriod": "200ms"},
	}
}

// networkConfig is the CNI configuration of the pod network. Pods are routed: with a bridge, an answer within one node
// would not pass kube-proxy's rules unless the host has loaded br_netfilter.
func networkConfig(plan network.Plan, number int) map[string]any {
	return map[string]any{
		"cniVersion": "1.0.0",
		"name":       "wukong",
		"plugins": []map[string]any{
			{
				"type": "ptp",
				"mtu":  1500,
				"ipam": map[string]any{
					"type":   "host-local",
					"ranges": [][]map[string]any{{{"subnet": plan.PodSubnet(number).String()}}},
					"routes": []map[string]any{{"dst": "0.0.0.0/0"}},
				},
			},
			{"type": "portmap", "capabilities": map[string]any{"portMappings": true}, "snat": true,
				"backend": "nftables"},
		},
	}
}

// canRaiseOOMPriority is true when this process has CAP_SYS_RESOURCE, with which the out-of-memory score can be
// lowered.
func canRaiseOOMPriority() bool {
	const capSysResource = 24
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "CapEff:"); ok {
			mask, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			return err == nil && mask&(1<<capSysResource) != 0
		}
	}
	return false
}
