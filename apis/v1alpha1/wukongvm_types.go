package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PowerState is whether the machine is on.
// +kubebuilder:validation:Enum=Running;Stopped
type PowerState string

const (
	// PowerRunning keeps the machine on, as restartPolicy says.
	PowerRunning PowerState = "Running"
	// PowerStopped shuts the guest down by ACPI, and ends it after the grace period.
	PowerStopped PowerState = "Stopped"
)

// RestartPolicy says what happens when the guest ends by itself while powerState is Running.
// +kubebuilder:validation:Enum=Always;OnFailure;Never
type RestartPolicy string

const (
	// RestartAlways starts the machine again however it ended (KubeVirt runStrategy Always).
	RestartAlways RestartPolicy = "Always"
	// RestartOnFailure starts it again after a failure; a clean shutdown from inside stays (RerunOnFailure).
	RestartOnFailure RestartPolicy = "OnFailure"
	// RestartNever leaves it ended (Once).
	RestartNever RestartPolicy = "Never"
)

// WukongVMSpec says what a machine is.
//
// +kubebuilder:validation:XValidation:rule="!has(self.disks) || self.disks.filter(d, has(d.boot) && d.boot).size() <= 1",message="at most one disk can have boot: true; without one, the first disk boots"
// +kubebuilder:validation:XValidation:rule="!has(self.disks) || self.disks.all(d, !has(d.serial) || !self.disks.exists(o, o.name != d.name && (has(o.serial) ? o.serial : o.name) == d.serial))",message="two disks have the same serial; without one, a disk has its name as serial"
// +kubebuilder:validation:XValidation:rule="!has(self.networks) || self.networks.filter(n, has(n.pod)).size() <= 1",message="at most one network can be the pod network"
// +kubebuilder:validation:XValidation:rule="!has(self.networks) || self.networks.all(n, !has(n.macAddress) || self.networks.exists_one(m, has(m.macAddress) && m.macAddress.lowerAscii() == n.macAddress.lowerAscii()))",message="two networks have the same macAddress"
type WukongVMSpec struct {
	// wukongRef names the application that the machine belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// powerState is whether the machine is on.
	// +optional
	// +default="Running"
	PowerState PowerState `json:"powerState,omitempty"`

	// restartPolicy says what happens when the guest ends by itself.
	// +optional
	// +default="Always"
	RestartPolicy RestartPolicy `json:"restartPolicy,omitempty"`

	// cpu of the machine.
	// +optional
	// +default={"cores":1,"sockets":1,"threads":1}
	CPU CPU `json:"cpu,omitempty"`

	// memory of the machine.
	// +required
	Memory Memory `json:"memory,omitzero"`

	// resources of the virt-launcher pod, for namespaces whose quotas or LimitRanges want other ones than KubeVirt sets.
	// +optional
	Resources *PodResources `json:"resources,omitempty"`

	// firmware of the machine.
	// +optional
	Firmware *Firmware `json:"firmware,omitempty"`

	// disks of the machine. They may be added while it runs, and what was added so may be removed; what it started with leaves
	// when it stops or restarts. The order is the order of devices in the guest for disks
	// without a serial, as far as it started with them.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Disks []VMDisk `json:"disks,omitempty"`

	// networks of the machine. Omitted, the machine has one interface on the pod network.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Networks []VMNetwork `json:"networks,omitempty"`

	// services that lead to the machine.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Services []VMService `json:"services,omitempty"`

	// policy of the machine's interface on the pod network, beside that of the network. Interfaces on other networks have none: there, the
	// guest's own firewall decides.
	// +optional
	Policy *TrafficPolicy `json:"policy,omitempty"`

	// cloudInit is what the guest's first boot sets up. Omitted, the guest still gets its host name and addresses.
	// +optional
	CloudInit *CloudInit `json:"cloudInit,omitempty"`

	// scheduling says which nodes the machine may run on.
	// +optional
	Scheduling *Scheduling `json:"scheduling,omitempty"`

	// gpus and other PCI devices that the machine gets for itself.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	GPUs []GPU `json:"gpus,omitempty"`

	// terminationGracePeriodSeconds that the guest has to shut down before it is ended, in seconds.
	// +optional
	// +default=180
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`
}

// CPU is the machine's processor. The guest sees sockets * cores * threads.
//
// +kubebuilder:validation:XValidation:rule="self.sockets * self.cores * self.threads <= 512",message="sockets * cores * threads is more than 512"
type CPU struct {
	// cores in each socket.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=512
	Cores int32 `json:"cores,omitempty"`

	// sockets of the machine.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=512
	Sockets int32 `json:"sockets,omitempty"`

	// threads in each core.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=8
	Threads int32 `json:"threads,omitempty"`

	// model of the processor as libvirt names it, or host-model or host-passthrough. Omitted, the cluster's default.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Model string `json:"model,omitempty"`

	// dedicated pins every virtual CPU to a physical one; the node needs the CPU manager.
	// +optional
	Dedicated *bool `json:"dedicated,omitempty"`
}

// Memory is the machine's memory.
type Memory struct {
	// guest is the memory that the guest sees, in bytes, as a quantity such as 4Gi.
	// +required
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0",message="memory must be a quantity of at least 1Mi, for example 2Gi"
	Guest resource.Quantity `json:"guest,omitzero"`

	// hugePages is the page size of the huge pages that back the memory.
	// +optional
	// +kubebuilder:validation:Enum="2Mi";"1Gi"
	HugePages string `json:"hugePages,omitempty"`
}

// PodResources are what the virt-launcher pod requests of a node, and its limits. KubeVirt adds its own needs to the memory. Omitted, KubeVirt requests
// the memory of the guest, and for each virtual processor a tenth of a core, or what the cluster's cpuAllocationRatio says.
// A change takes effect when the machine starts the next time.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.requests) || !has(self.limits) || !has(self.requests.cpu) || !has(self.limits.cpu) || quantity(string(self.requests.cpu)).compareTo(quantity(string(self.limits.cpu))) <= 0",message="requests.cpu is more than limits.cpu"
// +kubebuilder:validation:XValidation:rule="!has(self.requests) || !has(self.limits) || !has(self.requests.memory) || !has(self.limits.memory) || quantity(string(self.requests.memory)).compareTo(quantity(string(self.limits.memory))) <= 0",message="requests.memory is more than limits.memory"
type PodResources struct {
	// requests of the pod. With less memory than the guest has, machines share what a node has, and the node may run out of it.
	// +optional
	Requests *ResourceAmounts `json:"requests,omitempty"`

	// limits of the pod. A machine that reaches the limit of memory is ended; give it room for what QEMU needs beside the guest.
	// +optional
	Limits *ResourceAmounts `json:"limits,omitempty"`
}

// ResourceAmounts are processors and memory.
//
// +kubebuilder:validation:MinProperties=1
type ResourceAmounts struct {
	// cpu in cores, such as 500m or 2.
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).isGreaterThan(quantity('0'))",message="cpu must be a positive quantity of cores, for example 500m"
	CPU *resource.Quantity `json:"cpu,omitempty"`

	// memory in bytes, such as 4Gi.
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0",message="memory must be a quantity of at least 1Mi, for example 2Gi"
	Memory *resource.Quantity `json:"memory,omitempty"`
}

// Bootloader is the firmware that starts the guest.
// +kubebuilder:validation:Enum=BIOS;UEFI;UEFISecureBoot
type Bootloader string

const (
	// BootloaderBIOS is SeaBIOS.
	BootloaderBIOS Bootloader = "BIOS"
	// BootloaderUEFI is OVMF without secure boot.
	BootloaderUEFI Bootloader = "UEFI"
	// BootloaderUEFISecureBoot is OVMF with secure boot, and System Management Mode that it needs.
	BootloaderUEFISecureBoot Bootloader = "UEFISecureBoot"
)

// Firmware is the machine's firmware and identity.
type Firmware struct {
	// bootloader that starts the guest. Omitted, BIOS.
	// +optional
	Bootloader Bootloader `json:"bootloader,omitempty"`

	// uuid of the machine in SMBIOS. Omitted, the WukongVM's UID, which never changes.
	// +optional
	// +kubebuilder:validation:MaxLength=36
	// +kubebuilder:validation:Pattern=`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`
	UUID string `json:"uuid,omitempty"`

	// serial of the machine in SMBIOS. Omitted, the WukongVM's UID.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[-_.a-zA-Z0-9]+$`
	Serial string `json:"serial,omitempty"`
}

