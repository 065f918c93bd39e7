package disks_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/internal/protocol/custody"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/disks"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/power"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

// names of the WukongVMs that want the disk data. Each has a disk of its own to boot from, too.
var names = []string{"a", "b", "c"}

// rules are those of the protocol that a test of the walk breaks.
type rules struct {
	// forgetsLeftovers: the disk is released when neither spec nor status lists it, whatever KubeVirt has.
	forgetsLeftovers bool
	// releasesEarly: the disk is released when spec no longer lists it.
	releasesEarly bool
	// usesUnnamed: a WukongVM uses the disk while nobody is named.
	usesUnnamed bool
	// forgetsWrites: a controller may not see what another of its manager wrote
	// (client.CacheOptions.EnableReadYourWritesConsistency is off).
	forgetsWrites bool
}

// world is both halves of the protocol, and everything between them: KubeVirt, the garbage collector, and a user who
// edits, deletes and creates the WukongVMs. A step of a walk is one of them. A pass of a controller may end after any
// of its writes, and may see old versions of the objects that users and KubeVirt change.
type world struct {
	rules
	random *rand.Rand
	trace  []string
	made   int

	disk      *v1alpha1.WukongDisk
	vms       map[string]*v1alpha1.WukongVM
	machines  map[string]*kubevirtv1.VirtualMachine
	instances map[string]*kubevirtv1.VirtualMachineInstance

	// cache is what the manager of both controllers has seen of each kind.
	cache struct {
		disk      *v1alpha1.WukongDisk
		vms       map[string]*v1alpha1.WukongVM
		machines  map[string]*kubevirtv1.VirtualMachine
		instances map[string]*kubevirtv1.VirtualMachineInstance
	}

	// behind: the cache does not see all news for some time.
	behind bool
	// handed counts how often the disk got another owner.
	handed int
}

func newWorld(seed uint64, broken rules) *world {
	w := &world{
		rules: broken, random: rand.New(rand.NewPCG(seed, 2)), disk: ownDisk("data"),
		vms: map[string]*v1alpha1.WukongVM{}, machines: map[string]*kubevirtv1.VirtualMachine{},
		instances: map[string]*kubevirtv1.VirtualMachineInstance{},
	}
	for _, name := range names {
		w.create(name)
	}
	w.watch(false)
	w.cache.disk = w.disk.DeepCopy()
	return w
}

// watch brings the cache up to date. A stale one sees the news of one kind at most: each has a watch of its own.
func (w *world) watch(stale bool) {
	kind := w.random.IntN(8)
	if !stale || kind == 0 {
		w.cache.vms = copied(w.vms)
	}
	if !stale || kind == 1 {
		w.cache.machines = copied(w.machines)
	}
	if !stale || kind == 2 {
		w.cache.instances = copied(w.instances)
	}
	if !w.forgetsWrites || w.random.IntN(40) == 0 { // nobody but the manager writes it
		w.cache.disk = w.disk.DeepCopy()
	}
}

// ownDisk is a disk that is ready.
func ownDisk(name string) *v1alpha1.WukongDisk {
	disk := builder.Disk("shop", name)
	disk.Annotations = map[string]string{v1alpha1.AnnotationFilled: name}
	disk.Status.ClaimName, disk.Status.DataVolumeName, disk.Status.Phase = name, name, v1alpha1.DiskReady
	disk.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady},
	}
	return disk
}

func (w *world) sayf(format string, arguments ...any) {
	w.trace = append(w.trace, fmt.Sprintf(format, arguments...))
}

func (w *world) create(name string) {
	w.made++
	vm := builder.VM("shop", name, builder.Attached(name+"-root", "data"))
	vm.UID = types.UID(fmt.Sprint("vm-", w.made))
	vm.CreationTimestamp = metav1.NewTime(time.Unix(int64(w.made/2), 0)) // some are of the same age
	vm.Spec.PowerState, vm.Spec.RestartPolicy = v1alpha1.PowerRunning, v1alpha1.RestartAlways
	for i := range vm.Spec.Disks {
		vm.Spec.Disks[i].Bus = "virtio"
	}
	w.vms[name] = vm
}

