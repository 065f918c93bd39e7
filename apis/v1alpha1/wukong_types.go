package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// WukongSpec is empty: an application consists of the objects that name it in spec.wukongRef.
type WukongSpec struct{}

// Phase is a one-word summary for users, derived from conditions. Controllers do not read it.
// +kubebuilder:validation:Enum=Pending;Creating;Starting;Running;Paused;Migrating;Restoring;Stopping;Stopped;Terminating;Error
type Phase string

// Phases of WukongVM and Wukong.
const (
	PhasePending     Phase = "Pending"
	PhaseCreating    Phase = "Creating"
	PhaseStarting    Phase = "Starting"
	PhaseRunning     Phase = "Running"
	PhasePaused      Phase = "Paused"
	PhaseMigrating   Phase = "Migrating"
	PhaseRestoring   Phase = "Restoring"
	PhaseStopping    Phase = "Stopping"
	PhaseStopped     Phase = "Stopped"
	PhaseTerminating Phase = "Terminating"
	PhaseError       Phase = "Error"
)

// MaxReportedChildren is the maximum number of children in WukongStatus.children.
const MaxReportedChildren = 100

// WukongStatus aggregates the status of the children.
type WukongStatus struct {
	// conditions: Ready and ChildrenReady.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// phase is a one-word summary for users.
	// +optional
	Phase Phase `json:"phase,omitempty"`

	// summary is the number of ready children and of all children, such as "3/4". It counts WukongVMs, WukongDisks,
	// WukongImages and WukongNetworks. Other children, such as WukongSnapshots and WukongExports, are only in counts
	// and children: they do not affect whether an application is ready.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Summary string `json:"summary,omitempty"`

	// counts is the number of children of each kind.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +kubebuilder:validation:MaxItems=16
	Counts []ChildCount `json:"counts,omitempty"`

	// children lists at most 100 children, those that are not ready first.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Children []ChildStatus `json:"children,omitempty"`
}

// ChildCount counts the children of one kind.
type ChildCount struct {
	// kind of the children.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`

	// total number of children of this kind.
	// +required
	// +kubebuilder:validation:Minimum=0
	Total int32 `json:"total"`

	// ready is the number of children with Ready=True.
	// +required
	// +kubebuilder:validation:Minimum=0
	Ready int32 `json:"ready"`
}

// ChildStatus is what one child reports.
type ChildStatus struct {
	// kind of the child.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`

	// name of the child.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// ready is the status of the child's Ready condition, or Unknown if it has none yet.
	// +required
	Ready metav1.ConditionStatus `json:"ready,omitempty"`

	// phase of the child.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Phase string `json:"phase,omitempty"`

	// reason of the child's Ready condition.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`

	// message of the child's Ready condition. Only set while the child is not ready.
	// +optional
	// +kubebuilder:validation:MaxLength=32768
	Message string `json:"message,omitempty"`
}

// Wukong groups the objects of an application: it aggregates the status of the objects that name it in spec.wukongRef,
// and deleting it deletes them. It creates no objects and changes only its own status.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wk,categories=wukong-all
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Children",type=string,JSONPath=`.status.summary`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type Wukong struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is empty.
	// +optional
	Spec WukongSpec `json:"spec,omitempty"`

	// status aggregates the children.
	// +optional
	Status WukongStatus `json:"status,omitempty"`
}

// WukongList is a list of Wukongs.
//
// +kubebuilder:object:root=true
type WukongList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Wukong `json:"items"`
}

func init() { register(&Wukong{}, &WukongList{}) }

// GetConditions implements Object.
func (o *Wukong) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *Wukong) SetConditions(conditions []metav1.Condition) { o.Status.Conditions = conditions }

// GetPhase implements Object.
func (o *Wukong) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object: a Wukong belongs to no other Wukong.
func (o *Wukong) UmbrellaName() string { return "" }
