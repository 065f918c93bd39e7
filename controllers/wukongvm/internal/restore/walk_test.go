package restore_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/internal/protocol/copies"
	"github.com/novasphere/wukong/controllers/internal/protocol/custody"
	"github.com/novasphere/wukong/controllers/internal/protocol/diskrestore"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/disks"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/power"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/restore"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// names are the disks of the WukongVM, and the claims that they began with.
var names = []string{"root", "data"}

// snapshotContent is what a claim has that was filled from the snapshot.
const snapshotContent = "snapshot"

// halves are both halves of the restore of a WukongVM with two disks, and everything between them: KubeVirt, CDI, the
// storage, and a user who changes the request, the power state and what is running. Each step of a walk is one of them.
// A pass of a controller may end after any of its writes, may see an old version of the others' objects, and may find
// that its own status was lost.
type halves struct {
	random *rand.Rand
	trace  []string
	now    time.Time

	vm             *v1alpha1.WukongVM
	disks          map[string]*v1alpha1.WukongDisk
	seenVM         *v1alpha1.WukongVM
	seenDisks      map[string]*v1alpha1.WukongDisk
	snapshot       *v1alpha1.WukongSnapshot
	safety         map[string]*v1alpha1.WukongSnapshot
	volumes        map[string]*cdiv1.DataVolume
	virtualMachine *kubevirtv1.VirtualMachine
	instance       *kubevirtv1.VirtualMachineInstance

	// content of each claim: the first one, or the request that it was restored for.
	content map[string]string
	// broken: a guest does not start on restored claims.
	broken bool
	// startedOutside: somebody started the guest while Wukong kept it stopped.
	startedOutside bool
	// deleted: a user deleted a claim that could have been put back.
	deleted bool
	// mixed: a user was told that the disks are of two times, and has them so.
	mixed bool
	// replaced counts how often a disk was replaced for a request.
	replaced map[string]int
	writes   int
	// quiet: the interruptions have ended.
	quiet bool
	lost  string
}

func newHalves(seed uint64) *halves {
	h := &halves{
		random: rand.New(rand.NewPCG(seed, 7)), now: time.Unix(1_800_000_000, 0),
		disks: map[string]*v1alpha1.WukongDisk{}, seenDisks: map[string]*v1alpha1.WukongDisk{},
		volumes: map[string]*cdiv1.DataVolume{}, content: map[string]string{},
		safety: map[string]*v1alpha1.WukongSnapshot{}, replaced: map[string]int{},
	}
	h.broken = h.random.IntN(3) == 0
	h.vm = &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{
			Name: "web", Namespace: "shop", UID: "vm", Annotations: map[string]string{},
			CreationTimestamp: metav1.NewTime(h.now.Add(-time.Hour)),
		},
		Spec: v1alpha1.WukongVMSpec{PowerState: v1alpha1.PowerRunning, RestartPolicy: v1alpha1.RestartAlways},
	}
	h.snapshot = &v1alpha1.WukongSnapshot{
		ObjectMeta: metav1.ObjectMeta{Name: "before", Namespace: "shop"},
		Status: v1alpha1.WukongSnapshotStatus{OperationStatus: v1alpha1.OperationStatus{
			Phase: v1alpha1.OperationSucceeded, Conditions: isReady(),
		}},
	}
	for _, name := range names {
		h.vm.Spec.Disks = append(h.vm.Spec.Disks, v1alpha1.VMDisk{
			Name: name, Bus: "virtio", DiskRef: &v1alpha1.LocalObjectReference{Name: name},
		})
		h.disks[name] = &v1alpha1.WukongDisk{
			ObjectMeta: metav1.ObjectMeta{
				Name: name, Namespace: "shop", UID: types.UID(name),
				Annotations: map[string]string{v1alpha1.AnnotationFilled: name},
			},
			Spec: v1alpha1.WukongDiskSpec{Size: ptr.To(resource.MustParse("1Gi"))},
			Status: v1alpha1.WukongDiskStatus{
				ClaimName: name, AttachedTo: "web", Conditions: isReady(), Phase: v1alpha1.DiskReady,
			},
		}
		h.volumes[name] = &cdiv1.DataVolume{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Status: cdiv1.DataVolumeStatus{Phase: cdiv1.Succeeded},
		}
		h.content[name] = "first"
		h.snapshot.Status.Disks = append(h.snapshot.Status.Disks, v1alpha1.SnapshotDiskStatus{
			Name: name, DiskName: name, VolumeSnapshotName: "cut-" + name,
		})
	}
	h.look()
	return h
}

