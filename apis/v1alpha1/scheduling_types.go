package v1alpha1

// Scheduling says which nodes a machine may run on. Its parts have the names and meaning of the same fields of a Pod,
// with bounds on every list.
type Scheduling struct {
	// nodeSelector has labels that a node must carry.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// tolerations of node taints.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Tolerations []Toleration `json:"tolerations,omitempty"`

	// nodeAffinity has rules on the labels of nodes.
	// +optional
	NodeAffinity *NodeAffinity `json:"nodeAffinity,omitempty"`

	// podAffinity draws the machine to the places of pods, those of other machines among them.
	// +optional
	PodAffinity *PodAffinity `json:"podAffinity,omitempty"`

	// podAntiAffinity keeps the machine away from the places of pods.
	// +optional
	PodAntiAffinity *PodAffinity `json:"podAntiAffinity,omitempty"`

	// topologySpreadConstraints spread machines over zones, nodes or other topologies.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	TopologySpreadConstraints []TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`

	// labels that the virt-launcher pod gets, for affinity and spread to select it.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Labels map[string]string `json:"labels,omitempty"`

	// annotations that the virt-launcher pod gets, for service meshes, backup agents and the like, when the machine starts. Those on which
	// KubeVirt, Multus, network plugins and container runtimes act are refused: what they do has fields of its own, or is an administrator's to say.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Annotations map[string]string `json:"annotations,omitempty"`

	// priorityClassName of the virt-launcher pod.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	PriorityClassName string `json:"priorityClassName,omitempty"`

	// schedulerName of the virt-launcher pod.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	SchedulerName string `json:"schedulerName,omitempty"`

	// evictionStrategy says what happens when the node is drained. Omitted, the cluster's default.
	// +optional
	// +kubebuilder:validation:Enum=None;LiveMigrate;LiveMigrateIfPossible;External
	EvictionStrategy string `json:"evictionStrategy,omitempty"`
}

// Toleration lets the machine run on nodes with a taint.
type Toleration struct {
	// key of the taint. Empty with operator Exists, every taint.
	// +optional
	// +kubebuilder:validation:MaxLength=317
	Key string `json:"key,omitempty"`

	// operator that compares key and value. Omitted, Equal.
	// +optional
	// +kubebuilder:validation:Enum=Exists;Equal
	Operator string `json:"operator,omitempty"`

	// value of the taint.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Value string `json:"value,omitempty"`

	// effect of the taint. Omitted, all effects.
	// +optional
	// +kubebuilder:validation:Enum=NoSchedule;PreferNoSchedule;NoExecute
	Effect string `json:"effect,omitempty"`

	// tolerationSeconds is how long a NoExecute taint is tolerated, in seconds. Omitted, for ever.
	// +optional
	TolerationSeconds *int64 `json:"tolerationSeconds,omitempty"`
}

// NodeAffinity has rules on the labels of nodes.
type NodeAffinity struct {
	// requiredDuringSchedulingIgnoredDuringExecution must be met.
	// +optional
	Required *NodeSelector `json:"requiredDuringSchedulingIgnoredDuringExecution,omitempty"`

	// preferredDuringSchedulingIgnoredDuringExecution are met where possible.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Preferred []PreferredNodeTerm `json:"preferredDuringSchedulingIgnoredDuringExecution,omitempty"`
}

// NodeSelector is met by a node that meets one of its terms.
type NodeSelector struct {
	// nodeSelectorTerms of which one must be met.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	NodeSelectorTerms []NodeSelectorTerm `json:"nodeSelectorTerms,omitempty"`
}

// NodeSelectorTerm is met by a node that meets all its expressions.
//
// +kubebuilder:validation:MinProperties=1
type NodeSelectorTerm struct {
	// matchExpressions on labels.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	MatchExpressions []SelectorRequirement `json:"matchExpressions,omitempty"`

	// matchFields on fields of the node.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	MatchFields []SelectorRequirement `json:"matchFields,omitempty"`
}

// PreferredNodeTerm is a node selector term with a weight.
type PreferredNodeTerm struct {
	// weight of the term, 1 to 100.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Weight int32 `json:"weight,omitempty"`

	// preference that is weighed.
	// +required
	Preference NodeSelectorTerm `json:"preference,omitzero"`
}

// SelectorRequirement compares one label or field.
type SelectorRequirement struct {
	// key of the label or field.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	Key string `json:"key,omitempty"`

	// operator of the comparison. Gt and Lt exist for nodes only.
	// +required
	// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist;Gt;Lt
	Operator string `json:"operator,omitempty"`

	// values to compare with.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=63
	Values []string `json:"values,omitempty"`
}

// LabelSelector selects objects by their labels.
type LabelSelector struct {
	// matchLabels must all be equal.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	MatchLabels map[string]string `json:"matchLabels,omitempty"`

	// matchExpressions must all be met.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	MatchExpressions []SelectorRequirement `json:"matchExpressions,omitempty"`
}

// PodAffinity has rules on the places of other pods.
type PodAffinity struct {
	// requiredDuringSchedulingIgnoredDuringExecution must be met.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Required []PodAffinityTerm `json:"requiredDuringSchedulingIgnoredDuringExecution,omitempty"`

	// preferredDuringSchedulingIgnoredDuringExecution are met where possible.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Preferred []WeightedPodAffinityTerm `json:"preferredDuringSchedulingIgnoredDuringExecution,omitempty"`
}

// PodAffinityTerm selects pods, and says what counts as the same place.
type PodAffinityTerm struct {
	// labelSelector selects the pods.
	// +optional
	LabelSelector *LabelSelector `json:"labelSelector,omitempty"`

	// namespaces of the pods. Omitted, the machine's own.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=63
	Namespaces []string `json:"namespaces,omitempty"`

	// namespaceSelector selects further namespaces of the pods.
	// +optional
	NamespaceSelector *LabelSelector `json:"namespaceSelector,omitempty"`

	// topologyKey is the node label whose values are the places, such as kubernetes.io/hostname.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	TopologyKey string `json:"topologyKey,omitempty"`
}

// WeightedPodAffinityTerm is a pod affinity term with a weight.
type WeightedPodAffinityTerm struct {
	// weight of the term, 1 to 100.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Weight int32 `json:"weight,omitempty"`

	// podAffinityTerm that is weighed.
	// +required
	PodAffinityTerm PodAffinityTerm `json:"podAffinityTerm,omitzero"`
}

// TopologySpreadConstraint spreads machines over a topology.
type TopologySpreadConstraint struct {
	// maxSkew is the largest difference of the number of machines between two places.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1024
	MaxSkew int32 `json:"maxSkew,omitempty"`

	// topologyKey is the node label whose values are the places.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	TopologyKey string `json:"topologyKey,omitempty"`

	// whenUnsatisfiable says what happens when the spread cannot be kept.
	// +required
	// +kubebuilder:validation:Enum=DoNotSchedule;ScheduleAnyway
	WhenUnsatisfiable string `json:"whenUnsatisfiable,omitempty"`

	// labelSelector selects the pods that count.
	// +optional
	LabelSelector *LabelSelector `json:"labelSelector,omitempty"`
}
