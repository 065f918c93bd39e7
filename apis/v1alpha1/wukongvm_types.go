package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PowerState is the desired power state of a WukongVM.
// +kubebuilder:validation:Enum=Running;Stopped
type PowerState string

const (
	// PowerRunning starts the guest, and restarts it according to restartPolicy.
	PowerRunning PowerState = "Running"
	// PowerStopped shuts the guest down by ACPI, and kills it after the grace period.
	PowerStopped PowerState = "Stopped"
)

// RestartPolicy determines what happens when the guest stops on its own while powerState is Running.
// +kubebuilder:validation:Enum=Always;OnFailure;Never
type RestartPolicy string

const (
	// RestartAlways always starts the guest again (KubeVirt's runStrategy Always).
	RestartAlways RestartPolicy = "Always"
	// RestartOnFailure starts the guest again after a failure, but not after it shut itself down (runStrategy
	// RerunOnFailure).
	RestartOnFailure RestartPolicy = "OnFailure"
	// RestartNever does not start the guest again (runStrategy Once).
	RestartNever RestartPolicy = "Never"
)

// WukongVMSpec describes a virtual machine.
//
// +kubebuilder:validation:XValidation:rule="!has(self.disks) || self.disks.filter(d, has(d.boot) && d.boot).size() <= 1",message="at most one disk can have boot: true; without one, the first disk boots"
// +kubebuilder:validation:XValidation:rule="!has(self.disks) || self.disks.all(d, !has(d.serial) || !self.disks.exists(o, o.name != d.name && (has(o.serial) ? o.serial : o.name) == d.serial))",message="two disks have the same serial; without one, a disk has its name as serial"
// +kubebuilder:validation:XValidation:rule="!has(self.networks) || self.networks.filter(n, has(n.pod)).size() <= 1",message="at most one network can be the pod network"
// +kubebuilder:validation:XValidation:rule="!has(self.networks) || self.networks.all(n, !has(n.macAddress) || self.networks.exists_one(m, has(m.macAddress) && m.macAddress.lowerAscii() == n.macAddress.lowerAscii()))",message="two networks have the same macAddress"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.restore) || !has(self.restore) || self.restore.requestedAt != oldSelf.restore.requestedAt || self.restore == oldSelf.restore",message="a restore that was requested cannot change: give restore.requestedAt a later time, to request another one"
type WukongVMSpec struct {
	// wukongRef names the application that the WukongVM belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// powerState is the desired power state of the WukongVM.
	// +optional
	// +default="Running"
	PowerState PowerState `json:"powerState,omitempty"`

	// restartPolicy determines what happens when the guest stops on its own while powerState is Running.
	// +optional
	// +default="Always"
	RestartPolicy RestartPolicy `json:"restartPolicy,omitempty"`

	// cpu of the guest.
	// +optional
	// +default={"cores":1,"sockets":1,"threads":1}
	CPU CPU `json:"cpu,omitempty"`

	// memory of the guest.
	// +required
	Memory Memory `json:"memory,omitzero"`

	// resources of the virt-launcher pod, for namespaces whose quotas or LimitRanges require other values than those
	// that KubeVirt sets.
	// +optional
	Resources *PodResources `json:"resources,omitempty"`

	// firmware of the guest.
	// +optional
	Firmware *Firmware `json:"firmware,omitempty"`

	// disks of the WukongVM. Disks can be added while the guest runs, and disks that were added so can be removed while
	// it runs. If the entry of a disk with which the guest started is removed, the guest keeps the disk until it stops
	// or restarts. The order determines the order of the devices in the guest, for disks without a serial with which
	// the guest started.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Disks []VMDisk `json:"disks,omitempty"`

	// networks are the interfaces of the WukongVM. Omitted, one interface on the pod network.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Networks []VMNetwork `json:"networks,omitempty"`

	// services are the Services that reach the WukongVM.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Services []VMService `json:"services,omitempty"`

	// policy limits the traffic of the WukongVM's interface on the pod network, in addition to the policy of the
	// network. It does not apply to interfaces on other networks: use the guest's firewall there.
	// +optional
	Policy *TrafficPolicy `json:"policy,omitempty"`

	// cloudInit configures the first boot of the guest. Omitted, the guest gets only its host name and addresses.
	// +optional
	CloudInit *CloudInit `json:"cloudInit,omitempty"`

	// scheduling determines on which nodes the WukongVM may run.
	// +optional
	Scheduling *Scheduling `json:"scheduling,omitempty"`

	// gpus are GPUs and other PCI devices that are passed through to the guest.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	GPUs []GPU `json:"gpus,omitempty"`

	// terminationGracePeriodSeconds is the time, in seconds, that the guest has to shut down before it is killed.
	// +optional
	// +default=180
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`

	// cloneableFrom lists other namespaces whose WukongClones may clone this WukongVM with its disks; "*" means all
	// namespaces. The WukongVM's own namespace needs no grant. It may be changed at any time: a clone that has begun
	// continues. A grant permits the users of these namespaces to have temporary WukongSnapshots taken of the WukongVM,
	// one at a time for each namespace. They freeze the file systems of a running guest for a moment, and use the quota
	// of the WukongVM's namespace.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:XValidation:rule="self == '*' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="must be the name of a namespace, or * for all"
	CloneableFrom []string `json:"cloneableFrom,omitempty"`

	// restore replaces disks with those of a snapshot, once. If it is removed before the disks are replaced, the restore
	// is cancelled.
	// +optional
	Restore *VMRestore `json:"restore,omitempty"`
}

// CPU describes the processors of the guest. The guest sees sockets * cores * threads CPUs.
//
// +kubebuilder:validation:XValidation:rule="self.sockets * self.cores * self.threads <= 512",message="sockets * cores * threads is more than 512"
type CPU struct {
	// cores in each socket.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=512
	Cores int32 `json:"cores,omitempty"`

	// sockets of the guest.
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

	// model of the processor, with its name in libvirt, or host-model or host-passthrough. Omitted, the cluster's
	// default.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Model string `json:"model,omitempty"`

	// dedicated pins every virtual CPU to a physical CPU. The node must run the CPU manager.
	// +optional
	Dedicated *bool `json:"dedicated,omitempty"`
}

// Memory describes the memory of the guest.
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

// PodResources are the resource requests and limits of the virt-launcher pod. KubeVirt adds its own overhead to the
// memory. Omitted, KubeVirt requests the memory of the guest and, for each virtual CPU, a tenth of a core or the share
// that the cluster's cpuAllocationRatio defines. A change takes effect at the next start of the guest.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.requests) || !has(self.limits) || !has(self.requests.cpu) || !has(self.limits.cpu) || quantity(string(self.requests.cpu)).compareTo(quantity(string(self.limits.cpu))) <= 0",message="requests.cpu is more than limits.cpu"
// +kubebuilder:validation:XValidation:rule="!has(self.requests) || !has(self.limits) || !has(self.requests.memory) || !has(self.limits.memory) || quantity(string(self.requests.memory)).compareTo(quantity(string(self.limits.memory))) <= 0",message="requests.memory is more than limits.memory"
type PodResources struct {
	// requests of the pod. If they are less than the memory of the guest, memory is overcommitted, and the node may run
	// out of it.
	// +optional
	Requests *ResourceAmounts `json:"requests,omitempty"`

	// limits of the pod. A guest that reaches the memory limit is killed. The limit must include what QEMU needs in
	// addition to the guest's memory.
	// +optional
	Limits *ResourceAmounts `json:"limits,omitempty"`
}

// ResourceAmounts are amounts of CPU and memory.
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
	// BootloaderUEFISecureBoot is OVMF with secure boot, and with System Management Mode, which secure boot needs.
	BootloaderUEFISecureBoot Bootloader = "UEFISecureBoot"
)

// Firmware describes the firmware of the guest, and its identity in SMBIOS.
type Firmware struct {
	// bootloader that starts the guest. Omitted, BIOS.
	// +optional
	Bootloader Bootloader `json:"bootloader,omitempty"`

	// uuid of the guest in SMBIOS. Omitted, the WukongVM's UID, which never changes.
	// +optional
	// +kubebuilder:validation:MaxLength=36
	// +kubebuilder:validation:Pattern=`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`
	UUID string `json:"uuid,omitempty"`

	// serial number of the guest in SMBIOS. Omitted, the WukongVM's UID.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[-_.a-zA-Z0-9]+$`
	Serial string `json:"serial,omitempty"`
}