// passOfDisk is a pass of the disk's controller. What a new owner competes with is read from the API server.
func (w *world) passOfDisk(ends bool) {
	in := custody.Inputs{Disk: w.disk}
	for _, name := range names {
		vm := w.cache.vms[name]
		if vm == nil || !model.Uses(vm, w.disk) || w.releasesEarly && !lists(vm) {
			continue
		}
		in.VMs = append(in.VMs, *vm)
	}
	before := w.disk.Status.AttachedTo
	if in.LostSight() && !w.forgetsLeftovers && !w.releasesEarly {
		in.Left = custody.Remains(w.disk, w.cache.machines[before], w.cache.instances[before])
	}
	owner := in.AttachedTo()
	if owner != "" && owner != before {
		if outside := w.outsideUser(owner); outside != "" {
			owner = ""
		}
	}
	if ends || owner == before {
		return
	}
	w.sayf("disk: attachedTo is %q", owner)
	w.disk.Status.AttachedTo = owner
	w.handed++
}

func (w *world) outsideUser(owner string) string {
	if w.forgetsLeftovers || w.releasesEarly {
		return ""
	}
	var instances []kubevirtv1.VirtualMachineInstance
	var machines []kubevirtv1.VirtualMachine
	for _, name := range names {
		if instance := w.instances[name]; instance != nil {
			instances = append(instances, *instance)
		}
		if machine := w.machines[name]; machine != nil {
			machines = append(machines, *machine)
		}
	}
	return custody.OutsideUser("data", owner, instances, machines)
}

// passOfVM is a pass of the controller of a WukongVM that ends after some writes.
func (w *world) passOfVM(name string, writes int) {
	vm := w.cache.vms[name]
	if vm == nil {
		return
	}
	disk, root := w.cache.disk.DeepCopy(), ownDisk(name+"-root")
	root.Status.AttachedTo = name
	if w.usesUnnamed && disk.Status.AttachedTo == "" {
		disk.Status.AttachedTo = name
	}
	view := virt.View{Machine: w.cache.machines[name].DeepCopy(), Instance: w.cache.instances[name]}
	foreign := view.Machine != nil && !metav1.IsControlledBy(view.Machine, vm)
	if foreign {
		view = virt.View{}
	}
	known := map[string]*v1alpha1.WukongDisk{"data": disk, root.Name: root}
	in := disks.Inputs{VM: vm, View: view, Disks: known, Owners: map[string]string{"data": "data", root.Name: root.Name},
		Moves: volumemove.Make(volumemove.Inputs{VM: vm, View: view, Disks: known, Nodes: volumemove.EnoughNodes})}
	problem := in.Problem()
	if writes == 0 {
		return
	}
	written := !foreign && (problem == nil || !problem.Blocking)
	if written {
		in.Machine = w.writeMachine(vm, in)
		w.cache.machines = copied(w.machines)
	}
	if live := w.vms[name]; writes == 2 && live != nil && live.UID == vm.UID {
		live.Status.Disks = disks.Report{Inputs: in, Written: written}.Status()
		w.cache.vms = copied(w.vms)
	}
}

// writeMachine applies the VirtualMachine, whatever became of it since it was read.
func (w *world) writeMachine(vm *v1alpha1.WukongVM, in disks.Inputs) *kubevirtv1.VirtualMachine {
	next := w.machines[vm.Name].DeepCopy()
	had := has(next)
	if next == nil {
		next = &kubevirtv1.VirtualMachine{ObjectMeta: metav1.ObjectMeta{
			Name: vm.Name, Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue},
		}}
	}
	next.OwnerReferences = []metav1.OwnerReference{{UID: vm.UID, Controller: ptr.To(true)}}
	next.Spec.RunStrategy = ptr.To(power.Inputs{VM: vm, View: in.View, Waits: in.Lacks()}.Strategy())
	next.Spec.Template = &kubevirtv1.VirtualMachineInstanceTemplateSpec{}
	spec := &next.Spec.Template.Spec
	spec.Domain.Devices.Disks, spec.Volumes = in.Storage("secret")
	w.machines[vm.Name] = next
	if now := has(next); now != had {
		w.sayf("vm %s: its VirtualMachine has the claim: %t", vm.Name, now)
	}
	return next
}

