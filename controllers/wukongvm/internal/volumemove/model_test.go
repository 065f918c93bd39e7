package volumemove_test

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
	"github.com/novasphere/wukong/controllers/internal/protocol/diskmove"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/disks"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/power"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

// halves are both halves of the move of a disk, and everything between them: KubeVirt, CDI, a guest that writes, and a
// user who changes the spec. Each step of a walk is one of them. A pass of a controller may end after any of its
// writes, and may see an old version of the other's object.
type halves struct {
	random *rand.Rand
	trace  []string

	disk *v1alpha1.WukongDisk
	vm   *v1alpha1.WukongVM
	// seen are the versions that the other controller saw last, and may see once more.
	seenDisk *v1alpha1.WukongDisk
	seenVM   *v1alpha1.WukongVM

	volumes        map[string]*cdiv1.DataVolume
	virtualMachine *kubevirtv1.VirtualMachine
	instance       *kubevirtv1.VirtualMachineInstance

	// newest is the number of the guest's last write, and bytes the number of the last write that each claim has.
	// copying is what a clone has read.
	newest    int
	bytes     map[string]int
	copying   map[string]int
	instances int
	lost      string
}

const empty = -1

func newHalves(seed uint64) *halves {
	m := &halves{
		random: rand.New(rand.NewPCG(seed, 1)), volumes: map[string]*cdiv1.DataVolume{},
		bytes:   map[string]int{"data": 0},
		copying: map[string]int{},
		disk: &v1alpha1.WukongDisk{
			ObjectMeta: metav1.ObjectMeta{
				Name: "data", Namespace: "shop", UID: "disk", Annotations: map[string]string{},
			},
			Spec:   v1alpha1.WukongDiskSpec{Size: ptr.To(resource.MustParse("1Gi")), StorageClassName: ptr.To("fast")},
			Status: v1alpha1.WukongDiskStatus{ClaimName: "data"},
		},
		vm: &v1alpha1.WukongVM{
			ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "vm"},
			Spec: v1alpha1.WukongVMSpec{PowerState: v1alpha1.PowerRunning, RestartPolicy: v1alpha1.RestartAlways,
				Disks: []v1alpha1.VMDisk{
					{Name: "data", Bus: "virtio", DiskRef: &v1alpha1.LocalObjectReference{Name: "data"}},
				}},
		},
	}
	m.volumes["data"] = &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "data"}, Status: cdiv1.DataVolumeStatus{Phase: cdiv1.Succeeded},
		Spec: cdiv1.DataVolumeSpec{Storage: &cdiv1.StorageSpec{StorageClassName: ptr.To("fast")}},
	}
	m.seenDisk, m.seenVM = m.disk.DeepCopy(), m.vm.DeepCopy()
	return m
}

func (m *halves) sayf(format string, arguments ...any) {
	m.trace = append(m.trace, fmt.Sprintf(format, arguments...))
}

func (m *halves) claim(name string) *corev1.PersistentVolumeClaim {
	dataVolume := m.volumes[name]
	if dataVolume == nil {
		return nil
	}
	claim := keeptest.Object(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.PersistentVolumeClaimSpec{StorageClassName: dataVolume.Spec.Storage.StorageClassName},
		Status:     corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending},
	}, diskstate.KeepClaim)
	if dataVolume.Status.Phase == cdiv1.Succeeded {
		claim.Status.Phase = corev1.ClaimBound
	}
	return claim
}

