package wukongclone

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/carry"
	"github.com/novasphere/wukong/controllers/internal/operation"
)

// begin makes the next object, or reports what prevents it.
func (p *Plan) begin(clone *v1alpha1.WukongClone, world *World) {
	found := p.ungranted(clone, world)
	switch source := clone.Spec.Source; {
	case found != nil:
	case source.VMRef != nil:
		found = p.fromMachine(clone, world)
	case source.DiskRef != nil:
		disk, problem := carry.FromDisk(clone, world.origin.disk)
		if found = problem; problem == nil {
			found = p.make(clone, world, "WukongDisk", disk)
		}
	default:
		found = p.fromSnapshot(clone, world, world.origin.snapshot)
	}
	if found != nil {
		p.state = waiting(clone, world, found)
	}
}

// ungranted reports a source that does not exist, or that may not be cloned; nil for others. For a source in another
// namespace the message is the same for both: a user who may not clone an object must not learn that it exists.
func (p *Plan) ungranted(clone *v1alpha1.WukongClone, world *World) *operation.State {
	namespace := model.CloneOrigin(clone).Namespace
	foreign, origin, name := namespace != clone.Namespace, &world.origin, sourceName(clone)
	if origin.outside {
		return operation.Pending(v1alpha1.ReasonCloneNotGranted,
			"the release of Wukong for namespace %s does not work in namespace %s, and does not see %s: "+
				"ask an administrator to add that namespace to the release's namespaces", clone.Namespace, namespace, name)
	}
	if clone.Spec.Source.VMRef != nil && world.temporary != nil && isTemporaryOf(world.temporary, clone) {
		return nil // it was granted when the clone began
	}
	exists, grants := origin.offers(clone.Spec.Source)
	switch {
	case foreign && (!exists || !isGranted(grants, clone.Namespace)):
		return operation.Pending(v1alpha1.ReasonCloneNotGranted,
			"%s may not be cloned into namespace %s: it does not exist, or does not grant it; "+
				"whoever owns it grants it by %s in its spec.cloneableFrom", name, clone.Namespace, clone.Namespace)
	case !exists:
		return operation.Pending(v1alpha1.ReasonSourceMissing,
			"%s does not exist: create it, and the clone continues automatically, or create another WukongClone", name)
	default:
		return nil
	}
}

// isGranted reports whether spec.cloneableFrom of a source grants clones to another namespace.
func isGranted(grants []string, namespace string) bool {
	return slices.Contains(grants, namespace) || slices.Contains(grants, "*")
}

// offers reports whether the source exists and is not being deleted, and to which other namespaces it grants clones.
func (o *origin) offers(source v1alpha1.CloneSource) (exists bool, grants []string) {
	switch {
	case source.VMRef != nil && o.vm != nil:
		return o.vm.DeletionTimestamp.IsZero(), o.vm.Spec.CloneableFrom
	case source.DiskRef != nil && o.disk != nil:
		return o.disk.DeletionTimestamp.IsZero(), o.disk.Spec.CloneableFrom
	case source.SnapshotRef != nil && o.snapshot != nil:
		return o.snapshot.DeletionTimestamp.IsZero(), o.snapshot.Spec.CloneableFrom
	default:
		return false, nil
	}
}

// fromMachine takes a snapshot of a WukongVM, and goes on as from a snapshot. What prevents the clone is found before
// the snapshot is taken, because that may freeze a guest.
func (p *Plan) fromMachine(clone *v1alpha1.WukongClone, world *World) *operation.State {
	snapshot, vm := world.temporary, world.origin.vm
	switch {
	case snapshot == nil:
	case !isTemporaryOf(snapshot, clone):
		return operation.Pending(v1alpha1.ReasonNameConflict,
			"WukongSnapshot %s already exists in namespace %s, and this WukongClone did not make it: delete it, or create "+
				"another WukongClone", snapshot.Name, snapshot.Namespace)
	default:
		return p.fromSnapshot(clone, world, snapshot)
	}
	in := carry.Inputs{
		Clone: clone, Source: vm, Snapshot: model.CloneSnapshotName(clone), Disks: carry.Expected(vm, world.origin.disks),
	}
	names := in.Snapshotted()
	target, found := p.machine(clone, world, in)
	switch {
	case found != nil || p.asksFor != nil:
		return found
	case len(names) == 0:
		return p.make(clone, world, "WukongVM", target) // nothing is copied
	}
	if found := busy(clone, vm, world.origin.snapshots); found != nil {
		return found
	}
	p.snapshot, p.rehearsed = temporarySnapshot(clone, vm, names), target
	p.record.SnapshotName, p.record.Step = p.snapshot.Name, v1alpha1.CloneSnapshotting
	p.state = operation.InProgress(v1alpha1.ReasonInProgress, "WukongSnapshot %s is being taken", p.snapshot.Name)
	return nil
}