func isReady() []metav1.Condition {
	return []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady},
		{Type: v1alpha1.ConditionComplete, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady},
	}
}

func (h *halves) sayf(format string, arguments ...any) {
	h.trace = append(h.trace, fmt.Sprintf(format, arguments...))
}

func (h *halves) breaksf(format string, arguments ...any) {
	if h.lost == "" {
		h.lost = fmt.Sprintf(format, arguments...)
	}
}

// look brings the caches of both controllers up to date.
func (h *halves) look() {
	h.seenVM = h.vm.DeepCopy()
	for name, disk := range h.disks {
		h.seenDisks[name] = disk.DeepCopy()
	}
}

// arranged are the DataVolumes of a disk in their roles.
func (h *halves) arranged(disk string) copies.Copies {
	var list []*cdiv1.DataVolume
	for _, name := range h.volumeNames() {
		if h.volumes[name].Labels[v1alpha1.LabelDisk] == disk {
			list = append(list, h.volumes[name])
		}
	}
	found := copies.Arrange(h.disks[disk], list)
	if first := h.volumes[disk]; first != nil && found.Current != disk {
		found.Retire(first)
	}
	return found
}

func (h *halves) volumeNames() []string {
	var all []string
	for name := range h.volumes {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func (h *halves) claim(name string) *corev1.PersistentVolumeClaim {
	volume := h.volumes[name]
	if volume == nil {
		return nil
	}
	phase := corev1.ClaimPending
	if volume.Status.Phase == cdiv1.Succeeded {
		phase = corev1.ClaimBound
	}
	return keeptest.Object(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PersistentVolumeClaimStatus{Phase: phase},
	}, diskstate.KeepClaim)
}

// passOfDisk is a pass of a disk's controller that ends after some writes.
func (h *halves) passOfDisk(name string, writes int, vm *v1alpha1.WukongVM) {
	disk, found := h.disks[name], h.arranged(name)
	in := diskrestore.Inputs{Disk: disk, VM: vm, Copies: found, Claim: h.claim(found.Current)}
	in.DataVolume = h.volumes[found.Current]
	in.Complete = in.Claim != nil && in.Claim.Status.Phase == corev1.ClaimBound
	if cut := in.Snapshot(); cut != "" {
		in.Origin = diskrestore.Origin{Source: &cdiv1.DataVolumeSource{
			Snapshot: &cdiv1.DataVolumeSourceSnapshot{Namespace: "shop", Name: cut},
		}}
	}
	if found.Restored != nil {
		in.TargetClaim = h.claim(found.Restored.Name)
	} else if target := in.TargetName(); target != "" {
		in.TargetClaim = h.claim(target)
	}
	decided := in.Decide()
	if writes == 0 {
		return
	}
	switch {
	case decided.Create != nil:
		h.create(decided.Create)
	case decided.Remove != nil:
		h.delete(decided.Remove.Name)
	case decided.Mark != nil:
		h.mark(name, decided.Mark, decided.Annotations)
	}
	if writes == 1 {
		return
	}
	disk.Status = v1alpha1.WukongDiskStatus{
		ClaimName: found.Current, Conditions: isReady(), Phase: v1alpha1.DiskReady, Restore: decided.Status.DeepCopy(),
		AttachedTo: custody.Inputs{Disk: disk, VMs: []v1alpha1.WukongVM{*h.vm}}.AttachedTo(),
	}
	for _, stale := range found.Stale {
		if !in.Spares(stale) {
			h.delete(stale.Name)
		}
	}
}

func (h *halves) create(volume *cdiv1.DataVolume) {
	if h.volumes[volume.Name] != nil {
		return
	}
	h.sayf("disk: creates %s", volume.Name)
	made := volume.DeepCopy()
	made.CreationTimestamp = metav1.NewTime(h.now)
	h.volumes[made.Name], h.content[made.Name] = made, ""
}

func (h *halves) delete(name string) {
	if h.volumes[name] == nil {
		return
	}
	h.sayf("disk: deletes %s", name)
	for _, disk := range names {
		found := h.arranged(disk)
		if found.Current == name {
			h.breaksf("%s is deleted, which holds disk %s", name, disk)
		}
		if found.Previous != nil && found.Previous.Name == name {
			h.breaksf("%s is deleted, which may be put back", name)
		}
	}
	// A claim that was rejected is kept by the finalizer kubernetes.io/pvc-protection as long as a pod has it.
	if h.instance != nil && slices.Contains(claimsOf(h.instance), name) && !copies.Rejected(h.volumes[name]) {
		h.breaksf("%s is deleted, which the guest has", name)
	}
	delete(h.volumes, name)
	delete(h.content, name)
}

// mark sets annotations of a DataVolume.
func (h *halves) mark(disk string, volume *cdiv1.DataVolume, annotations map[string]any) {
	target := h.volumes[volume.Name]
	if target == nil {
		return
	}
	for key, value := range annotations {
		if value == nil {
			delete(target.Annotations, key)
		} else {
			target.Annotations[key] = value.(string)
		}
	}
	if annotations[v1alpha1.AnnotationInUse] == "true" {
		h.sayf("disk: %s holds disk %s", target.Name, disk)
		key := disk + " " + copies.RestoredFor(target)
		h.replaced[key]++
		if h.replaced[key] > 1 {
			h.breaksf("disk %s is restored twice for one request", disk)
		}
		if h.instance != nil && !h.startedOutside {
			h.breaksf("disk %s is replaced while a guest writes to it", disk)
		}
		return
	}
	h.sayf("disk: %s %v", target.Name, target.Annotations)
}

// passOfVM is a pass of the WukongVM's controller that ends after some writes.
func (h *halves) passOfVM(writes int, known map[string]*v1alpha1.WukongDisk) {
	view := virt.View{Machine: h.virtualMachine.DeepCopy(), Instance: h.instance}
	in := restore.Inputs{VM: h.vm, View: view, Disks: known, Served: true, Now: h.now}
	if h.vm.Spec.Restore != nil {
		in.Snapshot = h.snapshot
	}
	if status := h.vm.Status.Restore; status != nil {
		in.Safety = h.safety[status.SafetySnapshotName]
	}
	plan := restore.Make(in)
	storage := disks.Inputs{VM: h.vm, View: view, Disks: known, Owners: map[string]string{}, Restore: plan}
	for _, disk := range known {
		for _, claim := range model.ClaimsOf(disk).Held() {
			storage.Owners[claim] = disk.Name
		}
	}
	runs := power.Inputs{VM: h.vm, View: view, Waits: storage.Lacks(), Held: plan.Holds()}
	if writes == 0 {
		return
	}
	if plan.Mark != "" {
		h.vm.Annotations[v1alpha1.AnnotationRestoreRequest] = plan.Mark
	}
	if writes == 1 {
		return
	}
	if !h.quiet && h.random.IntN(20) == 0 {
		h.startOutside() // between what the pass read and what it writes
	}
	if !h.apply(plan.Lock(), storage, runs) || writes == 2 {
		return
	}
	if plan.MakesSafety && h.safety[plan.Status.SafetySnapshotName] == nil {
		h.safety[plan.Status.SafetySnapshotName] = plan.SafetySnapshot()
		h.sayf("vm: makes %s", plan.Status.SafetySnapshotName)
	}
	if writes == 3 {
		return
	}
	if before, after := phaseOf(h.vm.Status.Restore), phaseOf(plan.Status); before != after {
		h.sayf("vm: %s -> %s", before, after)
		h.mixed = h.mixed || after == v1alpha1.RestoreNotRolledBack && h.deleted
	}
	h.vm.Status.Restore = plan.Status
	storage.Machine = h.virtualMachine
	h.vm.Status.Disks = disks.Report{Inputs: storage, Written: true}.Status()
}

func phaseOf(status *v1alpha1.VMRestoreStatus) v1alpha1.RestorePhase {
	if status == nil {
		return "none"
	}
	return status.Phase
}

// apply writes the VirtualMachine. The API server refuses a write with the version of an older one.
func (h *halves) apply(lock string, storage disks.Inputs, runs power.Inputs) bool {
	if h.virtualMachine != nil && lock != "" && lock != h.virtualMachine.ResourceVersion {
		return false
	}
	devices, volumes := storage.Storage("secret")
	next := &kubevirtv1.VirtualMachine{}
	if h.virtualMachine != nil {
		next = h.virtualMachine.DeepCopy()
	}
	next.Spec.RunStrategy = ptr.To(runs.Strategy())
	next.Spec.Template = &kubevirtv1.VirtualMachineInstanceTemplateSpec{}
	next.Spec.Template.Spec.Domain.Devices.Disks, next.Spec.Template.Spec.Volumes = devices, volumes
	h.writes++
	next.ResourceVersion = strconv.Itoa(h.writes)
	h.virtualMachine = next
	return true
}

// startOutside is 'virtctl start' of a VirtualMachine that is halted.
func (h *halves) startOutside() {
	if h.virtualMachine == nil || h.instance != nil ||
		*h.virtualMachine.Spec.RunStrategy != kubevirtv1.RunStrategyHalted {
		return
	}
	h.sayf("user: virtctl start")
	h.startedOutside = true
	h.writes++
	h.virtualMachine = h.virtualMachine.DeepCopy()
	h.virtualMachine.ResourceVersion = strconv.Itoa(h.writes)
	h.virtualMachine.Spec.RunStrategy = ptr.To(kubevirtv1.RunStrategyAlways)
	h.kubevirt()
}

func claimsOf(instance *kubevirtv1.VirtualMachineInstance) []string {
	var claims []string
	for i := range instance.Spec.Volumes {
		if claim := virt.ClaimOf(&instance.Spec.Volumes[i]); claim != "" {
			claims = append(claims, claim)
		}
	}
	return claims
}

// kubevirt starts and stops the instance as the VirtualMachine asks.
func (h *halves) kubevirt() {
	if h.virtualMachine == nil {
		return
	}
	halted := *h.virtualMachine.Spec.RunStrategy == kubevirtv1.RunStrategyHalted
	switch {
	case h.instance == nil && !halted:
		h.start()
	case h.instance != nil && halted:
		h.sayf("kubevirt: the instance is gone")
		h.instance = nil
	case h.instance != nil && h.instance.Status.Phase != kubevirtv1.Running && !h.isBroken():
		h.instance.Status.Phase = kubevirtv1.Running
	}
}

func (h *halves) isBroken() bool {
	return h.broken && slices.ContainsFunc(claimsOf(h.instance), func(claim string) bool {
		return h.content[claim] != "first"
	})
}

func (h *halves) start() {
	template := h.virtualMachine.Spec.Template.Spec
	instance := keeptest.Object(&kubevirtv1.VirtualMachineInstance{
		ObjectMeta: metav1.ObjectMeta{Name: "web", UID: types.UID(strconv.Itoa(len(h.trace)))},
		Spec:       *template.DeepCopy(),
		Status:     kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Scheduling},
	}, virt.KeepInstance)
	contents := map[string]bool{}
	claims := claimsOf(instance)
	for _, claim := range claims {
		if h.volumes[claim] == nil || h.volumes[claim].Status.Phase != cdiv1.Succeeded {
			return // KubeVirt waits for the DataVolume
		}
		contents[h.content[claim]] = true
	}
	if len(claims) < len(names) {
		return
	}
	h.sayf("kubevirt: starts on %v", claims)
	if len(contents) > 1 && !h.mixed {
		h.breaksf("a guest starts on disks of two times: %v", claims)
	}
	h.instance = instance
}