// DiskBus is the bus that the guest sees a disk on.
// +kubebuilder:validation:Enum=virtio;scsi;sata
type DiskBus string

// DiskType is what the guest sees a disk as.
// +kubebuilder:validation:Enum=Disk;CDROM
type DiskType string

const (
	// DiskTypeDisk is a hard disk.
	DiskTypeDisk DiskType = "Disk"
	// DiskTypeCDROM is a drive with a read-only medium that can be changed, or none.
	DiskTypeCDROM DiskType = "CDROM"
)

// VMDisk is a disk of the machine: a reference to a WukongDisk, or a template that the machine stamps one from. A CD-ROM drive may
// have neither: it is empty then.
//
// +kubebuilder:validation:AtMostOneOf=diskRef;template
// +kubebuilder:validation:XValidation:rule="has(self.diskRef) || has(self.template) || (has(self.type) && self.type == 'CDROM')",message="a disk needs diskRef or template; only a drive of type CDROM may be empty"
type VMDisk struct {
	// name of the disk within the machine.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:XValidation:rule="self != 'cloudinit'",message="the name cloudinit is taken by the cloud-init disk"
	Name string `json:"name,omitempty"`

	// diskRef names an existing WukongDisk. It lives on when the machine is deleted.
	// +optional
	DiskRef *LocalObjectReference `json:"diskRef,omitempty"`

	// template of a WukongDisk that the machine stamps and owns.
	// +optional
	Template *DiskTemplate `json:"template,omitempty"`

	// type is what the guest sees: a Disk, or a CDROM drive. The medium of a drive may be changed, put in and taken out while the
	// machine runs, by editing diskRef or template; adding or removing the drive itself needs a restart.
	// +optional
	// +default="Disk"
	Type DiskType `json:"type,omitempty"`

	// boot makes this the disk that the machine boots from. Without any, the first disk boots that is no CD-ROM. It cannot be taken
	// from a running machine.
	// +optional
	Boot *bool `json:"boot,omitempty"`

	// bus that the guest sees the disk on. Disks on virtio and scsi may come while the machine runs; on sata they need a restart. A
	// CDROM drive is on sata unless this says scsi.
	// +optional
	// +default="virtio"
	Bus DiskBus `json:"bus,omitempty"`

	// serial number that the guest sees, at most 36 characters. Omitted, the disk's name in this list, so that
	// /dev/disk/by-id/virtio-NAME is stable in a Linux guest; of a name of more than 20 characters the first 11, a hyphen
	// and a digest.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=36
	// +kubebuilder:validation:Pattern=`^[-_.a-zA-Z0-9]+$`
	Serial string `json:"serial,omitempty"`

	// readOnly attaches the disk without the right to write.
	// +optional
	ReadOnly *bool `json:"readOnly,omitempty"`
}