// passOfDisk is a pass of the disk's controller that ends after some writes.
func (m *halves) passOfDisk(writes int, vm *v1alpha1.WukongVM) {
	var moved []*cdiv1.DataVolume
	for _, name := range sortedNames(m.volumes) {
		if name != "data" {
			moved = append(moved, m.volumes[name])
		}
	}
	arranged := copies.Arrange(m.disk, moved)
	if first := m.volumes["data"]; first != nil && arranged.Current != "data" {
		arranged.Stale = append(arranged.Stale, first)
	}
	users := []v1alpha1.WukongVM{}
	if model.Uses(vm, m.disk) {
		users = append(users, *vm)
	}
	in := diskmove.Inputs{
		Disk: m.disk, VMs: users, Copies: arranged, ClassFound: true, RequestedSize: m.disk.Spec.Size,
		AttachedTo: custody.Inputs{Disk: m.disk, VMs: users}.AttachedTo(),
	}
	decide := func() diskmove.Decision {
		in.DataVolume, in.Claim = m.volumes[in.Copies.Current], m.claim(in.Copies.Current)
		in.Complete = in.Claim != nil && in.Claim.Status.Phase == corev1.ClaimBound
		in.TargetClaim = nil
		if in.Copies.Target != nil {
			in.TargetClaim = m.claim(in.Copies.Target.Name)
		} else if class := in.OtherClass(); class != "" {
			in.TargetClaim = m.claim(diskmove.TargetName(m.disk, class, in.Copies.Current))
		}
		return in.Decide()
	}
	decided := decide()
	if writes == 0 {
		return
	}
	switch {
	case decided.Create != nil:
		m.sayf("disk: create %s", decided.Create.Name)
		m.create(decided.Create)
	case decided.Remove != nil:
		m.sayf("disk: remove %s", decided.Remove.Name)
		m.delete(decided.Remove.Name)
	case decided.Finish:
		m.sayf("disk: %s is in use", in.Copies.Target.Name)
		in.Copies.Target.Annotations[v1alpha1.AnnotationInUse] = "true"
		if current := m.volumes[in.Copies.Current]; current != nil {
			in.Copies.Stale = append(in.Copies.Stale, current)
		}
		in.Copies.Current, in.Copies.Target = in.Copies.Target.Name, nil
		decided = decide()
	}
	if writes == 1 {
		return
	}
	before := moveText(m.disk.Status.Move)
	m.disk.Status = v1alpha1.WukongDiskStatus{ClaimName: in.Copies.Current, AttachedTo: in.AttachedTo,
		Move: decided.Status.DeepCopy()}
	if now := moveText(m.disk.Status.Move); now != before {
		m.sayf("disk: move is %s", now)
	}
	ready := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady}
	if decided.Locked() || decided.Undecided() {
		ready.Status, ready.Reason = metav1.ConditionFalse, decided.Reason
	}
	m.disk.Status.Conditions = []metav1.Condition{ready}
	if decided.Reason != "" {
		m.disk.Status.Conditions = append(m.disk.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionStorageMoved, Status: metav1.ConditionFalse, Reason: decided.Reason,
			Message: decided.Message,
		})
	}
	for _, stale := range in.Copies.Stale {
		m.sayf("disk: clear away %s", stale.Name)
		m.delete(stale.Name)
	}
}

func (m *halves) create(dataVolume *cdiv1.DataVolume) {
	if m.volumes[dataVolume.Name] != nil {
		return
	}
	created := dataVolume.DeepCopy()
	created.CreationTimestamp = metav1.NewTime(time.Unix(int64(len(m.trace)), 0))
	m.volumes[created.Name], m.bytes[created.Name] = created, empty
	if source := created.Spec.Source; source != nil && source.PVC != nil {
		m.copying[created.Name] = m.bytes[source.PVC.Name]
	}
}

func (m *halves) delete(name string) {
	delete(m.volumes, name)
	delete(m.bytes, name)
	delete(m.copying, name)
}

// passOfVM is a pass of the WukongVM's controller that ends after some writes.
func (m *halves) passOfVM(writes int, disk *v1alpha1.WukongDisk) {
	known := map[string]*v1alpha1.WukongDisk{"data": disk}
	view := virt.View{Machine: m.virtualMachine, Instance: m.instance}
	moves := volumemove.Make(volumemove.Inputs{VM: m.vm, View: view, Disks: known, Nodes: volumemove.EnoughNodes})
	in := disks.Inputs{VM: m.vm, View: view, Disks: known, Owners: map[string]string{}, Moves: moves}
	for name := range m.volumes {
		in.Owners[name] = "data"
	}
	runs := power.Inputs{VM: m.vm, View: view, Waits: moves.Copies() || in.Lacks(), Undecided: moves.Undecided(),
		Migrates: moves.Migrates()}
	problem := in.Problem()
	if writes == 0 {
		return
	}
	written := true
	if problem != nil && problem.Blocking {
		written, runs.Incomplete = false, true
		if strategy, changes := runs.Change(); changes {
			m.virtualMachine.Spec.RunStrategy = &strategy
		}
	} else {
		devices, volumes := in.Storage("secret")
		next := &kubevirtv1.VirtualMachine{}
		if m.virtualMachine != nil {
			next = m.virtualMachine.DeepCopy()
		}
		before := ""
		if _, volume := virt.TemplateDisk(m.virtualMachine, "data"); volume != nil {
			before = virt.ClaimOf(volume)
		}
		next.Annotations = moves.Annotations()
		next.Spec.RunStrategy, next.Spec.UpdateVolumesStrategy = ptr.To(runs.Strategy()), moves.Strategy(volumes)
		next.Spec.Template = &kubevirtv1.VirtualMachineInstanceTemplateSpec{}
		next.Spec.Template.Spec.Domain.Devices.Disks, next.Spec.Template.Spec.Volumes = devices, volumes
		m.virtualMachine = next
		if _, volume := virt.TemplateDisk(m.virtualMachine, "data"); volume != nil && virt.ClaimOf(volume) != before {
			m.sayf("vm: the VirtualMachine has %s", virt.ClaimOf(volume))
		}
	}
	if writes == 1 {
		return
	}
	before := answerOf(m.vm)
	in.Machine = m.virtualMachine
	m.vm.Status.Disks = disks.Report{Inputs: in, Written: written}.Status()
	if now := answerOf(m.vm); now != before {
		m.sayf("vm: answers %s", now)
	}
}