// DiskBus is the bus of a disk in the guest.
// +kubebuilder:validation:Enum=virtio;scsi;sata
type DiskBus string

// DiskType is the type of the device that the guest sees.
// +kubebuilder:validation:Enum=Disk;CDROM
type DiskType string

const (
	// DiskTypeDisk is a hard disk.
	DiskTypeDisk DiskType = "Disk"
	// DiskTypeCDROM is a CD-ROM drive. It has a read-only medium, which can be changed, or is empty.
	DiskTypeCDROM DiskType = "CDROM"
)

// VMDisk is a disk of a WukongVM: a reference to a WukongDisk, or a template from which one is created. A CD-ROM drive
// may have neither; it is then empty.
//
// +kubebuilder:validation:AtMostOneOf=diskRef;template
// +kubebuilder:validation:XValidation:rule="has(self.diskRef) || has(self.template) || (has(self.type) && self.type == 'CDROM')",message="a disk needs diskRef or template; only a drive of type CDROM may be empty"
type VMDisk struct {
	// name of the disk within the WukongVM.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:XValidation:rule="self != 'cloudinit'",message="the name cloudinit is taken by the cloud-init disk"
	Name string `json:"name,omitempty"`

	// diskRef names an existing WukongDisk. It is not deleted with the WukongVM.
	// +optional
	DiskRef *LocalObjectReference `json:"diskRef,omitempty"`

	// template from which a WukongDisk is created. The WukongVM owns it.
	// +optional
	Template *DiskTemplate `json:"template,omitempty"`

	// type is the type of the device that the guest sees: a Disk, or a CDROM drive. The medium of a drive can be
	// inserted, changed and ejected while the guest runs, by a change of diskRef or template. Adding or removing the
	// drive itself needs a restart.
	// +optional
	// +default="Disk"
	Type DiskType `json:"type,omitempty"`

	// boot makes the guest boot from this disk. If no disk has it, the guest boots from the first disk that is not a
	// CD-ROM. The boot disk cannot be removed from a running guest.
	// +optional
	Boot *bool `json:"boot,omitempty"`

	// bus of the disk in the guest. Disks on virtio and scsi can be added while the guest runs; disks on sata need a
	// restart. A CDROM drive is on sata unless bus is scsi.
	// +optional
	// +default="virtio"
	Bus DiskBus `json:"bus,omitempty"`

	// serial number that the guest sees, at most 36 characters. Omitted, the name of the disk in this list, so that
	// /dev/disk/by-id/virtio-NAME is stable in a Linux guest. If the name has more than 20 characters, the serial
	// number is its first 11 characters, a hyphen and a digest.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=36
	// +kubebuilder:validation:Pattern=`^[-_.a-zA-Z0-9]+$`
	Serial string `json:"serial,omitempty"`

	// readOnly attaches the disk read-only.
	// +optional
	ReadOnly *bool `json:"readOnly,omitempty"`
}