// DiskTemplate is what a WukongDisk is stamped from.
type DiskTemplate struct {
	// labels of the WukongDisk.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Labels map[string]string `json:"labels,omitempty"`

	// spec of the WukongDisk.
	// +required
	Spec WukongDiskSpec `json:"spec,omitzero"`
}

// AddressMode says how the guest gets the addresses of an interface.
// +kubebuilder:validation:Enum=DHCP;Static;Pool;None
type AddressMode string

const (
	// AddressDHCP asks a DHCP server for an IPv4 address; IPv6 comes by router advertisement.
	AddressDHCP AddressMode = "DHCP"
	// AddressStatic sets the given addresses.
	AddressStatic AddressMode = "Static"
	// AddressPooled sets an address of each family that the network has a pool of; the machine keeps it for life.
	AddressPooled AddressMode = "Pool"
	// AddressNone leaves the interface without an address.
	AddressNone AddressMode = "None"
)

// VMNetwork is an interface of the machine: the pod network, a reference to a WukongNetwork, or a template that the
// machine stamps one from.
//
// +kubebuilder:validation:ExactlyOneOf=pod;networkRef;template
// +kubebuilder:validation:XValidation:rule="!has(self.pod) || (!has(self.addresses) && !has(self.keepAddresses) && (!has(self.addressMode) || self.addressMode == 'DHCP'))",message="the pod network gives the guest its address by DHCP: leave out addresses, addressMode and keepAddresses"
// +kubebuilder:validation:XValidation:rule="has(self.addresses) == (has(self.addressMode) ? self.addressMode == 'Static' : has(self.addresses))",message="addresses belong to addressMode Static, and it needs them"
// +kubebuilder:validation:XValidation:rule="!has(self.pod) || (!has(self.bandwidth) && !has(self.addressDelivery))",message="bandwidth and addressDelivery are for networks of type Bridge: the pod network is the cluster's, leave them out"
// +kubebuilder:validation:XValidation:rule="!has(self.keepAddresses) || has(self.macAddress) || !has(self.addressMode) || self.addressMode in ['Static', 'Pool']",message="keepAddresses keeps addresses of Static and Pool and a given macAddress, and there is none: leave it out"
type VMNetwork struct {
	// name of the interface within the machine.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// pod attaches to the cluster's pod network, without an object of its own.
	// +optional
	Pod *PodNetwork `json:"pod,omitempty"`

	// networkRef names an existing WukongNetwork. It lives on when the machine is deleted.
	// +optional
	NetworkRef *LocalObjectReference `json:"networkRef,omitempty"`

	// template of a WukongNetwork that the machine stamps and owns.
	// +optional
	Template *NetworkTemplate `json:"template,omitempty"`

	// macAddress of the interface. Omitted, one is derived from the machine's UID and the interface's name: it never
	// changes during the machine's life. Shown in status.
	// +optional
	// +kubebuilder:validation:MinLength=17
	// +kubebuilder:validation:MaxLength=17
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$')",message="macAddress must be six bytes such as 02:00:00:12:34:56, and unicast (even first byte)"
	MACAddress string `json:"macAddress,omitempty"`

	// addressMode says how the guest gets its addresses. Omitted: Static with addresses, else Pool when a subnet of the network has a
	// pool, else DHCP. A machine that runs while its network gets a pool stays with DHCP until it is stopped.
	// +optional
	AddressMode AddressMode `json:"addressMode,omitempty"`

	// addresses of the interface: 192.168.10.5, or with a prefix length 192.168.10.5/24. Without one the network's subnet
	// gives it. Each must lie in a subnet of the network, when the network lists any.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Addresses []InterfaceAddress `json:"addresses,omitempty"`

	// keepAddresses reserves the interface's addresses of Pool and Static, and a given macAddress, for a machine of the same name when this
	// one is deleted. They are free again when the network is deleted, or an administrator deletes the WukongAddress.
	// +optional
	KeepAddresses *bool `json:"keepAddresses,omitempty"`

	// linkState is the virtual cable: Down pulls it out, also while the machine runs. Omitted, Up. A virtual function (SRIOV) has none.
	// +optional
	LinkState LinkState `json:"linkState,omitempty"`

	// addressDelivery says how an address of Static or Pool reaches the guest. Omitted, CloudInit. DHCP is what an interface needs that is added to a
	// running machine.
	// +optional
	AddressDelivery AddressDelivery `json:"addressDelivery,omitempty"`

	// bandwidth of the interface, on networks of type Bridge. Omitted, that of the network.
	// +optional
	Bandwidth *Bandwidth `json:"bandwidth,omitempty"`
}