// collect is the garbage collector: it deletes a VirtualMachine whose WukongVM does not exist.
func (w *world) collect(name string) {
	machine, vm := w.machines[name], w.vms[name]
	if machine != nil && len(machine.OwnerReferences) > 0 && (vm == nil || !metav1.IsControlledBy(machine, vm)) {
		machine.DeletionTimestamp = ptr.To(metav1.Now())
	}
}

// kubevirt is a step of KubeVirt for one VirtualMachine: it starts and stops the instance, and plugs and unplugs.
func (w *world) kubevirt(name string) {
	machine, instance := w.machines[name], w.instances[name]
	switch {
	case machine == nil:
	case instance == nil && !machine.DeletionTimestamp.IsZero():
		w.sayf("kubevirt: VirtualMachine %s is deleted", name)
		delete(w.machines, name)
	case instance == nil && *machine.Spec.RunStrategy != kubevirtv1.RunStrategyHalted:
		w.sayf("kubevirt: starts %s, with the claim: %t", name, has(machine))
		w.instances[name] = keeptest.Object(&kubevirtv1.VirtualMachineInstance{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: machine.Labels},
			Spec:       *machine.Spec.Template.Spec.DeepCopy(),
			Status:     kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Scheduling},
		}, virt.KeepInstance, custody.KeepInstance)
	case instance == nil:
	case instance.IsFinal():
		w.sayf("kubevirt: instance %s is deleted", name)
		delete(w.instances, name)
	case !machine.DeletionTimestamp.IsZero(), *machine.Spec.RunStrategy == kubevirtv1.RunStrategyHalted:
		if w.random.IntN(2) == 0 { // a guest takes its time to shut down
			instance.Status.Phase = kubevirtv1.Succeeded
		}
	case instance.Status.Phase == kubevirtv1.Scheduling:
		instance.Status.Phase, instance.Status.VolumeStatus = kubevirtv1.Running, volumeStatus(instance.Spec.Volumes)
	case w.random.IntN(2) == 0: // a volume is unplugged from spec first, and from the guest later
		plug(instance, machine)
	default:
		instance.Status.VolumeStatus = volumeStatus(instance.Spec.Volumes)
	}
}

// plug gives an instance the volumes of its VirtualMachine that can be plugged in. It keeps those that it started with.
func plug(instance *kubevirtv1.VirtualMachineInstance, machine *kubevirtv1.VirtualMachine) {
	plugged := func(volume kubevirtv1.Volume) bool { return virt.IsHotpluggable(&volume) }
	started := func(volume kubevirtv1.Volume) bool { return !virt.IsHotpluggable(&volume) }
	kept := slices.DeleteFunc(slices.Clone(instance.Spec.Volumes), plugged)
	template := slices.DeleteFunc(machine.Spec.Template.Spec.DeepCopy().Volumes, started)
	for _, volume := range template {
		if !slices.ContainsFunc(kept, func(other kubevirtv1.Volume) bool { return other.Name == volume.Name }) {
			kept = append(kept, volume)
		}
	}
	instance.Spec.Volumes = kept
}

func volumeStatus(volumes []kubevirtv1.Volume) (described []kubevirtv1.VolumeStatus) {
	for i := range volumes {
		status := kubevirtv1.VolumeStatus{Name: volumes[i].Name, Phase: kubevirtv1.VolumeReady}
		if claim := virt.ClaimOf(&volumes[i]); claim != "" {
			status.PersistentVolumeClaimInfo = &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: claim}
		}
		described = append(described, status)
	}
	return described
}