func moveText(move *v1alpha1.DiskMove) string {
	if move == nil {
		return "none"
	}
	return fmt.Sprint(move.Method, " ", move.Phase, " to ", move.TargetClaimName)
}

func answerOf(vm *v1alpha1.WukongVM) string {
	for _, entry := range vm.Status.Disks {
		if entry.Move != nil {
			return fmt.Sprint(entry.Move.State, " to ", entry.Move.TargetClaimName)
		}
	}
	return "nothing"
}

func templateClaim(virtualMachine *kubevirtv1.VirtualMachine) string {
	if _, volume := virt.TemplateDisk(virtualMachine, "data"); volume != nil {
		return virt.ClaimOf(volume)
	}
	return ""
}

// kubevirt is a step of KubeVirt: it starts and stops the instance as the VirtualMachine asks, and migrates its
// volume.
func (m *halves) kubevirt() {
	if m.virtualMachine == nil {
		return
	}
	wanted := templateClaim(m.virtualMachine)
	halted, manual := *m.virtualMachine.Spec.RunStrategy == kubevirtv1.RunStrategyHalted,
		*m.virtualMachine.Spec.RunStrategy == kubevirtv1.RunStrategyManual
	if m.instance == nil {
		m.recover(wanted)
		recovery := virt.HasCondition(m.virtualMachine, kubevirtv1.VirtualMachineManualRecoveryRequired)
		if !halted && !manual && !recovery && m.volumes[wanted] != nil &&
			m.volumes[wanted].Status.Phase == cdiv1.Succeeded {
			m.start(wanted)
		}
		return
	}
	if halted || m.instance.IsFinal() {
		if halted || !manual || m.random.IntN(2) == 0 { // a final instance may remain, or somebody deletes it
			m.stop()
		}
		return
	}
	has, migrates := virt.VolumeOf(m.instance, "data")
	asked := m.virtualMachine.Spec.UpdateVolumesStrategy != nil
	switch {
	case migrates && wanted == m.instance.Status.MigratedVolumes[0].SourcePVCInfo.ClaimName:
		m.sayf("kubevirt: takes the volume back")
		setClaim(m.instance, wanted)
		m.instance.Status.MigratedVolumes, m.instance.Status.Conditions = nil, ready()
	case migrates && has == wanted:
		if m.random.IntN(2) == 0 {
			m.sayf("kubevirt: the volume has moved to %s", wanted)
			m.bytes[wanted] = m.newest
			m.virtualMachine.Status.VolumeUpdateState = &kubevirtv1.VolumeUpdateState{
				VolumeMigrationState: &kubevirtv1.VolumeMigrationState{
					MigratedVolumes: m.instance.Status.MigratedVolumes,
				}}
			m.instance.Status.MigratedVolumes, m.instance.Status.Conditions = nil, ready()
		}
	case migrates:
		setClaim(m.instance, wanted)
	case has != wanted && asked && m.volumes[wanted] != nil && m.virtualMachine.Status.Conditions == nil:
		m.sayf("kubevirt: begins to migrate to %s", wanted)
		m.instance.Status.MigratedVolumes = []kubevirtv1.StorageMigratedVolumeInfo{{
			VolumeName: "data", SourcePVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: has},
			DestinationPVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: wanted},
		}}
		m.instance.Status.Conditions = append(ready(), kubevirtv1.VirtualMachineInstanceCondition{
			Type: kubevirtv1.VirtualMachineInstanceVolumesChange, Status: corev1.ConditionTrue,
		})
		setClaim(m.instance, wanted)
	case has != wanted && !asked:
		m.setCondition(kubevirtv1.VirtualMachineRestartRequired)
	}
}