// cdi fills DataVolumes.
func (h *halves) cdi() {
	for _, name := range h.volumeNames() {
		if volume := h.volumes[name]; volume.Status.Phase != cdiv1.Succeeded && h.random.IntN(2) == 0 {
			volume.Status.Phase = cdiv1.Succeeded
			h.content[name] = snapshotContent + copies.RestoredFor(volume)
		}
	}
}

// storage takes the safety snapshot.
func (h *halves) storage() {
	for _, safety := range h.safety {
		if safety.Status.Phase == v1alpha1.OperationSucceeded {
			continue
		}
		if h.instance != nil {
			continue // it asks for Application
		}
		safety.Status.Phase, safety.Status.Conditions = v1alpha1.OperationSucceeded, isReady()
	}
}

// user changes what is asked for.
func (h *halves) user() {
	switch h.random.IntN(7) {
	case 6:
		h.sayf("user: kubectl replace")
		h.vm.Annotations = map[string]string{}
	case 0, 1:
		h.vm.Spec.Restore = &v1alpha1.VMRestore{
			RequestedAt:          metav1.NewTime(h.now.Truncate(time.Second)),
			SnapshotRef:          v1alpha1.LocalObjectReference{Name: "before"},
			StartDeadlineSeconds: ptr.To[int64](120), Stop: v1alpha1.RestoreStopGraceful,
		}
		if h.random.IntN(2) == 0 {
			h.vm.Spec.Restore.SafetySnapshot = v1alpha1.SafetySnapshotSkip
		}
		h.sayf("user: asks for a restore at %s", h.vm.Spec.Restore.RequestedAt.Format(time.TimeOnly))
	case 2:
		h.sayf("user: takes the request back")
		h.vm.Spec.Restore = nil
	case 3:
		h.vm.Spec.PowerState = v1alpha1.PowerStopped
		h.sayf("user: powerState Stopped")
	case 4:
		h.vm.Spec.PowerState = v1alpha1.PowerRunning
		h.sayf("user: powerState Running")
	case 5:
		h.startOutside()
	}
}

