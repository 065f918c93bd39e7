package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DrainEffect is what happens to a guest when its node is drained.
// +kubebuilder:validation:Enum=Migrates;ShutsDown;Blocks
type DrainEffect string

const (
	// DrainMigrates means that the guest migrates to another node.
	DrainMigrates DrainEffect = "Migrates"
	// DrainShutsDown means that the guest is shut down, and started on another node if it is to keep running.
	DrainShutsDown DrainEffect = "ShutsDown"
	// DrainBlocks means that the drain waits until a user stops or migrates the guest.
	DrainBlocks DrainEffect = "Blocks"
)

// WukongVMStatus is the observed state of a WukongVM. It is computed again from scratch each time.
type WukongVMStatus struct {
	// conditions: Ready, DisksReady, NetworksReady, CloudInitReady, ServicesReady, Synchronized, GuestAgentConnected,
	// LiveMigratable, RestartRequired, Restored, UmbrellaLinked.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +wukong:hint
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status describes.
	// +optional
	// +wukong:hint
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// phase is a one-word summary for users.
	// +optional
	// +wukong:hint
	Phase Phase `json:"phase,omitempty"`

	// nodeName is the node on which the guest runs; empty if it does not run.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	NodeName string `json:"nodeName,omitempty"`

	// onDrain is what happens to the guest when its node is drained: Migrates to another node, ShutsDown, or Blocks the
	// drain. It depends on scheduling.evictionStrategy, or the cluster's default, and on whether the guest can migrate.
	// Empty if the guest does not run.
	// +optional
	OnDrain DrainEffect `json:"onDrain,omitempty"`

	// primaryAddress is the first address of the first network that has one.
	// +optional
	// +kubebuilder:validation:MaxLength=39
	PrimaryAddress string `json:"primaryAddress,omitempty"`

	// machineUUID is the firmware UUID of the guest.
	// +optional
	// +kubebuilder:validation:MaxLength=36
	MachineUUID string `json:"machineUUID,omitempty"`

	// restore is the last restore of disks from a snapshot. Absent without spec.restore, once it has ended.
	// +optional
	// +wukong:handshake
	Restore *VMRestoreStatus `json:"restore,omitempty"`

	// guest is what the guest agent reports about the operating system.
	// +optional
	// +wukong:hint
	Guest *GuestStatus `json:"guest,omitempty"`

	// networks are the interfaces of the WukongVM, in the order of spec.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Networks []VMNetworkStatus `json:"networks,omitempty"`

	// disks of the WukongVM, in the order of spec, followed by those that the guest still has although spec no longer
	// lists them.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	// +wukong:handshake
	Disks []VMDiskStatus `json:"disks,omitempty"`

	// services of the WukongVM that exist, in the order of spec.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Services []VMServiceStatus `json:"services,omitempty"`
}

// GuestStatus is what the guest agent reports.
type GuestStatus struct {
	// operatingSystem of the guest, such as "Debian GNU/Linux 13 (trixie)".
	// +optional
	// +kubebuilder:validation:MaxLength=253
	OperatingSystem string `json:"operatingSystem,omitempty"`

	// kernelRelease of the guest.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	KernelRelease string `json:"kernelRelease,omitempty"`

	// fileSystems that the guest has mounted. They do not grow automatically when a disk grows: cloud-init's growpart
	// expands them at the next boot, or a user does. The list is updated when other status of the WukongVM changes, and
	// every five minutes.
	// +optional
	// +listType=map
	// +listMapKey=mountPoint
	// +kubebuilder:validation:MaxItems=32
	FileSystems []GuestFileSystem `json:"fileSystems,omitempty"`
}

// GuestFileSystem is a file system that the guest has mounted.
type GuestFileSystem struct {
	// mountPoint in the guest, such as "/" or "C:\\".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	MountPoint string `json:"mountPoint,omitempty"`

	// type of the file system, such as ext4.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Type string `json:"type,omitempty"`

	// capacity of the file system, in bytes.
	// +optional
	Capacity *resource.Quantity `json:"capacity,omitempty"`

	// disks are the names in spec.disks of the disks that contain the file system, found by their serial numbers.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=40
	Disks []string `json:"disks,omitempty"`
}