// user edits, deletes and creates a WukongVM, changes its power state, or sees its guest crash.
func (w *world) user(name string) {
	vm := w.vms[name]
	if vm == nil {
		w.sayf("person: creates %s", name)
		w.create(name)
		return
	}
	switch w.random.IntN(10) {
	case 0, 1, 2, 3:
		w.list(vm, !lists(vm))
	case 4, 5, 6:
		vm.Spec.PowerState = []v1alpha1.PowerState{v1alpha1.PowerRunning, v1alpha1.PowerStopped}[w.random.IntN(2)]
		w.sayf("person: power of %s is %s", name, vm.Spec.PowerState)
	case 7:
		if instance := w.instances[name]; instance != nil {
			w.sayf("the guest of %s crashes", name)
			instance.Status.Phase = kubevirtv1.Failed
		}
	default:
		w.deleteVM(vm)
	}
}

func (w *world) list(vm *v1alpha1.WukongVM, listed bool) {
	if lists(vm) == listed {
		return
	}
	w.sayf("person: %s lists the disk: %t", vm.Name, listed)
	if listed {
		vm.Spec.Disks = append(vm.Spec.Disks, builder.DiskReference("data", "data"))
		vm.Spec.Disks[len(vm.Spec.Disks)-1].Bus = "virtio"
		return
	}
	vm.Spec.Disks = slices.DeleteFunc(vm.Spec.Disks, func(entry v1alpha1.VMDisk) bool { return entry.Name == "data" })
}

// deleteVM deletes a WukongVM, which has no finalizer. The garbage collector deletes the VirtualMachine, if it is not
// orphaned.
func (w *world) deleteVM(vm *v1alpha1.WukongVM) {
	orphan := w.random.IntN(3) == 0
	w.sayf("person: deletes %s, and orphans its VirtualMachine: %t", vm.Name, orphan)
	delete(w.vms, vm.Name)
	if machine := w.machines[vm.Name]; orphan && machine != nil && metav1.IsControlledBy(machine, vm) {
		machine.OwnerReferences = nil
	}
}

// tidy is a user who follows the messages: he deletes the VirtualMachines that were orphaned, lets only one WukongVM
// have the disk, and stops the others: a guest keeps a disk with which it started.
func (w *world) tidy() (winner *v1alpha1.WukongVM) {
	for _, name := range names {
		if machine := w.machines[name]; machine != nil && len(machine.OwnerReferences) == 0 {
			machine.DeletionTimestamp = ptr.To(metav1.Now())
		}
		if w.vms[name] == nil {
			w.create(name)
		}
		w.list(w.vms[name], false)
		w.vms[name].Spec.PowerState = v1alpha1.PowerStopped
	}
	winner = w.vms[names[w.random.IntN(len(names))]]
	winner.Spec.PowerState = v1alpha1.PowerRunning
	w.list(winner, true)
	return winner
}

func copied[V interface{ DeepCopy() V }](objects map[string]V) map[string]V {
	copies := map[string]V{}
	for name, object := range objects {
		copies[name] = object.DeepCopy()
	}
	return copies
}

func lists(vm *v1alpha1.WukongVM) bool { return slices.Contains(model.DiskNames(vm), "data") }

func has(machine *kubevirtv1.VirtualMachine) bool {
	_, volume := virt.TemplateDisk(machine, "data")
	return volume != nil
}

// check returns which two may write to the claim, or "".
func (w *world) check() string {
	var may []string
	for _, name := range names {
		machine, instance := w.machines[name], w.instances[name]
		switch {
		case instance != nil && custody.InstanceHasClaim(instance, "data") && w.instanceHas(instance):
			may = append(may, "the guest of "+name)
		case machine != nil && machine.DeletionTimestamp.IsZero() && has(machine):
			may = append(may, "VirtualMachine "+name)
		}
	}
	if len(may) < 2 {
		return ""
	}
	return fmt.Sprintf("two may write to the claim: %v", may)
}