// forget loses the status of an object, as a restore of the cluster from a backup does.
func (h *halves) forget() {
	if h.random.IntN(2) == 0 {
		h.sayf("the status of the WukongVM is lost")
		h.vm.Status = v1alpha1.WukongVMStatus{}
		return
	}
	name := names[h.random.IntN(len(names))]
	h.sayf("the status of disk %s is lost", name)
	h.disks[name].Status = v1alpha1.WukongDiskStatus{}
}

// deletePrevious is a user who deletes a claim that a restore has replaced and may put back.
func (h *halves) deletePrevious() {
	found := h.arranged(names[h.random.IntN(len(names))])
	if found.Previous == nil {
		return
	}
	h.sayf("user: deletes %s", found.Previous.Name)
	h.deleted = true
	delete(h.volumes, found.Previous.Name)
	delete(h.content, found.Previous.Name)
}

func (h *halves) step() {
	h.now = h.now.Add(time.Duration(1+h.random.IntN(8)) * time.Second)
	vm, known := h.seenVM, h.seenDisks
	switch h.random.IntN(16) {
	case 0, 1, 2, 3:
		h.passOfDisk(names[h.random.IntN(len(names))], h.random.IntN(4), vm)
	case 4, 5, 6, 7:
		h.passOfVM(h.random.IntN(6), known)
	case 8, 9:
		h.kubevirt()
	case 10:
		h.cdi()
	case 11:
		h.storage()
	case 12:
		if h.random.IntN(4) == 0 {
			h.user()
		}
	case 13:
		switch h.random.IntN(20) {
		case 0:
			h.forget()
		case 1:
			h.deletePrevious()
		}
	default:
		h.look()
	}
}