// recover is KubeVirt's reaction to an instance that ended while its volume migrated.
func (m *halves) recover(wanted string) {
	state := m.virtualMachine.Status.VolumeUpdateState
	broke := virt.HasCondition(m.virtualMachine,
		kubevirtv1.VirtualMachineConditionType(kubevirtv1.VirtualMachineInstanceVolumesChange))
	if !broke || state == nil {
		return
	}
	if wanted == state.VolumeMigrationState.MigratedVolumes[0].SourcePVCInfo.ClaimName {
		m.virtualMachine.Status.VolumeUpdateState, m.virtualMachine.Status.Conditions = nil, nil
		return
	}
	m.setCondition(kubevirtv1.VirtualMachineManualRecoveryRequired)
}

func (m *halves) start(claim string) {
	m.instances++
	m.sayf("kubevirt: starts instance %d on %s", m.instances, claim)
	if m.bytes[claim] != m.newest {
		m.lost = fmt.Sprintf("a guest starts on %s, which has the writes up to %d of %d", claim,
			m.bytes[claim], m.newest)
	}
	m.instance = keeptest.Object(&kubevirtv1.VirtualMachineInstance{
		ObjectMeta: metav1.ObjectMeta{Name: "web", UID: types.UID(fmt.Sprint(m.instances))},
		Spec:       *m.virtualMachine.Spec.Template.Spec.DeepCopy(),
		Status:     kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Running, Conditions: ready()},
	}, virt.KeepInstance)
	setClaim(m.instance, claim)
}

func (m *halves) stop() {
	m.sayf("kubevirt: the instance is gone")
	m.virtualMachine.Status.Conditions = nil
	if listed := m.instance.Status.MigratedVolumes; len(listed) > 0 {
		m.virtualMachine.Status.VolumeUpdateState = &kubevirtv1.VolumeUpdateState{
			VolumeMigrationState: &kubevirtv1.VolumeMigrationState{MigratedVolumes: listed}}
		m.setCondition(kubevirtv1.VirtualMachineConditionType(kubevirtv1.VirtualMachineInstanceVolumesChange))
	}
	m.instance = nil
}

func (m *halves) setCondition(conditionType kubevirtv1.VirtualMachineConditionType) {
	if !virt.HasCondition(m.virtualMachine, conditionType) {
		m.virtualMachine.Status.Conditions = append(m.virtualMachine.Status.Conditions,
			kubevirtv1.VirtualMachineCondition{Type: conditionType, Status: corev1.ConditionTrue})
	}
}

func ready() []kubevirtv1.VirtualMachineInstanceCondition {
	return []kubevirtv1.VirtualMachineInstanceCondition{
		{Type: kubevirtv1.VirtualMachineInstanceReady, Status: corev1.ConditionTrue}}
}

func setClaim(instance *kubevirtv1.VirtualMachineInstance, claim string) {
	for i := range instance.Spec.Volumes {
		if instance.Spec.Volumes[i].Name == "data" {
			instance.Spec.Volumes[i].DataVolume.Name = claim
		}
	}
	instance.Status.VolumeStatus = []kubevirtv1.VolumeStatus{{
		Name: "data", PersistentVolumeClaimInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: claim},
	}}
}

// cdi fills a DataVolume.
func (m *halves) cdi() {
	for _, name := range sortedNames(m.volumes) {
		if dataVolume := m.volumes[name]; dataVolume.Status.Phase != cdiv1.Succeeded && m.random.IntN(2) == 0 {
			dataVolume.Status.Phase = cdiv1.Succeeded
			if read, clones := m.copying[name]; clones {
				m.bytes[name] = read
			}
		}
	}
}

// guest writes to the claim that its instance has. While a volume migrates, that is the source.
func (m *halves) guest() {
	if m.instance == nil || m.instance.IsFinal() {
		return
	}
	m.newest++
	claim, migrates := virt.VolumeOf(m.instance, "data")
	if migrates {
		claim = m.instance.Status.MigratedVolumes[0].SourcePVCInfo.ClaimName
	}
	m.bytes[claim] = m.newest
}

