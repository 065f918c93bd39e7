package v1alpha1

// TrafficPolicy lists who may talk to a machine over the pod network, and whom it may talk to. It becomes a NetworkPolicy of the
// machine's pod, with the meaning of https://kubernetes.io/docs/concepts/services-networking/network-policies/: a direction with rules lets
// pass what one of them allows, answers included, and nothing else; a direction without rules lets pass everything, unless defaultDeny
// names it. The machine's own node always reaches it, for probes and consoles.
//
// +kubebuilder:validation:MinProperties=1
type TrafficPolicy struct {
	// defaultDeny closes a direction for all that no rule allows, also when there is no rule. Omitted, only directions with rules are closed.
	// A machine whose egress is closed needs rules for DNS, and for the servers that it gets its software from.
	// +optional
	DefaultDeny TrafficDirection `json:"defaultDeny,omitempty"`

	// ingress lists what may come in.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Ingress []TrafficRule `json:"ingress,omitempty"`

	// egress lists what may go out.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Egress []TrafficRule `json:"egress,omitempty"`
}

// TrafficDirection says which way traffic goes, as the machine sees it.
// +kubebuilder:validation:Enum=Ingress;Egress;Both
type TrafficDirection string

const (
	// TrafficIngress comes in.
	TrafficIngress TrafficDirection = "Ingress"
	// TrafficEgress goes out.
	TrafficEgress TrafficDirection = "Egress"
	// TrafficBoth are both directions.
	TrafficBoth TrafficDirection = "Both"
)

// TrafficRule allows traffic with any of its peers on any of its ports.
//
// +kubebuilder:validation:MinProperties=1
type TrafficRule struct {
	// peers at the other end. Omitted, everybody.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Peers []TrafficPeer `json:"peers,omitempty"`

	// ports that are reached: the machine's for ingress, the peer's for egress. Omitted, all.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Ports []TrafficPort `json:"ports,omitempty"`
}

// TrafficPeer is somebody at the other end.
//
// +kubebuilder:validation:XValidation:rule="has(self.ipBlock) != (has(self.podSelector) || has(self.namespaceSelector))",message="a peer is either an ipBlock, or what podSelector and namespaceSelector select"
type TrafficPeer struct {
	// podSelector selects machines and pods by their labels: those of spec.scheduling.labels of a machine, and vmi.kubevirt.io/id, which is
	// its name. An empty one selects all.
	// +optional
	PodSelector *LabelSelector `json:"podSelector,omitempty"`

	// namespaceSelector selects the namespaces in which podSelector selects, and without it all machines and pods in them. Omitted, the
	// machine's own namespace.
	// +optional
	NamespaceSelector *LabelSelector `json:"namespaceSelector,omitempty"`

	// ipBlock is a range of addresses, of hosts outside of the cluster: pods' addresses change.
	// +optional
	IPBlock *IPBlock `json:"ipBlock,omitempty"`
}

// IPBlock is a range of addresses with holes.
type IPBlock struct {
	// cidr of the range, such as 192.168.10.0/24 or fd00:10::/64.
	// +required
	CIDR PolicyCIDR `json:"cidr,omitempty"`

	// except are parts of the range that do not count.
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

	// port number. Omitted, all ports of the protocol. A machine's ports have no names.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// endPort makes it the range from port to endPort, both included. Not every network plugin knows ranges.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	EndPort int32 `json:"endPort,omitempty"`
}