// settle runs everything without interruptions until nothing is left to do.
func (h *halves) settle() {
	h.quiet = true
	for pass := range 450 {
		h.now = h.now.Add(3 * time.Second)
		h.look()
		if pass == 300 && h.deleted && phaseOf(h.vm.Status.Restore) == v1alpha1.RestoreRollingBack {
			h.sayf("user: does as the condition says: powerState Stopped, and no restore")
			h.vm.Spec.PowerState, h.vm.Spec.Restore = v1alpha1.PowerStopped, nil
		}
		h.passOfVM(9, h.seenDisks)
		for _, name := range names {
			h.look()
			h.passOfDisk(name, 9, h.seenVM)
		}
		h.kubevirt()
		h.cdi()
		h.storage()
	}
}

// settled is what is wrong after the interruptions ended; empty for nothing.
func (h *halves) settled() string {
	phase := phaseOf(h.vm.Status.Restore)
	keeps, restored := phase == v1alpha1.RestoreSwitched, phase == v1alpha1.RestoreSwitched
	switch phase {
	case v1alpha1.RestoreFailed, v1alpha1.RestoreRolledBack, v1alpha1.RestoreSkipped, "none",
		v1alpha1.RestoreSwitched:
	case v1alpha1.RestoreSucceeded:
		restored = true
	case v1alpha1.RestoreStarting: // the guest does not start, and cannot have its previous disks
		keeps, restored = h.deleted && h.broken, true
	case v1alpha1.RestoreNotRolledBack:
		if !h.deleted {
			return "the disks were not put back, and nobody deleted their claims"
		}
	default:
		return fmt.Sprintf("the restore ends as %s", phase)
	}
	if stopped := h.vm.Spec.PowerState == v1alpha1.PowerStopped; stopped != (h.instance == nil) {
		return fmt.Sprintf("powerState is %s, and the instance is %v", h.vm.Spec.PowerState, h.instance)
	}
	contents := map[string]bool{}
	for _, name := range names {
		found := h.arranged(name)
		contents[h.content[found.Current]] = true
		if left := found.All(); len(left) > 0 && !keeps {
			return fmt.Sprintf("%d DataVolumes of disk %s are left behind", len(left), name)
		}
	}
	if len(contents) != 1 && !h.mixed {
		return fmt.Sprintf("the disks are of two times: %v", contents)
	}
	asked := h.vm.Spec.Restore
	if asked == nil || phase == v1alpha1.RestoreSkipped || h.mixed {
		return ""
	}
	made := snapshotContent + asked.RequestedAt.UTC().Format(time.RFC3339) + "/vm"
	if contents[made] != restored {
		return fmt.Sprintf("the restore ends as %s, and the disks are %v", phase, contents)
	}
	return ""
}

