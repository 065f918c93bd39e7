package testbed

import "fmt"

// Namespaces of the add-ons.
const (
	// ServersNamespace has the image server, the registry and S3.
	ServersNamespace = "wukong-devcluster"
	// StorageNamespace has the CSI driver and the snapshot controller.
	StorageNamespace = "wukong-storage"
	// KubeVirtNamespace has KubeVirt.
	KubeVirtNamespace = "kubevirt"
	// CDINamespace has CDI.
	CDINamespace = "cdi"
	// NMStateNamespace has the stand-in for NMState's handler.
	NMStateNamespace = "nmstate"
)

// Objects of CDI in its namespace, as its operator installs them (CDI v1.61.1, pkg/operator/resources).
const (
	// CDIOperator is the Deployment that installs CDI. Without replicas it leaves CDI as it is.
	CDIOperator = "cdi-operator"
	// UploadProxy is the Service that takes uploads, by HTTPS; its certificate is of the same name.
	UploadProxy = "cdi-uploadproxy"
	// UploadProxyAuthority is the ConfigMap with the authorities of UploadProxy, each a value in PEM.
	UploadProxyAuthority = "cdi-uploadproxy-signer-bundle"
	// UploadPath is where UploadProxy takes a whole image by one POST (pkg/common, UploadPathSync).
	UploadPath = "/v1beta1/upload"
)

// Images that every node has. Nothing can be pulled, so that a pod names them with the pull policy Never or
// IfNotPresent.
const (
	// Busybox has a shell. Its applets are in the path after `/bin/busybox --install -s /bin`.
	Busybox = "wukong.local/busybox:1"
	// Probe has /probe, which serves the pod's name over HTTP (`serve :PORT`) and gets a page (`get URL`). It is there
	// without any add-on too.
	Probe = "wukong.local/probe:1"
)

// Networks of the nodes.
const (
	// NodeNIC is the interface with the address of the node.
	NodeNIC = "eth0"
	// SpareNIC is an interface of every node without an address. All of them are on one wire, on which tagged frames
	// pass.
	SpareNIC = "eth1"
	// LANBridge is a bridge on every node without an address. The nodes' bridges are joined: one Ethernet segment.
	LANBridge = "br-lan"
)

// SharedMount is a folder that all nodes see, the same on each.
const SharedMount = "/var/lib/wukong-shared"

// Programs of a launcher, the pod of a running machine, for KillProgram.
const (
	// QEMU is the guest's processor, memory and devices. The guest ends with it, as when its power is cut.
	QEMU = "/usr/bin/qemu-system-x86_64"
	// LauncherMonitor is the first program of the launcher's container, which ends with it.
	LauncherMonitor = "/usr/bin/virt-launcher-monitor"
)

// ServiceHost is the full name of a Service, which pods of all namespaces resolve.
func ServiceHost(namespace, service string) string {
	return service + "." + namespace + ".svc.cluster.local"
}

// NodeName is the name of a node by its number, from 1 on.
func NodeName(number int) string { return fmt.Sprintf("node%d", number) }
