package v1alpha1

// TrafficPolicy limits the traffic of a WukongVM on the pod network. It becomes a NetworkPolicy for the virt-launcher
// pod, with the meaning of https://kubernetes.io/docs/concepts/services-networking/network-policies/: a direction with
// rules allows only the traffic that one of the rules allows, and the replies to it; a direction without rules allows
// all traffic, unless defaultDeny names it. The node of the WukongVM can always reach it, for probes and consoles.
//
// +kubebuilder:validation:MinProperties=1
type TrafficPolicy struct {
	// defaultDeny denies all traffic of a direction that no rule allows, also if there is no rule. Omitted, only
	// directions with rules deny traffic. A WukongVM whose egress is denied needs rules for DNS, and for the servers
	// from which it gets its software.
	// +optional
	DefaultDeny TrafficDirection `json:"defaultDeny,omitempty"`

	// ingress lists the allowed incoming traffic.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Ingress []TrafficRule `json:"ingress,omitempty"`

	// egress lists the allowed outgoing traffic.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Egress []TrafficRule `json:"egress,omitempty"`
}

// TrafficDirection is the direction of traffic, as seen by the WukongVM.
// +kubebuilder:validation:Enum=Ingress;Egress;Both
type TrafficDirection string

const (
	// TrafficIngress is incoming traffic.
	TrafficIngress TrafficDirection = "Ingress"
	// TrafficEgress is outgoing traffic.
	TrafficEgress TrafficDirection = "Egress"
	// TrafficBoth is both directions.
	TrafficBoth TrafficDirection = "Both"
)

// TrafficRule allows traffic with any of its peers on any of its ports.
//
// +kubebuilder:validation:MinProperties=1
type TrafficRule struct {
	// peers at the other end. Omitted, all peers.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Peers []TrafficPeer `json:"peers,omitempty"`

	// ports that are the destination of the traffic: of the WukongVM for ingress, of the peer for egress. Omitted, all
	// ports.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Ports []TrafficPort `json:"ports,omitempty"`
}

// TrafficPeer selects the other end of the traffic.
//
// +kubebuilder:validation:XValidation:rule="has(self.ipBlock) != (has(self.podSelector) || has(self.namespaceSelector))",message="a peer is either an ipBlock, or what podSelector and namespaceSelector select"
type TrafficPeer struct {
	// podSelector selects WukongVMs and pods by their labels. The labels of a WukongVM are those of its
	// spec.scheduling.labels, and vmi.kubevirt.io/id, whose value is its name. An empty selector selects all.
	// +optional
	PodSelector *LabelSelector `json:"podSelector,omitempty"`

	// namespaceSelector selects the namespaces in which podSelector applies; without podSelector, all WukongVMs and
	// pods in these namespaces. Omitted, the WukongVM's own namespace.
	// +optional
	NamespaceSelector *LabelSelector `json:"namespaceSelector,omitempty"`

	// ipBlock is a range of addresses of hosts outside of the cluster. It is not suitable for pods, because their
	// addresses change.
	// +optional
	IPBlock *IPBlock `json:"ipBlock,omitempty"`
}

// IPBlock is a range of addresses, with exceptions.
type IPBlock struct {
	// cidr of the range, such as 192.168.10.0/24 or fd00:10::/64.
	// +required
	CIDR PolicyCIDR `json:"cidr,omitempty"`

	// except are the parts of the range that are excluded.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Except []PolicyCIDR `json:"except,omitempty"`
}

// PolicyCIDR is a network with prefix length.
// +kubebuilder:validation:MinLength=4
// +kubebuilder:validation:MaxLength=43
// +kubebuilder:validation:XValidation:rule="isCIDR(self) && cidr(self) == cidr(self).masked()",message="must be a network address with prefix length and no host bits, for example 192.168.10.0/24"
type PolicyCIDR string

// TrafficPort is a port, or a range of ports.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.endPort) || (has(self.port) && self.endPort >= self.port)",message="endPort ends a range that begins with port, and must not be less than it"
type TrafficPort struct {
	// protocol of the port. Omitted, TCP.
	// +optional
	Protocol Protocol `json:"protocol,omitempty"`

	// port number. Omitted, all ports of the protocol. The ports of a WukongVM have no names.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// endPort is the last port of a range that begins with port; both are included. Not every network plugin supports
	// ranges.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	EndPort int32 `json:"endPort,omitempty"`
}