// TestNoWalkThroughARestoreMixesOrLosesDisks walks through both halves in random order. In each state the claim of each
// disk exists, a guest has all disks of one time, and a request replaces a disk once at most. When the interruptions
// end, the restore ends, nothing is left behind, and the WukongVM is as powerState says.
func TestNoWalkThroughARestoreMixesOrLosesDisks(t *testing.T) {
	walks := 150
	if asked, err := strconv.Atoi(os.Getenv("WUKONG_WALKS")); err == nil {
		walks = asked
	}
	ends := map[v1alpha1.RestorePhase]int{}
	for seed := range uint64(walks) {
		h := newHalves(seed)
		for range 300 {
			h.step()
			require.Empty(t, h.lost, "walk %d: %v", seed, h.trace)
		}
		h.settle()
		require.Empty(t, h.lost, "walk %d, after the interruptions: %v", seed, h.trace)
		require.Empty(t, h.settled(), "walk %d, after the interruptions: %v", seed, h.trace)
		ends[phaseOf(h.vm.Status.Restore)]++
	}
	t.Logf("the restores of %d walks ended as %v", walks, ends)
	for _, phase := range []v1alpha1.RestorePhase{
		v1alpha1.RestoreSucceeded, v1alpha1.RestoreRolledBack, v1alpha1.RestoreSwitched, "none",
	} {
		require.NotZero(t, ends[phase], "no walk ended as %s", phase)
	}
}