// fromSnapshot makes the result from a snapshot, when that is complete.
func (p *Plan) fromSnapshot(
	clone *v1alpha1.WukongClone, world *World, snapshot *v1alpha1.WukongSnapshot,
) *operation.State {
	temporary := clone.Spec.Source.VMRef != nil
	switch {
	case snapshot.Status.Phase == v1alpha1.OperationFailed:
		return operation.Failed("WukongSnapshot %s failed: %s. Resolve the cause, and create another WukongClone",
			snapshot.Name, message(snapshot))
	case !snapshot.DeletionTimestamp.IsZero():
		return operation.Failed("WukongSnapshot %s was deleted before the clone was complete: create another WukongClone",
			snapshot.Name)
	case !snapshot.Finished() && temporary:
		return operation.InProgress(v1alpha1.ReasonInProgress, "WukongSnapshot %s: %s", snapshot.Name, message(snapshot))
	case model.Ready(snapshot).Status != metav1.ConditionTrue:
		return operation.Pending(v1alpha1.ReasonSourceNotReady, "WukongSnapshot %s: %s", snapshot.Name, message(snapshot))
	case snapshot.Spec.Source.DiskRef != nil:
		return p.diskFromSnapshot(clone, world, snapshot)
	case world.origin.manifest == nil:
		return operation.Pending(v1alpha1.ReasonInvalidSpec,
			"WukongSnapshot %s has no manifest of its WukongVM, which was too large or was deleted: create a WukongVM whose "+
				"disks have source.snapshot instead", snapshot.Name)
	}
	vm := world.origin.manifest
	target, found := p.machine(clone, world, carry.Inputs{
		Clone: clone, Source: vm, Snapshot: snapshot.Name, Disks: carry.Recorded(vm, snapshot, world.origin.disks),
	})
	if found != nil || p.asksFor != nil {
		return found
	}
	return p.make(clone, world, "WukongVM", target)
}

func (p *Plan) diskFromSnapshot(
	clone *v1alpha1.WukongClone, world *World, snapshot *v1alpha1.WukongSnapshot,
) *operation.State {
	spec := &clone.Spec
	if spec.Identity != "" || spec.PowerState != "" || spec.Overrides != nil {
		return operation.Pending(v1alpha1.ReasonInvalidSpec,
			"WukongSnapshot %s is of a disk, and identity, powerState and overrides are for a WukongVM: create another "+
				"WukongClone without them", snapshot.Name)
	}
	disk, found := carry.FromSnapshot(clone, snapshot, world.origin.disk)
	if found != nil {
		return found
	}
	return p.make(clone, world, "WukongDisk", disk)
}

// machine returns the WukongVM that is to be made, or why it cannot be. It asks for references that were not read.
func (p *Plan) machine(
	clone *v1alpha1.WukongClone, world *World, in carry.Inputs,
) (*v1alpha1.WukongVM, *operation.State) {
	if found := conflict(clone, "WukongVM", world.vm != nil, world.vm); found != nil {
		return nil, found
	}
	vm, found := in.Machine()
	if found != nil {
		return nil, found
	}
	if found := held(clone, world, in.Source, vm); found != nil {
		return nil, found
	}
	if world.references == nil {
		references := carry.ReferencesOf(vm)
		p.asksFor = &references
		return nil, nil
	}
	if disks := world.references.disks; len(disks) > 0 {
		return nil, conflict(clone, "WukongDisk", true, disks[0])
	}
	if names := world.references.missing; len(names) > 0 {
		return nil, operation.Pending(v1alpha1.ReasonReferenceMissing,
			"%s refers to %s, which namespace %s does not have: create them there, because they are not copied, or replace "+
				"the networks by overrides.networks of another WukongClone",
			sourceName(clone), strings.Join(names, ", "), clone.Namespace)
	}
	return vm, nil
}

