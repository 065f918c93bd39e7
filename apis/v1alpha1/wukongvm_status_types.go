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
	// DrainShutsDown means that the guest is shut down, and started on another node if it is to run.
	DrainShutsDown DrainEffect = "ShutsDown"
	// DrainBlocks means that the drain waits until somebody stops or moves the guest.
	DrainBlocks DrainEffect = "Blocks"
)

// WukongVMStatus is what was observed of the machine. It is computed anew each time and steers nothing.
type WukongVMStatus struct {
	// conditions: Ready, DisksReady, NetworksReady, CloudInitReady, ServicesReady, Synchronized, GuestAgentConnected, LiveMigratable,
	// RestartRequired, UmbrellaLinked.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +wukong:hint
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	// +wukong:hint
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// phase is a one-word summary for people.
	// +optional
	// +wukong:hint
	Phase Phase `json:"phase,omitempty"`

	// nodeName is the node that the machine runs on; empty when it does not run.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	NodeName string `json:"nodeName,omitempty"`

	// onDrain is what happens to the guest when its node is drained: Migrates to another node, ShutsDown, or Blocks the drain.
	// It follows from scheduling.evictionStrategy, or the cluster's default, and from whether the guest can migrate. Empty when
	// it does not run.
	// +optional
	OnDrain DrainEffect `json:"onDrain,omitempty"`

	// primaryAddress is the first address of the first network that has one.
	// +optional
	// +kubebuilder:validation:MaxLength=39
	PrimaryAddress string `json:"primaryAddress,omitempty"`

	// machineUUID is the firmware UUID of the machine.
	// +optional
	// +kubebuilder:validation:MaxLength=36
	MachineUUID string `json:"machineUUID,omitempty"`

	// guest is what the guest agent says of the operating system.
	// +optional
	// +wukong:hint
	Guest *GuestStatus `json:"guest,omitempty"`

	// networks of the machine, in the order of spec.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Networks []VMNetworkStatus `json:"networks,omitempty"`

	// disks of the machine, in the order of spec, and after them those that the machine still has though spec lists them no more.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	// +wukong:handshake
	Disks []VMDiskStatus `json:"disks,omitempty"`

	// services of the machine, in the order of spec, as far as they exist.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Services []VMServiceStatus `json:"services,omitempty"`
}

// GuestStatus is what the guest agent says.
type GuestStatus struct {
	// operatingSystem of the guest, such as "Debian GNU/Linux 13 (trixie)".
	// +optional
	// +kubebuilder:validation:MaxLength=253
	OperatingSystem string `json:"operatingSystem,omitempty"`

	// kernelRelease of the guest.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	KernelRelease string `json:"kernelRelease,omitempty"`

	// fileSystems that the guest has mounted. A disk that grew does not grow them by itself: cloud-init's growpart does at the next boot,
	// or a person does. Read when something else about the machine changes, and every five minutes.
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

	// disks of spec.disks that it lies on, found by their serial numbers.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=40
	Disks []string `json:"disks,omitempty"`
}

// VMNetworkStatus is an interface of the machine.
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

	// macAddress of the interface: given or derived, fixed before the first boot.
	// +optional
	// +kubebuilder:validation:MaxLength=17
	MACAddress string `json:"macAddress,omitempty"`

	// interfaceName in the guest, when the guest agent says it.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	InterfaceName string `json:"interfaceName,omitempty"`

	// addresses that were observed.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	Addresses []string `json:"addresses,omitempty"`

	// addressSources are all addresses of the interface with where each is known from: what the guest agent and KubeVirt report,
	// and what the machine was given, whether or not it is seen.
	// +optional
	// +listType=map
	// +listMapKey=address
	// +kubebuilder:validation:MaxItems=32
	AddressSources []VMAddress `json:"addressSources,omitempty"`

	// linkState of the interface: up or down.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	LinkState string `json:"linkState,omitempty"`

	// state says whether a running machine has the interface. Empty while the machine is stopped.
	// +optional
	State VMNetworkState `json:"state,omitempty"`

	// message says what the interface waits for.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// VMNetworkState says whether a running machine has an interface.
// +kubebuilder:validation:Enum=Waiting;Attaching;Attached;Detaching;RestartNeeded
type VMNetworkState string

const (
	// VMNetworkWaiting is an interface that is not on its way yet: its network is missing, or the machine still starts.
	VMNetworkWaiting VMNetworkState = "Waiting"
	// VMNetworkAttaching is an interface that KubeVirt plugs in, by a live migration.
	VMNetworkAttaching VMNetworkState = "Attaching"
	// VMNetworkAttached is an interface that the guest has.
	VMNetworkAttached VMNetworkState = "Attached"
	// VMNetworkDetaching is an interface that the guest loses.
	VMNetworkDetaching VMNetworkState = "Detaching"
	// VMNetworkRestartNeeded is a change that cannot be made while the machine runs. It is made when the machine starts again.
	VMNetworkRestartNeeded VMNetworkState = "RestartNeeded"
)

