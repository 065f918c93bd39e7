package carry

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/operation"
)

// Inputs decide what the clone of a WukongVM is.
type Inputs struct {
	Clone *v1alpha1.WukongClone
	// Source is the WukongVM, as the snapshot keeps it, with its namespace and UID.
	Source *v1alpha1.WukongVM
	// Snapshot is the name of the WukongSnapshot in the namespace of the source.
	Snapshot string
	// Disks are the disks of the source by their names in spec.disks.
	Disks map[string]Disk
	// ByUser: a user writes the result with the rights of the user, and not Wukong with its own, which are more.
	ByUser bool
}

// isForeign reports whether the source is in another namespace.
func (in Inputs) isForeign() bool { return in.Source.Namespace != in.Clone.Namespace }

func (in Inputs) isIsolated() bool { return IsIsolated(in.Clone) }

// IsIsolated reports whether the network of the result is unplugged.
func IsIsolated(clone *v1alpha1.WukongClone) bool {
	return clone.Spec.Overrides != nil && ptr.Deref(clone.Spec.Overrides.Isolated, false)
}

func (in Inputs) keepsIdentity() bool { return in.Clone.Spec.Identity == v1alpha1.IdentityKeep }

// overrides are never nil.
func (in Inputs) overrides() *v1alpha1.CloneOverrides {
	if in.Clone.Spec.Overrides == nil {
		return &v1alpha1.CloneOverrides{}
	}
	return in.Clone.Spec.Overrides
}

// Machine returns the complete WukongVM, or why there can be none.
func (in Inputs) Machine() (*v1alpha1.WukongVM, *operation.State) {
	overrides := in.overrides()
	vm := &v1alpha1.WukongVM{
		ObjectMeta: Metadata(in.Clone, in.Source, overrides.Labels),
		Spec:       withoutThePast(&in.Source.Spec),
	}
	identity := cmp.Or(in.Clone.Spec.Identity, v1alpha1.IdentityRenew)
	vm.Annotations[v1alpha1.AnnotationClonedIdentity] = string(identity)
	vm.Spec.WukongRef = umbrella(in.Clone)
	vm.Spec.PowerState = cmp.Or(in.Clone.Spec.PowerState, v1alpha1.PowerStopped)
	var found *operation.State
	if vm.Spec.Disks, found = in.disks(); found != nil {
		return nil, found
	}
	if overrides.CPU != nil {
		vm.Spec.CPU = *overrides.CPU
	}
	if overrides.Memory != nil {
		vm.Spec.Memory = *overrides.Memory
	}
	if overrides.Scheduling != nil {
		vm.Spec.Scheduling = overrides.Scheduling
	}
	vm.Spec.Services = in.services(vm.Spec.Services)
	if in.isIsolated() {
		isolate(&vm.Spec)
	}
	if found := in.setIdentity(&vm.Spec); found != nil {
		return nil, found
	}
	return vm, nil
}

// Metadata returns the metadata of the result of a clone. It has no owner, unless onDelete is Delete.
func Metadata(clone *v1alpha1.WukongClone, source metav1.Object, labels map[string]string) metav1.ObjectMeta {
	made := metav1.ObjectMeta{
		Namespace: clone.Namespace, Name: clone.Spec.TargetName,
		Labels: metadata(source.GetLabels(), labels),
		Annotations: metadata(source.GetAnnotations(), map[string]string{
			v1alpha1.AnnotationClonedBy:   Mark(clone),
			v1alpha1.AnnotationClonedFrom: model.CloneOrigin(clone).Key(),
		}),
	}
	if clone.Spec.OnDelete == v1alpha1.CloneDeletionDelete {
		made.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongClone", Name: clone.Name, UID: clone.UID,
		}}
	}
	return made
}

// umbrella returns the Wukong of the result; nil for none. With onDelete Delete it has none: the garbage collector
// deletes an object only when all of its owners are deleted. The WukongClone depends on the Wukong, and the result on
// the WukongClone.
func umbrella(clone *v1alpha1.WukongClone) *v1alpha1.LocalObjectReference {
	if clone.Spec.OnDelete == v1alpha1.CloneDeletionDelete {
		return nil
	}
	return clone.Spec.WukongRef
}

// Mark is the value of the annotation cloned-by on the result of a clone.
func Mark(clone *v1alpha1.WukongClone) string { return clone.Name + "/" + string(clone.UID) }

// isolate removes what would let a guest reach others without a network, or make others take it for its source: devices
// of the node, which may be network cards and disks, and what Services, spread rules and the scheduler see of its pod.
func isolate(spec *v1alpha1.WukongVMSpec) {
	spec.GPUs = nil
	if spec.Scheduling != nil {
		spec.Scheduling = spec.Scheduling.DeepCopy()
		spec.Scheduling.Labels, spec.Scheduling.Annotations, spec.Scheduling.PriorityClassName = nil, nil, ""
		if equality.Semantic.DeepEqual(*spec.Scheduling, v1alpha1.Scheduling{}) {
			spec.Scheduling = nil
		}
	}
}

// services removes the ports of the nodes, which Kubernetes gives to one Service only. With a new identity it removes
// the annotations, too: they name addresses and DNS names that load balancers and DNS controllers gave to the source.
// An isolated guest serves nothing.
func (in Inputs) services(services []v1alpha1.VMService) []v1alpha1.VMService {
	if in.isIsolated() {
		return nil
	}
	made := slices.Clone(services)
	for i := range made {
		if !in.keepsIdentity() {
			made[i].Annotations = nil
		}
		made[i].Ports = slices.Clone(made[i].Ports)
		for j := range made[i].Ports {
			made[i].Ports[j].NodePort = 0
		}
	}
	return made
}

// References are the objects of the clone's namespace that matter to a WukongVM by their names: what it refers to, and
// the disks that it will make, which must not exist.
type References struct{ Networks, Secrets, NewDisks []string }

// ReferencesOf returns what a WukongVM refers to, each name once.
func ReferencesOf(vm *v1alpha1.WukongVM) References {
	found := References{Secrets: model.SecretNames(vm)}
	for i := range vm.Spec.Networks {
		if reference := vm.Spec.Networks[i].NetworkRef; reference != nil {
			found.Networks = append(found.Networks, reference.Name)
		}
	}
	for i := range vm.Spec.Disks {
		if entry := &vm.Spec.Disks[i]; entry.Template != nil {
			found.NewDisks = append(found.NewDisks, model.DiskName(vm, entry))
		}
	}
	slices.Sort(found.Networks)
	found.Networks = slices.Compact(found.Networks)
	return found
}