// AddressDelivery says how an address of Static or Pool reaches the guest.
// +kubebuilder:validation:Enum=CloudInit;DHCP
type AddressDelivery string

const (
	// DeliverByCloudInit puts the address into cloud-init's network configuration, which the guest reads when it boots for the first time.
	DeliverByCloudInit AddressDelivery = "CloudInit"
	// DeliverByDHCP lets KubeVirt answer the guest's DHCP requests with the address, at any time: one IPv4 address on a network of type Bridge,
	// with the network's routes and without its gateway. The guest must ask: most do so by default on an interface that appears.
	DeliverByDHCP AddressDelivery = "DHCP"
)

// Bandwidth limits an interface, in bits per second.
//
// +kubebuilder:validation:MinProperties=1
type Bandwidth struct {
	// ingress limits what the guest receives, such as 10M for ten million bits per second, from 1k to 1T.
	// +optional
	Ingress *resource.Quantity `json:"ingress,omitempty"`

	// egress limits what the guest sends, such as 10M for ten million bits per second, from 1k to 1T.
	// +optional
	Egress *resource.Quantity `json:"egress,omitempty"`
}

// LinkState is the virtual cable of an interface.
// +kubebuilder:validation:Enum=Up;Down
type LinkState string

const (
	// LinkUp is a cable that is plugged in.
	LinkUp LinkState = "Up"
	// LinkDown is a cable that is pulled out.
	LinkDown LinkState = "Down"
)