// user changes the class or the power state, shuts down the guest, or deletes the VirtualMachine.
func (m *halves) user() {
	switch m.random.IntN(9) {
	case 0, 1, 2, 3:
		class := []string{"fast", "slow", "cold"}[m.random.IntN(3)]
		m.sayf("person: class %s", class)
		m.disk.Spec.StorageClassName = &class
	case 4, 5:
		m.vm.Spec.PowerState = []v1alpha1.PowerState{v1alpha1.PowerRunning, v1alpha1.PowerStopped}[m.random.IntN(2)]
		m.sayf("person: power %s", m.vm.Spec.PowerState)
	case 8:
		m.sayf("person: deletes the VirtualMachine")
		if m.instance != nil {
			m.stop()
		}
		m.virtualMachine = nil
	default:
		if m.instance != nil {
			m.sayf("the guest crashes")
			m.instance.Status.Phase = kubevirtv1.Failed
		}
	}
}

// answer does what a user does who is asked which claim has the newest data.
func (m *halves) answer() {
	asks := slices.ContainsFunc(m.disk.Status.Conditions,
		func(condition metav1.Condition) bool { return condition.Reason == v1alpha1.ReasonMoveUndecided })
	if !asks {
		return
	}
	for _, name := range sortedNames(m.volumes) {
		if m.bytes[name] == m.newest {
			m.sayf("person: %s has the newest data", name)
			m.disk.Annotations[v1alpha1.AnnotationClaimInUse] = name
			return
		}
	}
}

// check returns what was lost, or "".
func (m *halves) check() string {
	best := empty
	for _, has := range m.bytes {
		best = max(best, has)
	}
	if best != m.newest {
		return fmt.Sprintf("no claim has write %d: %v", m.newest, m.bytes)
	}
	return m.lost
}

// step is one step of one of them. A controller never sees an older version of an object than before.
func (m *halves) step(calm bool) {
	writes := 2
	if !calm {
		writes = m.random.IntN(3)
	}
	stale := !calm && m.random.IntN(4) == 0
	switch choice := m.random.IntN(12); {
	case choice < 3:
		if !stale {
			m.seenVM = m.vm.DeepCopy()
		}
		m.passOfDisk(writes, m.seenVM)
	case choice < 6:
		if !stale {
			m.seenDisk = m.disk.DeepCopy()
		}
		m.passOfVM(writes, m.seenDisk)
	case choice < 9:
		m.kubevirt()
	case choice == 9:
		m.cdi()
	case choice == 10:
		m.guest()
	case !calm:
		m.user()
	default:
		m.answer()
	}
}

func sortedNames[V any](of map[string]V) []string {
	var names []string
	for name := range of {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// settled reports whether the disk is where its spec says, with one claim.
func (m *halves) settled() bool {
	current := m.volumes[m.disk.Status.ClaimName]
	return m.disk.Status.Move == nil && len(m.volumes) == 1 && current != nil &&
		ptr.Deref(current.Spec.Storage.StorageClassName, "") == *m.disk.Spec.StorageClassName
}

// Whatever is interrupted, no byte is lost, no guest starts on an incomplete claim, and without further interruptions
// the move ends. WUKONG_WALKS is the number of walks, if not 1000.
func TestNoWalkThroughAMoveLosesBytes(t *testing.T) {
	walks, started := 1000, 0
	if wanted, err := strconv.Atoi(os.Getenv("WUKONG_WALKS")); err == nil {
		walks = wanted
	}
	for seed := range uint64(walks) {
		m := newHalves(seed)
		for range 30 { // until the guest runs
			m.step(true)
		}
		for range 120 {
			m.step(false)
			if lost := m.check(); lost != "" {
				require.Fail(t, lost, "seed %d\n%s", seed, tail(m.trace))
			}
		}
		for i := 0; !m.settled() && i < 3000; i++ {
			m.step(true)
			if lost := m.check(); lost != "" {
				require.Fail(t, lost, "seed %d\n%s", seed, tail(m.trace))
			}
		}
		require.True(t, m.settled(), "seed %d: the disk does not arrive at class %s: %+v\nvolumes %v, bytes %v, the "+
			"VirtualMachine has %s\n%s",
			seed, *m.disk.Spec.StorageClassName, m.disk.Status, sortedNames(m.volumes), m.bytes, templateClaim(
				m.virtualMachine), tail(m.trace))
		started += m.instances
	}
	require.Greater(t, started, 2*walks, "hardly a guest started again")
}

func tail(trace []string) string {
	text := ""
	for _, line := range trace[max(0, len(trace)-60):] {
		text += line + "\n"
	}
	return text
}