// DiskTemplate is a template from which a WukongDisk is created.
type DiskTemplate struct {
	// labels of the WukongDisk.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Labels map[string]string `json:"labels,omitempty"`

	// spec of the WukongDisk.
	// +required
	Spec WukongDiskSpec `json:"spec,omitzero"`
}

// AddressMode determines how the guest gets the addresses of an interface.
// +kubebuilder:validation:Enum=DHCP;Static;Pool;None
type AddressMode string

const (
	// AddressDHCP requests an IPv4 address from a DHCP server; IPv6 addresses are configured by router advertisement.
	AddressDHCP AddressMode = "DHCP"
	// AddressStatic sets the addresses in the field addresses.
	AddressStatic AddressMode = "Static"
	// AddressPooled assigns one address of each address family for which the network has a pool. The WukongVM keeps it
	// until it is deleted.
	AddressPooled AddressMode = "Pool"
	// AddressNone leaves the interface without an address.
	AddressNone AddressMode = "None"
)

// VMNetwork is an interface of a WukongVM. Its network is the pod network, a reference to a WukongNetwork, or a
// template from which one is created.
//
// +kubebuilder:validation:ExactlyOneOf=pod;networkRef;template
// +kubebuilder:validation:XValidation:rule="!has(self.pod) || (!has(self.addresses) && !has(self.keepAddresses) && (!has(self.addressMode) || self.addressMode == 'DHCP'))",message="the pod network gives the guest its address by DHCP: leave out addresses, addressMode and keepAddresses"
// +kubebuilder:validation:XValidation:rule="has(self.addresses) == (has(self.addressMode) ? self.addressMode == 'Static' : has(self.addresses))",message="addresses belong to addressMode Static, and it needs them"
// +kubebuilder:validation:XValidation:rule="!has(self.pod) || (!has(self.bandwidth) && !has(self.addressDelivery))",message="bandwidth and addressDelivery are for networks of type Bridge: the pod network is the cluster's, leave them out"
// +kubebuilder:validation:XValidation:rule="!has(self.keepAddresses) || has(self.macAddress) || !has(self.addressMode) || self.addressMode in ['Static', 'Pool']",message="keepAddresses keeps addresses of Static and Pool and a given macAddress, and there is none: leave it out"
type VMNetwork struct {
	// name of the interface within the WukongVM.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// pod connects the interface to the cluster's pod network, without a WukongNetwork.
	// +optional
	Pod *PodNetwork `json:"pod,omitempty"`

	// networkRef names an existing WukongNetwork. It is not deleted with the WukongVM.
	// +optional
	NetworkRef *LocalObjectReference `json:"networkRef,omitempty"`

	// template from which a WukongNetwork is created. The WukongVM owns it.
	// +optional
	Template *NetworkTemplate `json:"template,omitempty"`

	// macAddress of the interface. Omitted, one is derived from the UID of the WukongVM and the name of the interface,
	// so that it never changes. status.networks reports it.
	// +optional
	// +kubebuilder:validation:MinLength=17
	// +kubebuilder:validation:MaxLength=17
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$')",message="macAddress must be six bytes such as 02:00:00:12:34:56, and unicast (even first byte)"
	MACAddress string `json:"macAddress,omitempty"`

	// addressMode determines how the guest gets its addresses. Omitted, Static if addresses is set, else Pool if a
	// subnet of the network has a pool, else DHCP. If the network gets a pool while the guest runs, the interface keeps
	// using DHCP until the guest stops.
	// +optional
	AddressMode AddressMode `json:"addressMode,omitempty"`

	// addresses of the interface: 192.168.10.5, or with a prefix length 192.168.10.5/24. Without a prefix length, the
	// subnet of the network determines it. Each address must be in a subnet of the network, if the network lists any.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Addresses []InterfaceAddress `json:"addresses,omitempty"`

	// keepAddresses reserves the interface's addresses of Pool and Static, and macAddress if it is set, for a WukongVM
	// of the same name after this one is deleted. They become free when the network is deleted, or when an
	// administrator deletes the WukongAddress.
	// +optional
	KeepAddresses *bool `json:"keepAddresses,omitempty"`

	// linkState is the state of the virtual cable: Down unplugs it, also while the guest runs. Omitted, Up. It does not
	// apply to a virtual function (SRIOV).
	// +optional
	LinkState LinkState `json:"linkState,omitempty"`

	// addressDelivery determines how an address of Static or Pool is configured in the guest. Omitted, CloudInit. An
	// interface that is added to a running guest needs DHCP.
	// +optional
	AddressDelivery AddressDelivery `json:"addressDelivery,omitempty"`

	// bandwidth of the interface, on networks of type Bridge. Omitted, the bandwidth of the network.
	// +optional
	Bandwidth *Bandwidth `json:"bandwidth,omitempty"`
}

