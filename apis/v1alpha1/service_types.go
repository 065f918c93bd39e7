package v1alpha1

// ServiceType determines from where a Service can be reached. Its values are those of Kubernetes.
// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
type ServiceType string

// Types of Services.
const (
	// ServiceClusterIP has an address inside the cluster.
	ServiceClusterIP ServiceType = "ClusterIP"
	// ServiceNodePort also has a port on every node.
	ServiceNodePort ServiceType = "NodePort"
	// ServiceLoadBalancer also has an external address, which the cluster's load balancer assigns.
	ServiceLoadBalancer ServiceType = "LoadBalancer"
)

// SessionAffinity determines whether all connections of a client go to the same WukongVM.
// +kubebuilder:validation:Enum=None;ClientIP
type SessionAffinity string

// Values of SessionAffinity.
const (
	SessionAffinityNone     SessionAffinity = "None"
	SessionAffinityClientIP SessionAffinity = "ClientIP"
)

// ExternalTrafficPolicy determines to which WukongVMs traffic from outside of the cluster is sent.
// +kubebuilder:validation:Enum=Cluster;Local
type ExternalTrafficPolicy string

// Values of ExternalTrafficPolicy.
const (
	// ExternalTrafficCluster sends traffic to all WukongVMs of the Service. The guest sees a node's address.
	ExternalTrafficCluster ExternalTrafficPolicy = "Cluster"
	// ExternalTrafficLocal sends traffic only to WukongVMs on the node that receives it. The guest sees the client's
	// address.
	ExternalTrafficLocal ExternalTrafficPolicy = "Local"
)

// VMService is a Kubernetes Service that is created for a WukongVM and owned by it. It reaches the WukongVM's interface
// on the pod network, the only interface that a Service can reach.
//
// +kubebuilder:validation:XValidation:rule="!has(self.externalTrafficPolicy) || (has(self.type) && self.type != 'ClusterIP')",message="externalTrafficPolicy is for type NodePort and LoadBalancer: a ClusterIP gets no traffic from outside"
// +kubebuilder:validation:XValidation:rule="!has(self.loadBalancerClass) || (has(self.type) && self.type == 'LoadBalancer')",message="loadBalancerClass is for type LoadBalancer"
// +kubebuilder:validation:XValidation:rule="(has(self.type) && self.type != 'ClusterIP') || self.ports.all(p, !has(p.nodePort))",message="nodePort is for type NodePort and LoadBalancer"
// +kubebuilder:validation:XValidation:rule="self.ports.size() == 1 || self.ports.all(p, has(p.name))",message="each of several ports needs a name"
type VMService struct {
	// name of the entry. The name of the Service is the WukongVM's name, a hyphen and this name; status.services has
	// it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// type determines from where the Service can be reached. Omitted, ClusterIP.
	// +optional
	Type ServiceType `json:"type,omitempty"`

	// ports of the Service.
	// +required
	// +listType=map
	// +listMapKey=port
	// +listMapKey=protocol
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Ports []VMServicePort `json:"ports,omitempty"`

	// selector selects several WukongVMs for the Service: those of the namespace that have all of these labels in their
	// spec.scheduling.labels. This WukongVM must be one of them. Omitted, the Service reaches only this WukongVM. The
	// Service is deleted with the WukongVM that lists it, even if it reaches others, too.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=8
	Selector map[string]string `json:"selector,omitempty"`

	// sessionAffinity determines whether all connections of a client go to the same WukongVM (ClientIP) or not (None).
	// Omitted, None.
	// +optional
	SessionAffinity SessionAffinity `json:"sessionAffinity,omitempty"`

	// externalTrafficPolicy determines to which WukongVMs traffic from outside of the cluster is sent. Omitted,
	// Cluster.
	// +optional
	ExternalTrafficPolicy ExternalTrafficPolicy `json:"externalTrafficPolicy,omitempty"`

	// loadBalancerClass names the load balancer that assigns the address. Omitted, the cluster's default one.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=316
	LoadBalancerClass string `json:"loadBalancerClass,omitempty"`

	// annotations of the Service. They configure many load balancers.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Protocol is an IP protocol. Its values are those of Kubernetes.
// +kubebuilder:validation:Enum=TCP;UDP;SCTP
type Protocol string

// Values of Protocol.
const (
	ProtocolTCP  Protocol = "TCP"
	ProtocolUDP  Protocol = "UDP"
	ProtocolSCTP Protocol = "SCTP"
)

// VMServicePort is a port of a Service.
type VMServicePort struct {
	// name of the port.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// port of the Service.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// targetPort is the port in the guest. Omitted, the same as port.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	TargetPort int32 `json:"targetPort,omitempty"`

	// protocol of the port.
	// +optional
	// +default="TCP"
	Protocol Protocol `json:"protocol,omitempty"`

	// nodePort is the port on the nodes. Omitted, Kubernetes chooses one.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	NodePort int32 `json:"nodePort,omitempty"`
}

// VMServiceStatus reports how a Service of a WukongVM can be reached.
type VMServiceStatus struct {
	// name of the entry in spec.services.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Name string `json:"name,omitempty"`

	// serviceName is the Service in the WukongVM's namespace.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	ServiceName string `json:"serviceName,omitempty"`

	// clusterIPs are its addresses inside the cluster.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=2
	ClusterIPs []string `json:"clusterIPs,omitempty"`

	// nodePorts are its ports on every node, in the order of its ports.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	NodePorts []int32 `json:"nodePorts,omitempty"`

	// endpoints is the number of WukongVMs that are ready behind the Service. KubeVirt reports a WukongVM as ready as
	// soon as it runs.
	// +optional
	Endpoints int32 `json:"endpoints"`

	// externalAddresses are the addresses or host names that the load balancer assigned to it.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	ExternalAddresses []string `json:"externalAddresses,omitempty"`
}
