package v1alpha1

// ServiceType says where a Service can be reached from. Its values are those of Kubernetes.
// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
type ServiceType string

// Types of Services.
const (
	// ServiceClusterIP has an address inside the cluster.
	ServiceClusterIP ServiceType = "ClusterIP"
	// ServiceNodePort has a port on every node, too.
	ServiceNodePort ServiceType = "NodePort"
	// ServiceLoadBalancer has an address outside, too, that the cluster's load balancer gives.
	ServiceLoadBalancer ServiceType = "LoadBalancer"
)

// SessionAffinity says whether the connections of one client go to one machine.
// +kubebuilder:validation:Enum=None;ClientIP
type SessionAffinity string

// Values of SessionAffinity.
const (
	SessionAffinityNone     SessionAffinity = "None"
	SessionAffinityClientIP SessionAffinity = "ClientIP"
)

// ExternalTrafficPolicy says where traffic from outside the cluster goes.
// +kubebuilder:validation:Enum=Cluster;Local
type ExternalTrafficPolicy string

// Values of ExternalTrafficPolicy.
const (
	// ExternalTrafficCluster goes to all machines of the Service. The guest sees a node's address.
	ExternalTrafficCluster ExternalTrafficPolicy = "Cluster"
	// ExternalTrafficLocal goes to machines of the node that it comes to. The guest sees the client's address.
	ExternalTrafficLocal ExternalTrafficPolicy = "Local"
)

// VMService is a Kubernetes Service that the machine makes and owns. It leads to the machine's interface on the pod network, the only one that a
// Service can reach.
//
// +kubebuilder:validation:XValidation:rule="!has(self.externalTrafficPolicy) || (has(self.type) && self.type != 'ClusterIP')",message="externalTrafficPolicy is for type NodePort and LoadBalancer: a ClusterIP gets no traffic from outside"
// +kubebuilder:validation:XValidation:rule="!has(self.loadBalancerClass) || (has(self.type) && self.type == 'LoadBalancer')",message="loadBalancerClass is for type LoadBalancer"
// +kubebuilder:validation:XValidation:rule="(has(self.type) && self.type != 'ClusterIP') || self.ports.all(p, !has(p.nodePort))",message="nodePort is for type NodePort and LoadBalancer"
// +kubebuilder:validation:XValidation:rule="self.ports.size() == 1 || self.ports.all(p, has(p.name))",message="each of several ports needs a name"
type VMService struct {
	// name of the entry. The Service is called MACHINE-NAME; status.services has its name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// type says where the Service can be reached from. Omitted, ClusterIP.
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

	// selector puts several machines behind the Service: those of the namespace that carry all of these labels in their
	// spec.scheduling.labels. This machine must be one of them. Omitted, the Service leads to this machine alone. The Service goes with
	// the machine that lists it, whoever else is behind it.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=8
	Selector map[string]string `json:"selector,omitempty"`

	// sessionAffinity ClientIP sends the connections of one client to one machine. Omitted, None.
	// +optional
	SessionAffinity SessionAffinity `json:"sessionAffinity,omitempty"`

	// externalTrafficPolicy says where traffic from outside the cluster goes. Omitted, Cluster.
	// +optional
	ExternalTrafficPolicy ExternalTrafficPolicy `json:"externalTrafficPolicy,omitempty"`

	// loadBalancerClass names the load balancer that gives the address. Omitted, the cluster's default one.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=316
	LoadBalancerClass string `json:"loadBalancerClass,omitempty"`

	// annotations of the Service, with which many load balancers are configured.
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

// VMServiceStatus is where a Service of the machine can be reached.
type VMServiceStatus struct {
	// name of the entry in spec.services.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Name string `json:"name,omitempty"`

	// serviceName is the Service in the machine's namespace.
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

	// endpoints are how many machines answer behind it. KubeVirt says when a machine does: as soon as it runs.
	// +optional
	Endpoints int32 `json:"endpoints"`

	// externalAddresses are the addresses or host names that the load balancer gave it.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	ExternalAddresses []string `json:"externalAddresses,omitempty"`
}