// AddressDelivery determines how an address of Static or Pool is configured in the guest.
// +kubebuilder:validation:Enum=CloudInit;DHCP
type AddressDelivery string

const (
	// DeliverByCloudInit puts the address into cloud-init's network configuration, which the guest reads at its first
	// boot.
	DeliverByCloudInit AddressDelivery = "CloudInit"
	// DeliverByDHCP makes KubeVirt answer the guest's DHCP requests with the address, at any time: one IPv4 address on
	// a network of type Bridge, with the routes of the network and without its gateway. The guest must send a DHCP
	// request: most guests do so by default on a new interface.
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

// LinkState is the state of the virtual cable of an interface.
// +kubebuilder:validation:Enum=Up;Down
type LinkState string

const (
	// LinkUp means that the cable is plugged in.
	LinkUp LinkState = "Up"
	// LinkDown means that the cable is unplugged.
	LinkDown LinkState = "Down"
)

// InterfaceAddress is an IP address with or without a prefix length.
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=43
// +kubebuilder:validation:XValidation:rule="isIP(self) || isCIDR(self)",message="must be an IP address, or one with a prefix length such as 192.168.10.5/24"
type InterfaceAddress string

// NetworkTemplate is a template from which a WukongNetwork is created.
type NetworkTemplate struct {
	// labels of the WukongNetwork.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Labels map[string]string `json:"labels,omitempty"`

	// spec of the WukongNetwork.
	// +required
	Spec WukongNetworkSpec `json:"spec,omitzero"`
}

// GPU is a PCI device, such as a GPU, that KubeVirt passes through to the guest.
type GPU struct {
	// name of the device within the WukongVM.
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

// WukongVM is a virtual machine. One WukongVM is enough to boot a guest: it can contain its disks and networks as
// templates.
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
// +kubebuilder:printcolumn:name="Restore",type=string,priority=1,JSONPath=`.status.restore.phase`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="the name of a WukongVM has at most 63 characters: it becomes the guest's host name and a label value"
// +kubebuilder:validation:XValidation:rule="!self.metadata.name.contains('.')",message="the name of a WukongVM contains no dot: it becomes the guest's host name"
type WukongVM struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec WukongVMSpec `json:"spec,omitzero"`

	// status is the observed state.
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
