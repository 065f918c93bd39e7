package v1alpha1

// Scheduling determines on which nodes a WukongVM may run. Its fields have the names and the meaning of the same fields
// of a Pod; every list has a limit.
type Scheduling struct {
	// nodeSelector lists the labels that a node must have.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// tolerations of node taints.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Tolerations []Toleration `json:"tolerations,omitempty"`

	// nodeAffinity defines rules for the labels of nodes.
	// +optional
	NodeAffinity *NodeAffinity `json:"nodeAffinity,omitempty"`

	// podAffinity places the WukongVM in the same topology domains as other pods, including the launcher pods of other
	// WukongVMs.
	// +optional
	PodAffinity *PodAffinity `json:"podAffinity,omitempty"`

	// podAntiAffinity keeps the WukongVM out of the topology domains of other pods.
	// +optional
	PodAntiAffinity *PodAffinity `json:"podAntiAffinity,omitempty"`

	// topologySpreadConstraints spread WukongVMs over zones, nodes or other topology domains.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	TopologySpreadConstraints []TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`

	// labels of the virt-launcher pod, by which affinity rules, spread constraints, policies and Services select it.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Labels map[string]string `json:"labels,omitempty"`

	// annotations of the virt-launcher pod, for example for service meshes and backup agents. They are set when the
	// WukongVM starts. Annotations that configure KubeVirt, Multus, network plugins and container runtimes are refused:
	// other fields configure these, or only an administrator may.
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

	// evictionStrategy determines what happens to the guest when its node is drained. Omitted, the cluster's default.
	// +optional
	// +kubebuilder:validation:Enum=None;LiveMigrate;LiveMigrateIfPossible;External
	EvictionStrategy string `json:"evictionStrategy,omitempty"`
}

// Toleration allows the WukongVM to run on nodes with a taint.
type Toleration struct {
	// key of the taint. An empty key with operator Exists matches every taint.
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

	// tolerationSeconds is how long a NoExecute taint is tolerated, in seconds. Omitted, without limit.
	// +optional
	TolerationSeconds *int64 `json:"tolerationSeconds,omitempty"`
}

// NodeAffinity defines rules for the labels of nodes.
type NodeAffinity struct {
	// requiredDuringSchedulingIgnoredDuringExecution are rules that must be met.
	// +optional
	Required *NodeSelector `json:"requiredDuringSchedulingIgnoredDuringExecution,omitempty"`

	// preferredDuringSchedulingIgnoredDuringExecution are rules that are met where possible.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Preferred []PreferredNodeTerm `json:"preferredDuringSchedulingIgnoredDuringExecution,omitempty"`
}

// NodeSelector matches a node that matches one of its terms.
type NodeSelector struct {
	// nodeSelectorTerms are the terms, of which one must match.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	NodeSelectorTerms []NodeSelectorTerm `json:"nodeSelectorTerms,omitempty"`
}

// NodeSelectorTerm matches a node that matches all its expressions.
//
// +kubebuilder:validation:MinProperties=1
type NodeSelectorTerm struct {
	// matchExpressions for the labels of the node.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	MatchExpressions []SelectorRequirement `json:"matchExpressions,omitempty"`

	// matchFields for the fields of the node.
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

	// preference to which the weight applies.
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

	// operator of the comparison. Gt and Lt are for nodes only.
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
	// matchLabels are labels that must all be equal.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	MatchLabels map[string]string `json:"matchLabels,omitempty"`

	// matchExpressions are expressions that must all match.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	MatchExpressions []SelectorRequirement `json:"matchExpressions,omitempty"`
}

// PodAffinity defines rules for the topology domains of other pods.
type PodAffinity struct {
	// requiredDuringSchedulingIgnoredDuringExecution are rules that must be met.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Required []PodAffinityTerm `json:"requiredDuringSchedulingIgnoredDuringExecution,omitempty"`

	// preferredDuringSchedulingIgnoredDuringExecution are rules that are met where possible.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Preferred []WeightedPodAffinityTerm `json:"preferredDuringSchedulingIgnoredDuringExecution,omitempty"`
}

// PodAffinityTerm selects pods, and defines their topology domain.
type PodAffinityTerm struct {
	// labelSelector selects the pods.
	// +optional
	LabelSelector *LabelSelector `json:"labelSelector,omitempty"`

	// namespaces of the pods. Omitted, the WukongVM's namespace.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=63
	Namespaces []string `json:"namespaces,omitempty"`

	// namespaceSelector selects further namespaces of the pods.
	// +optional
	NamespaceSelector *LabelSelector `json:"namespaceSelector,omitempty"`

	// topologyKey is the node label whose values are the topology domains, such as kubernetes.io/hostname.
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

	// podAffinityTerm to which the weight applies.
	// +required
	PodAffinityTerm PodAffinityTerm `json:"podAffinityTerm,omitzero"`
}

// TopologySpreadConstraint spreads WukongVMs over topology domains.
type TopologySpreadConstraint struct {
	// maxSkew is the maximum difference in the number of WukongVMs between two topology domains.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1024
	MaxSkew int32 `json:"maxSkew,omitempty"`

	// topologyKey is the node label whose values are the topology domains.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	TopologyKey string `json:"topologyKey,omitempty"`

	// whenUnsatisfiable determines what happens when the constraint cannot be met.
	// +required
	// +kubebuilder:validation:Enum=DoNotSchedule;ScheduleAnyway
	WhenUnsatisfiable string `json:"whenUnsatisfiable,omitempty"`

	// labelSelector selects the pods that count.
	// +optional
	LabelSelector *LabelSelector `json:"labelSelector,omitempty"`
}