// VMNetworkStatus is the state of an interface of a WukongVM.
type VMNetworkStatus struct {
	// name of the interface in spec.networks.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Name string `json:"name,omitempty"`

	// networkName is the WukongNetwork; empty for the pod network.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	NetworkName string `json:"networkName,omitempty"`

	// attachment is the NetworkAttachmentDefinition, as namespace/name; empty for the pod network.
	// +optional
	// +kubebuilder:validation:MaxLength=317
	Attachment string `json:"attachment,omitempty"`

	// macAddress of the interface: set in spec or derived, and fixed before the first boot.
	// +optional
	// +kubebuilder:validation:MaxLength=17
	MACAddress string `json:"macAddress,omitempty"`

	// interfaceName is the name of the interface in the guest, if the guest agent reports it.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	InterfaceName string `json:"interfaceName,omitempty"`

	// addresses that were observed on the interface.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	Addresses []string `json:"addresses,omitempty"`

	// addressSources are all addresses of the interface, each with its source: the addresses that the guest agent and
	// KubeVirt report, and the addresses that are assigned to the interface, whether or not they were observed.
	// +optional
	// +listType=map
	// +listMapKey=address
	// +kubebuilder:validation:MaxItems=32
	AddressSources []VMAddress `json:"addressSources,omitempty"`

	// linkState of the interface: up or down.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	LinkState string `json:"linkState,omitempty"`

	// state reports whether the running guest has the interface. Empty while the WukongVM is stopped.
	// +optional
	State VMNetworkState `json:"state,omitempty"`

	// message reports what the interface waits for.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// VMNetworkState reports whether the running guest has an interface.
// +kubebuilder:validation:Enum=Waiting;Attaching;Attached;Detaching;RestartNeeded
type VMNetworkState string

const (
	// VMNetworkWaiting is an interface that is not being plugged in yet: its network is missing, or the guest is still
	// starting.
	VMNetworkWaiting VMNetworkState = "Waiting"
	// VMNetworkAttaching is an interface that KubeVirt is plugging in, by a live migration.
	VMNetworkAttaching VMNetworkState = "Attaching"
	// VMNetworkAttached is an interface that the guest has.
	VMNetworkAttached VMNetworkState = "Attached"
	// VMNetworkDetaching is an interface that is being unplugged.
	VMNetworkDetaching VMNetworkState = "Detaching"
	// VMNetworkRestartNeeded is an interface with a change that cannot be made while the guest runs. It takes effect at
	// the next start.
	VMNetworkRestartNeeded VMNetworkState = "RestartNeeded"
)

// VMAddress is an address of an interface.
type VMAddress struct {
	// address, without a prefix length.
	// +required
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=39
	Address string `json:"address,omitempty"`

	// source is where the address is known from.
	// +required
	Source VMAddressSource `json:"source,omitempty"`
}

// VMAddressSource is where an address of an interface is known from.
// +kubebuilder:validation:Enum=Agent;Status;Allocation
type VMAddressSource string

const (
	// VMAddressAgent is an address that the guest agent reports.
	VMAddressAgent VMAddressSource = "Agent"
	// VMAddressStatus is an address that KubeVirt reports without a guest agent, such as the address of the pod.
	VMAddressStatus VMAddressSource = "Status"
	// VMAddressAllocation is an address that is assigned to the interface, in spec or from a pool, but was not observed
	// yet.
	VMAddressAllocation VMAddressSource = "Allocation"
)

// DiskAttachment reports whether the running guest has a disk.
// +kubebuilder:validation:Enum=Waiting;Attaching;Attached;Detaching
type DiskAttachment string

const (
	// DiskWaiting is a disk that is not being plugged in yet: it is missing, assigned to another WukongVM, or needs a
	// restart of the guest.
	DiskWaiting DiskAttachment = "Waiting"
	// DiskAttaching is a disk that KubeVirt is attaching to the node and plugging into the guest.
	DiskAttaching DiskAttachment = "Attaching"
	// DiskAttached is a disk that the guest can use.
	DiskAttached DiskAttachment = "Attached"
	// DiskDetaching is a disk that spec no longer lists, but that the guest still has.
	DiskDetaching DiskAttachment = "Detaching"
)

// VMDiskStatus is the state of a disk of a WukongVM.
type VMDiskStatus struct {
	// name of the disk in spec.disks.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Name string `json:"name,omitempty"`

	// diskName is the WukongDisk that the WukongVM uses under this name; empty for an empty drive.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	DiskName string `json:"diskName,omitempty"`

	// claimName is the PersistentVolumeClaim of the disk; while the guest runs, the one that it actually uses.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ClaimName string `json:"claimName,omitempty"`

	// phase of the WukongDisk.
	// +optional
	Phase DiskPhase `json:"phase,omitempty"`

	// capacity of the claim, in bytes.
	// +optional
	Capacity *resource.Quantity `json:"capacity,omitempty"`

	// attachment reports whether the running guest has the disk; empty while it does not run.
	// +optional
	Attachment DiskAttachment `json:"attachment,omitempty"`

	// message reports what attaching or detaching the disk does or waits for.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// guestSize is the size of the disk in the guest, in bytes, as KubeVirt reports it for the claim; empty while the
	// guest does not run.
	// +optional
	GuestSize *resource.Quantity `json:"guestSize,omitempty"`

	// target is the device name that KubeVirt assigned to the disk, such as vda.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Target string `json:"target,omitempty"`

	// move is the WukongVM's part in a move of the disk to another StorageClass, while the disk requests one.
	// +optional
	Move *VMDiskMove `json:"move,omitempty"`
}

// VMDiskMoveState is the state of the WukongVM's part in a move of one of its disks.
// +kubebuilder:validation:Enum=Accepted;Refused;Released;Migrating;Moved;Withdrawn;Undecided
type VMDiskMoveState string

// States of the WukongVM's part in a move.
const (
	// VMDiskMoveAccepted: the running guest can migrate the volume, and waits for the new claim, or for another
	// migration to end.
	VMDiskMoveAccepted VMDiskMoveState = "Accepted"
	// VMDiskMoveRefused: the running guest cannot migrate the volume; the message explains why.
	VMDiskMoveRefused VMDiskMoveState = "Refused"
	// VMDiskMoveReleased: the WukongVM is stopped, and does not start before the disk is copied.
	VMDiskMoveReleased VMDiskMoveState = "Released"
	// VMDiskMoveMigrating: the VirtualMachine refers to the new claim, and the guest writes to the old claim, or to
	// both.
	VMDiskMoveMigrating VMDiskMoveState = "Migrating"
	// VMDiskMoveMoved: the new claim has all data that the guest wrote. The old claim is out of date.
	VMDiskMoveMoved VMDiskMoveState = "Moved"
	// VMDiskMoveWithdrawn: the VirtualMachine refers only to the old claim, and will not use the new one.
	VMDiskMoveWithdrawn VMDiskMoveState = "Withdrawn"
	// VMDiskMoveUndecided: the guest stopped, and it is unknown whether KubeVirt had begun, and finished, migrating the
	// volume.
	VMDiskMoveUndecided VMDiskMoveState = "Undecided"
)

// VMDiskMove is the WukongVM's part in the move of a disk.
type VMDiskMove struct {
	// targetClaimName is the PersistentVolumeClaim that the disk moves to.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	TargetClaimName string `json:"targetClaimName,omitempty"`

	// state is the state of the WukongVM's part in the move.
	// +required
	State VMDiskMoveState `json:"state,omitempty"`

	// message explains why the WukongVM refuses the move, or waits.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}