// conflict reports an object with the name of the result that no WukongClone of this name made; nil for none.
func conflict(clone *v1alpha1.WukongClone, kind string, exists bool, obj client.Object) *operation.State {
	switch {
	case !exists:
		return nil
	case !obj.GetDeletionTimestamp().IsZero():
		return operation.Pending(v1alpha1.ReasonPending, "%s %s is being deleted: the clone continues when it is deleted",
			kind, obj.GetName())
	case isLeaving(obj, clone):
		return operation.Pending(v1alpha1.ReasonPending,
			"%s %s belongs to an earlier WukongClone of this name and is deleted with it: the clone continues then",
			kind, obj.GetName())
	case isMadeByName(obj, clone) && otherOrigin(obj, clone) != "":
		return operation.Pending(v1alpha1.ReasonNameConflict,
			"%s %s was cloned from another source (%s) by an earlier WukongClone of this name: it is not changed; delete it, "+
				"or create another WukongClone with another targetName", kind, obj.GetName(), otherOrigin(obj, clone))
	default:
		return operation.Pending(v1alpha1.ReasonNameConflict,
			"%s %s already exists, and this WukongClone did not make it: it is not changed; delete it, or create another "+
				"WukongClone with another targetName", kind, obj.GetName())
	}
}

// held reports what the source still has of an identity that is kept; nil when nothing.
func held(
	clone *v1alpha1.WukongClone, world *World, source, vm *v1alpha1.WukongVM,
) *operation.State {
	if clone.Spec.Identity != v1alpha1.IdentityKeep {
		return nil
	}
	if live := world.origin.vm; live != nil && live.UID == source.UID && !carry.IsIsolated(clone) &&
		(model.MayRun(live) || model.HasGuest(live)) {
		return operation.Pending(v1alpha1.ReasonSourceInUse,
			"identity is Keep, and WukongVM %s runs or may start: stop it (powerState: Stopped), and the clone continues "+
				"automatically, or create another WukongClone with identity Renew", live.Name)
	}
	if source.Namespace == vm.Namespace && source.Name == vm.Name {
		return nil // the addresses that are reserved for the name are for the clone
	}
	if addresses := carry.Held(vm, world.origin.addresses); len(addresses) > 0 {
		return operation.Pending(v1alpha1.ReasonAddressWouldClash,
			"identity is Keep, and %s of WukongVM %s cannot be assigned twice: delete that WukongVM (a WukongSnapshot that is "+
				"taken before can be the source), or create another WukongClone that gives other addresses in overrides.networks",
			strings.Join(addresses, ", "), source.Name)
	}
	return nil
}

// make plans the creation of the result.
func (p *Plan) make(
	clone *v1alpha1.WukongClone, world *World, kind string, target client.Object,
) *operation.State {
	if disk, isDisk := target.(*v1alpha1.WukongDisk); isDisk {
		if found := conflict(clone, kind, world.disk != nil, world.disk); found != nil {
			return found
		}
		p.state = operation.InProgress(v1alpha1.ReasonInProgress, "WukongDisk %s is not filled yet", disk.Name)
	} else {
		p.identify(clone, &target.(*v1alpha1.WukongVM).Spec)
		p.state = operation.InProgress(v1alpha1.ReasonInProgress, "%s",
			fmt.Sprintf("the disks of WukongVM %s are not filled yet", target.GetName()))
	}
	p.target = target
	p.record.Step = v1alpha1.CloneCreating
	p.record.Target = &v1alpha1.CloneTarget{Kind: kind, Name: target.GetName()}
	return nil
}