// instanceHas reports whether an instance really has the claim: the protocol takes one that KubeVirt has not described
// for one that has all claims.
func (w *world) instanceHas(instance *kubevirtv1.VirtualMachineInstance) bool {
	return virt.Has(virt.View{Instance: instance}.Presences(), "data", "data")
}

func (w *world) step(calm bool) {
	name := names[w.random.IntN(len(names))]
	writes := 2
	if !calm {
		writes = w.random.IntN(3)
	}
	if w.random.IntN(8) == 0 {
		w.behind = !w.behind
	}
	w.watch(!calm && w.behind)
	switch choice := w.random.IntN(12); {
	case choice < 3:
		w.passOfDisk(writes == 0)
	case choice < 6:
		w.passOfVM(name, writes)
	case choice < 9:
		w.kubevirt(name)
	case choice == 9:
		w.collect(name)
	case !calm:
		w.user(name)
	}
}

// arrived reports whether a WukongVM has the disk, and its guest.
func (w *world) arrived(vm *v1alpha1.WukongVM) bool {
	machine, instance := w.machines[vm.Name], w.instances[vm.Name]
	return w.disk.Status.AttachedTo == vm.Name && has(machine) && instance != nil && !instance.IsFinal() &&
		w.instanceHas(instance) && slices.ContainsFunc(vm.Status.Disks, func(entry v1alpha1.VMDiskStatus) bool {
		return entry.DiskName == "data" && entry.Attachment == v1alpha1.DiskAttached
	})
}

// walk returns what went wrong, or "", and how often the disk got another owner.
func walk(seed uint64, broken rules) (wrong string, handed int) {
	w := newWorld(seed, broken)
	for range 200 {
		w.step(false)
		if wrong := w.check(); wrong != "" {
			return w.story(seed, wrong), w.handed
		}
	}
	winner := w.tidy()
	for i := 0; !w.arrived(winner); i++ {
		if i > 3000 {
			return w.story(seed, "WukongVM "+winner.Name+", which alone lists the disk, does not get it"), w.handed
		}
		w.step(true)
		if wrong := w.check(); wrong != "" {
			return w.story(seed, wrong), w.handed
		}
	}
	return "", w.handed
}

func (w *world) story(seed uint64, wrong string) string {
	text := fmt.Sprintf("seed %d: %s; the disk is attached to %q\n", seed, wrong, w.disk.Status.AttachedTo)
	for _, line := range w.trace[max(0, len(w.trace)-60):] {
		text += line + "\n"
	}
	return text
}

// Whatever is interrupted, and whatever users do, no two guests may write to a disk that is not shared; and when the
// interruptions end, a WukongVM that alone lists the disk gets it. WUKONG_WALKS is the number of walks, if not 500.
func TestNoWalkGivesADiskToTwoGuests(t *testing.T) {
	walks, handed := 500, 0
	if wanted, err := strconv.Atoi(os.Getenv("WUKONG_WALKS")); err == nil {
		walks = wanted
	}
	for seed := range uint64(walks) {
		wrong, times := walk(seed, rules{})
		require.Empty(t, wrong)
		handed += times
	}
	require.Greater(t, handed, 3*walks, "hardly a disk got another owner")
}

// The walk is able to fail: it finds each of these mistakes.
func TestTheWalkFindsABrokenRule(t *testing.T) {
	for name, broken := range map[string]rules{
		"the disk forgets what a deleted WukongVM left behind": {forgetsLeftovers: true},
		"the disk is released when spec no longer lists it":    {releasesEarly: true},
		"a WukongVM does not wait until it is named":           {usesUnnamed: true},
		"a controller does not see what another wrote":         {forgetsWrites: true},
	} {
		t.Run(name, func(t *testing.T) {
			found := ""
			for seed := uint64(0); found == "" && seed < 200; seed++ {
				found, _ = walk(seed, broken)
			}
			assert.Contains(t, found, "two may write to the claim", "or the walks cannot fail")
		})
	}
}