// VMAddress is an address of an interface.
type VMAddress struct {
	// address, without a prefix length.
	// +required
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=39
	Address string `json:"address,omitempty"`

	// source says where it is known from.
	// +required
	Source VMAddressSource `json:"source,omitempty"`
}

// VMAddressSource says where an address of an interface is known from.
// +kubebuilder:validation:Enum=Agent;Status;Allocation
type VMAddressSource string

const (
	// VMAddressAgent is an address that the guest agent reports.
	VMAddressAgent VMAddressSource = "Agent"
	// VMAddressStatus is an address that KubeVirt knows without an agent, as that of the pod.
	VMAddressStatus VMAddressSource = "Status"
	// VMAddressAllocation is an address that the machine was given, in spec or from a pool, and that nothing has reported yet.
	VMAddressAllocation VMAddressSource = "Allocation"
)

// DiskAttachment says whether a running machine has a disk.
// +kubebuilder:validation:Enum=Waiting;Attaching;Attached;Detaching
type DiskAttachment string

const (
	// DiskWaiting is a disk that is not on its way yet: it is missing, belongs to another machine, or needs a restart of this one.
	DiskWaiting DiskAttachment = "Waiting"
	// DiskAttaching is a disk that KubeVirt brings to the node and into the machine.
	DiskAttaching DiskAttachment = "Attaching"
	// DiskAttached is a disk that the guest can use.
	DiskAttached DiskAttachment = "Attached"
	// DiskDetaching is a disk that spec lists no more, and that the machine still has.
	DiskDetaching DiskAttachment = "Detaching"
)

// VMDiskStatus is a disk of the machine.
type VMDiskStatus struct {
	// name of the disk in spec.disks.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Name string `json:"name,omitempty"`

	// diskName is the WukongDisk that the machine has under this name; empty for an empty drive.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	DiskName string `json:"diskName,omitempty"`

	// claimName is the PersistentVolumeClaim: of a running machine the one that it really uses.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ClaimName string `json:"claimName,omitempty"`

	// phase of the WukongDisk.
	// +optional
	Phase DiskPhase `json:"phase,omitempty"`

	// capacity of the claim, in bytes.
	// +optional
	Capacity *resource.Quantity `json:"capacity,omitempty"`

	// attachment says whether the running machine has the disk; empty while it does not run.
	// +optional
	Attachment DiskAttachment `json:"attachment,omitempty"`

	// message says what attaching or detaching does or waits for.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// guestSize is the size of the disk that the guest sees, in bytes, by what KubeVirt says of its claim; empty while the
	// machine does not run.
	// +optional
	GuestSize *resource.Quantity `json:"guestSize,omitempty"`

	// target is the device in the machine that KubeVirt gave the disk, such as vda.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Target string `json:"target,omitempty"`

	// move is the machine's answer to a move of the disk to another StorageClass, while one is asked for.
	// +optional
	Move *VMDiskMove `json:"move,omitempty"`
}

// VMDiskMoveState is what a machine does about a move of one of its disks.
// +kubebuilder:validation:Enum=Accepted;Refused;Released;Migrating;Moved;Withdrawn;Undecided
type VMDiskMoveState string

// States of a move, as the machine has them.
const (
	// VMDiskMoveAccepted: the running machine can migrate the volume, and waits for the new claim, or for its turn.
	VMDiskMoveAccepted VMDiskMoveState = "Accepted"
	// VMDiskMoveRefused: the running machine cannot migrate the volume; the message says why.
	VMDiskMoveRefused VMDiskMoveState = "Refused"
	// VMDiskMoveReleased: the machine is stopped, and does not start before the disk is copied.
	VMDiskMoveReleased VMDiskMoveState = "Released"
	// VMDiskMoveMigrating: the VirtualMachine has the new claim, and the guest writes to the old one, or to both.
	VMDiskMoveMigrating VMDiskMoveState = "Migrating"
	// VMDiskMoveMoved: the new claim has all that the guest wrote. The old one is out of date.
	VMDiskMoveMoved VMDiskMoveState = "Moved"
	// VMDiskMoveWithdrawn: the machine has only the old claim, and does not take the new one any more.
	VMDiskMoveWithdrawn VMDiskMoveState = "Withdrawn"
	// VMDiskMoveUndecided: the machine ended, and nothing says whether KubeVirt had begun to migrate, and finished.
	VMDiskMoveUndecided VMDiskMoveState = "Undecided"
)

// VMDiskMove is the machine's side of the move of a disk.
type VMDiskMove struct {
	// targetClaimName is the PersistentVolumeClaim that the disk moves to.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	TargetClaimName string `json:"targetClaimName,omitempty"`

	// state is what the machine does about the move.
	// +required
	State VMDiskMoveState `json:"state,omitempty"`

	// message says why the machine refuses or waits.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}