// InterfaceAddress is an IP address with or without a prefix length.
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=43
// +kubebuilder:validation:XValidation:rule="isIP(self) || isCIDR(self)",message="must be an IP address, or one with a prefix length such as 192.168.10.5/24"
type InterfaceAddress string

// NetworkTemplate is what a WukongNetwork is stamped from.
type NetworkTemplate struct {
	// labels of the WukongNetwork.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Labels map[string]string `json:"labels,omitempty"`

	// spec of the WukongNetwork.
	// +required
	Spec WukongNetworkSpec `json:"spec,omitzero"`
}

// GPU is a PCI device that KubeVirt passes through.
type GPU struct {
	// name of the device within the machine.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// deviceName is the resource name of the device plugin, such as nvidia.com/TU104GL_Tesla_T4.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$`
	DeviceName string `json:"deviceName,omitempty"`
}

// WukongVM is a virtual machine. One manifest is enough for a machine that boots.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wkvm,categories=wukong-all
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="IP",type=string,JSONPath=`.status.primaryAddress`
// +kubebuilder:printcolumn:name="Node",type=string,JSONPath=`.status.nodeName`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Drain",type=string,priority=1,JSONPath=`.status.onDrain`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="the name of a WukongVM has at most 63 characters: it becomes the guest's host name and a label value"
// +kubebuilder:validation:XValidation:rule="!self.metadata.name.contains('.')",message="the name of a WukongVM contains no dot: it becomes the guest's host name"
type WukongVM struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the user asks for.
	// +required
	Spec WukongVMSpec `json:"spec,omitzero"`

	// status is what was observed.
	// +optional
	Status WukongVMStatus `json:"status,omitempty"`
}

// WukongVMList is a list of WukongVMs.
//
// +kubebuilder:object:root=true
type WukongVMList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WukongVM `json:"items"`
}

func init() { register(&WukongVM{}, &WukongVMList{}) }

// GetConditions implements Object.
func (o *WukongVM) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongVM) SetConditions(conditions []metav1.Condition) { o.Status.Conditions = conditions }

// GetPhase implements Object.
func (o *WukongVM) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongVM) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }
