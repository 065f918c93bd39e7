//go:build controlplane

package wukongsnapshot_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/simulator"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// agents are the guest agents of the package's control plane. They end with it.
var agents = sync.OnceValues(func() (*simulator.Agents, error) {
	return simulator.StartAgents(context.Background(), administrator)
})

// administrator is set by the first test that needs agents.
var administrator client.Client

var setAdministrator sync.Once

// machines is the fixture with a WukongVM web that has the disks root and data.
type machines struct {
	snapshots
	agents *simulator.Agents
}

func withMachine(t *testing.T, f snapshots) machines {
	t.Helper()
	setAdministrator.Do(func() { administrator = f.Environment.Client })
	served, err := agents()
	require.NoError(t, err)
	m := machines{f, served}
	for _, name := range []string{"root", "data"} {
		disk := m.completeDisk(name)
		disk.Status.AttachedTo, disk.Status.StorageClassName = "web", "snapshots-"+f.Namespace
		m.SetStatus(disk)
	}
	m.Create(builder.VM(m.Namespace, "web", builder.Attached("root"), builder.Attached("data")))
	return m
}

// run plays a guest that runs, with its agent or without.
func (m machines) run(hasAgent bool) *kubevirtv1.VirtualMachineInstance {
	m.Helper()
	testkit.SayPhase(m.Fixture, testkit.Read(m, "web", &v1alpha1.WukongVM{}), v1alpha1.PhaseRunning)
	instance := &kubevirtv1.VirtualMachineInstance{ObjectMeta: metav1.ObjectMeta{
		Namespace: m.Namespace, Name: "web",
		Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue},
	}}
	m.Create(instance)
	instance.Status.Phase, instance.Status.NodeName = kubevirtv1.Running, "node-1"
	m.connect(instance, hasAgent)
	return instance
}

func (m machines) connect(instance *kubevirtv1.VirtualMachineInstance, hasAgent bool) {
	m.Helper()
	instance.Status.Conditions = nil
	if hasAgent {
		instance.Status.Conditions = []kubevirtv1.VirtualMachineInstanceCondition{
			{Type: kubevirtv1.VirtualMachineInstanceAgentConnected, Status: corev1.ConditionTrue},
		}
	}
	require.NoError(m, m.Client.Update(m.Context(), instance),
		"KubeVirt's instances have no subresource for their status")
}

// cut plays the storage that has fixed the content of a VolumeSnapshot.
func (m machines) cut(name string) {
	m.Helper()
	taken := m.waitTaken(name)
	taken.Status = &snapshotv1.VolumeSnapshotStatus{ReadyToUse: ptr.To(false), CreationTime: ptr.To(metav1.Now())}
	m.SetStatus(taken)
}

func (m machines) agent(look func(agent *simulator.Agent)) { m.agents.Of(m.Namespace, "web", look) }

func (m machines) calls() (calls []string) {
	m.agent(func(agent *simulator.Agent) { calls = append(calls, agent.Calls...) })
	return calls
}

func (m machines) isFrozen() (frozen bool) {
	m.agent(func(agent *simulator.Agent) { frozen = agent.Frozen })
	return frozen
}

func (m machines) snapshot(name string, options ...builder.SnapshotOption) *v1alpha1.WukongSnapshot {
	return builder.SnapshotOfVM(m.Namespace, name, "web", options...)
}

// A machine that runs with its agent is frozen, cut and thawed, and the snapshot proves it.
func TestASnapshotOfARunningMachine(t *testing.T) {
	f, manager := start(t)
	m := withMachine(t, f)
	m.run(true)
	m.WaitIdle()
	before := manager.Writes.Total()
	snapshot := m.snapshot("monday", builder.AtLeast(v1alpha1.ConsistencyApplication))
	m.Create(snapshot)
	m.waitTaken("monday-root")
	m.waitTaken("monday-data")
	m.Until(func() bool {
		return m.Exists("monday", snapshot) && snapshot.Status.Quiesce != nil &&
			snapshot.Status.Quiesce.Step == v1alpha1.QuiesceFrozen
	})
	assert.True(t, m.isFrozen())
	m.cut("monday-root")
	testkit.Wait(m, snapshot, metav1.ConditionFalse, v1alpha1.ReasonInProgress,
		"the file systems of the guest are frozen")
	assert.True(t, m.isFrozen(), "until the last one is cut")
	m.cut("monday-data")
	m.Until(func() bool { return !m.isFrozen() }, "thawed as soon as both are cut, before they are ready")
	m.complete("monday-root")
	m.complete("monday-data")
	testkit.Wait(m, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, []string{"freeze 30s", "unfreeze"}, m.calls())
	status := snapshot.Status
	assert.Equal(t, v1alpha1.ConsistencyApplication, status.Consistency)
	assert.Equal(t, []v1alpha1.SnapshotIndication{v1alpha1.IndicationOnline, v1alpha1.IndicationGuestAgent},
		status.Indications)
	assert.True(t, status.Quiesce.Proven)
	require.Len(t, status.Disks, 2)
	assert.Equal(t, "root", status.Disks[0].Name)
	assert.Equal(t, "monday-data", status.Disks[1].VolumeSnapshotName)
	assert.Equal(t, "data", status.Disks[1].ClaimName)
	require.NotNil(t, status.TakenAt)
	m.WaitIdle()
	t.Logf("writes of a frozen snapshot of two disks: %d", manager.Writes.Total()-before)
	assert.LessOrEqual(t, manager.Writes.Total()-before, 16,
		"finalizer, manifest, two VolumeSnapshots and their rehearsal, two calls, eight patches of status:\n%s",
		manager.Writes)

	vm := testkit.Read(m, "web", &v1alpha1.WukongVM{})
	revision := testkit.Read(m, status.Machine.RevisionName, &appsv1.ControllerRevision{})
	assert.True(t, metav1.IsControlledBy(revision, snapshot))
	kept := &v1alpha1.WukongVM{}
	require.NoError(t, json.Unmarshal(revision.Data.Raw, kept))
	assert.Equal(t, vm.Spec, kept.Spec)
	assert.Equal(t, string(vm.UID), status.Machine.UID)
	assert.Empty(t, kept.UID)

	t.Run("Contract3: none at rest, after a restart", func(t *testing.T) {
		manager.Stop()
		second := m.StartManager()
		m.WaitPasses(1)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})
	t.Run("ALostVolumeSnapshotIsNamed", func(*testing.T) {
		m.Remove(m.waitTaken("monday-data"))
		testkit.Wait(m, snapshot, metav1.ConditionFalse, v1alpha1.ReasonSnapshotLost, "VolumeSnapshot monday-data")
	})
}

// A machine that is stopped needs no freeze; what keeps a snapshot of it from being taken is in its condition.
func TestASnapshotOfAStoppedMachine(t *testing.T) {
	f, _ := start(t)
	m := withMachine(t, f)
	m.Patch(testkit.Read(m, "web", &v1alpha1.WukongVM{}), `{"spec":{"powerState":"Stopped"}}`)
	testkit.SayPhase(m.Fixture, testkit.Read(m, "web", &v1alpha1.WukongVM{}), v1alpha1.PhaseStopped)
	snapshot := m.snapshot("monday", builder.AtLeast(v1alpha1.ConsistencyApplication), builder.OfDisks("data"))
	m.Create(snapshot)
	m.complete("monday-data")
	testkit.Wait(m, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.ConsistencyApplication, snapshot.Status.Consistency)
	assert.Empty(t, snapshot.Status.Indications)
	assert.Empty(t, m.calls())
	assert.False(t, m.Exists("monday-root", &snapshotv1.VolumeSnapshot{}))
	require.Len(t, snapshot.Status.Excluded, 1)
	assert.Equal(t, "root", snapshot.Status.Excluded[0].Name)

	other := m.snapshot("other", builder.OfDisks("roof"))
	m.Create(other)
	testkit.Wait(m, other, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec,
		"lists roof, which WukongVM web does not have")
	missing := builder.SnapshotOfVM(m.Namespace, "missing", "nobody")
	m.Create(missing)
	testkit.Wait(m, missing, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "WukongVM nobody does not exist")
}

// Without an agent, several disks are cut one after another, and the snapshot says what that is worth.
func TestASnapshotWithoutAnAgent(t *testing.T) {
	f, now := clocked(t)
	f.StartManager()
	m := withMachine(t, f)
	instance := m.run(false)
	anyhow, one := m.snapshot("anyhow"),
		m.snapshot("one", builder.OfDisks("data"), builder.AtLeast(v1alpha1.ConsistencyCrash))
	m.Create(anyhow, one)
	m.complete("anyhow-root")
	m.complete("anyhow-data")
	m.complete("one-data")
	testkit.Wait(m, anyhow, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.ConsistencyAny, anyhow.Status.Consistency)
	assert.Equal(t, []v1alpha1.SnapshotIndication{v1alpha1.IndicationOnline, v1alpha1.IndicationNoGuestAgent},
		anyhow.Status.Indications)
	testkit.Wait(m, one, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.ConsistencyCrash, one.Status.Consistency)

	waits, late := m.snapshot("waits", builder.AtLeast(v1alpha1.ConsistencyCrash)),
		m.snapshot("late", builder.AtLeast(v1alpha1.ConsistencyApplication), builder.GivenUpAfter(60))
	m.Create(waits, late)
	testkit.Wait(m, waits, metav1.ConditionFalse, v1alpha1.ReasonAgentMissing, "install and start qemu-guest-agent")
	testkit.Wait(m, late, metav1.ConditionFalse, v1alpha1.ReasonAgentMissing, "")
	assert.Equal(t, v1alpha1.OperationPending, late.Status.Phase)
	now.SetTime(now.Now().Add(2 * time.Minute))
	m.Patch(late, `{"spec":{"ttlSecondsAfterFinished":3600}}`)
	testkit.Wait(m, late, metav1.ConditionFalse, v1alpha1.ReasonFailed,
		"given up after failureDeadlineSeconds (60): requiredConsistency is Application, and no guest agent")
	assert.False(t, m.Exists("late-root", &snapshotv1.VolumeSnapshot{}), "nothing was made")
	m.connect(instance, true)
	m.cut("waits-root")
	m.cut("waits-data")
	m.complete("waits-root")
	m.complete("waits-data")
	testkit.Wait(m, waits, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.ConsistencyApplication, waits.Status.Consistency)
}

// A freeze that fails is repeated where it is required, and each time the guest is thawed: it may be frozen all the
// same.
func TestAFreezeThatFails(t *testing.T) {
	f, _ := start(t)
	m := withMachine(t, f)
	m.run(true)
	m.agent(func(agent *simulator.Agent) { agent.FreezeFails, agent.Late = "the agent gave no answer in time", true })
	strict, lenient := m.snapshot("strict", builder.AtLeast(v1alpha1.ConsistencyApplication)), m.snapshot("lenient")
	m.Create(strict)
	testkit.Wait(m.Within(2*time.Minute), strict, metav1.ConditionFalse, v1alpha1.ReasonFailed,
		"given up after 3 attempts: the guest agent could not freeze the file systems")
	assert.Equal(t, []string{"freeze 30s", "unfreeze", "freeze 30s", "unfreeze", "freeze 30s", "unfreeze"}, m.calls())
	assert.False(t, m.isFrozen())
	assert.False(t, m.Exists("strict-root", &snapshotv1.VolumeSnapshot{}))

	m.Create(lenient)
	m.complete("lenient-root")
	m.complete("lenient-data")
	testkit.Wait(m, lenient, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.ConsistencyAny, lenient.Status.Consistency)
	assert.Equal(t, []v1alpha1.SnapshotIndication{v1alpha1.IndicationOnline, v1alpha1.IndicationQuiesceFailed},
		lenient.Status.Indications)
	assert.Len(t, m.calls(), 8)
	assert.False(t, m.isFrozen())
}

// What is cut after the guest has thawed itself is not called consistent.
func TestACutThatTakesTooLong(t *testing.T) {
	f, _ := start(t)
	m := withMachine(t, f)
	m.run(true)
	snapshot := m.snapshot("monday", builder.FrozenFor(5))
	m.Create(snapshot)
	m.cut("monday-root")
	m.Until(func() bool { return len(m.calls()) == 2 }, "it is thawed when the time is over")
	m.complete("monday-root")
	m.complete("monday-data")
	testkit.Wait(m, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.ConsistencyAny, snapshot.Status.Consistency)
	assert.Equal(t, []v1alpha1.SnapshotIndication{v1alpha1.IndicationOnline, v1alpha1.IndicationQuiesceTimeout},
		snapshot.Status.Indications)
	assert.False(t, snapshot.Status.Quiesce.Proven)
}

// A manager that ends while the guest is frozen leaves it to the next one, which thaws it and claims nothing.
func TestAManagerEndsWhileTheGuestIsFrozen(t *testing.T) {
	f, manager := start(t)
	m := withMachine(t, f)
	m.run(true)
	snapshot := m.snapshot("monday")
	m.Create(snapshot)
	m.waitTaken("monday-data")
	m.WaitIdle()
	require.True(t, m.isFrozen())
	manager.Stop()
	m.cut("monday-root")
	m.cut("monday-data")
	m.StartManager()
	m.Until(func() bool { return !m.isFrozen() })
	m.complete("monday-root")
	m.complete("monday-data")
	testkit.Wait(m, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.ConsistencyAny, snapshot.Status.Consistency)
	assert.Contains(t, snapshot.Status.Quiesce.Failure, "the manager that froze the file systems ended")
}

// Where consistency is required, what was cut for the manager that ended is deleted, and the guest is frozen again.
func TestAnotherManagerBeginsAgain(t *testing.T) {
	f, manager := start(t)
	m := withMachine(t, f)
	m.run(true)
	snapshot := m.snapshot("monday", builder.AtLeast(v1alpha1.ConsistencyApplication))
	m.Create(snapshot)
	m.waitTaken("monday-data")
	m.WaitIdle()
	manager.Stop()
	first := []types.UID{m.complete("monday-root").UID, m.complete("monday-data").UID}
	m.StartManager()
	m.Until(func() bool {
		taken := &snapshotv1.VolumeSnapshot{}
		return m.Exists("monday-data", taken) && taken.UID != first[1]
	}, "the disk is cut again")
	assert.NotEqual(t, first[0], m.waitTaken("monday-root").UID)
	m.cut("monday-root")
	m.cut("monday-data")
	m.complete("monday-root")
	m.complete("monday-data")
	testkit.Wait(m, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.ConsistencyApplication, snapshot.Status.Consistency)
	assert.EqualValues(t, 2, snapshot.Status.Quiesce.Attempts)
	assert.Equal(t, []string{"freeze 30s", "unfreeze", "freeze 30s", "unfreeze"}, m.calls())
}

// Without a freeze too, a snapshot is whole or not there: what was made before a refusal is deleted, and all is made
// again.
func TestARefusalWithoutAFreezeLeavesNothingHalf(t *testing.T) {
	f, _ := start(t)
	m := withMachine(t, f)
	m.run(false)
	const counted = "count/volumesnapshots.snapshot.storage.k8s.io"
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: "few"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{counted: resource.MustParse("1")}},
	}
	m.Create(quota)
	quota.Status = corev1.ResourceQuotaStatus{
		Hard: quota.Spec.Hard, Used: corev1.ResourceList{counted: resource.MustParse("0")},
	}
	m.SetStatus(quota) // as its controller does, which does not run here
	snapshot := m.snapshot("monday")
	m.Create(snapshot)
	testkit.Wait(m, snapshot, metav1.ConditionFalse, v1alpha1.ReasonApplyRefused, "exceeded quota")
	m.WaitGone(m.Named("monday-root", &snapshotv1.VolumeSnapshot{}))
	m.Remove(quota)
	m.Patch(snapshot, `{"spec":{"ttlSecondsAfterFinished":3600}}`)
	m.complete("monday-root")
	m.complete("monday-data")
	testkit.Wait(m, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
}

// A snapshot that is deleted while it has the guest frozen thaws it first.
func TestASnapshotIsDeletedWhileTheGuestIsFrozen(t *testing.T) {
	f, _ := start(t)
	m := withMachine(t, f)
	m.run(true)
	snapshot := m.snapshot("monday", builder.FrozenFor(300)) // or the guest thaws itself while a busy machine runs this
	m.Create(snapshot)
	m.waitTaken("monday-data")
	m.WaitIdle()
	require.True(t, m.isFrozen())
	m.agent(func(agent *simulator.Agent) { agent.ThawFails = "no answer" })
	m.Remove(snapshot)
	m.Until(func() bool { return len(m.calls()) > 2 }, "it is asked to thaw again and again")
	assert.True(t, m.Exists("monday", snapshot), "it stays until the guest is thawed")
	m.agent(func(agent *simulator.Agent) { agent.ThawFails = "" })
	m.WaitGone(snapshot)
	assert.False(t, m.isFrozen())
	m.WaitGone(m.Named("monday-root", &snapshotv1.VolumeSnapshot{}),
		m.Named("monday-data", &snapshotv1.VolumeSnapshot{}))
}

// Storage that cannot take snapshots is found before anything is frozen, and named.
func TestStorageThatCannotIsFoundBeforeTheFreeze(t *testing.T) {
	f, _ := start(t)
	m := withMachine(t, f)
	m.run(true)
	m.Create(&storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: "snapshots-" + m.Namespace}, Provisioner: "csi-" + m.Namespace,
	})
	snapshot := m.snapshot("monday")
	m.Create(snapshot)
	testkit.Wait(m, snapshot, metav1.ConditionFalse, v1alpha1.ReasonSnapshotUnsupported,
		"for whose driver csi-"+m.Namespace+" the cluster has no VolumeSnapshotClass")
	assert.Empty(t, m.calls())
	class := &snapshotv1.VolumeSnapshotClass{
		ObjectMeta: metav1.ObjectMeta{Name: "usual-" + m.Namespace, Annotations: map[string]string{
			"snapshot.storage.kubernetes.io/is-default-class": "true",
		}},
		Driver: "csi-" + m.Namespace, DeletionPolicy: snapshotv1.VolumeSnapshotContentDelete,
	}
	m.Create(class)
	m.Patch(snapshot, `{"spec":{"ttlSecondsAfterFinished":3600}}`)
	m.complete("monday-root")
	m.complete("monday-data")
	testkit.Wait(m, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
}

// A quota that admits one of two VolumeSnapshots leaves nothing half: the guest is thawed and what was made is deleted.
func TestAQuotaRefusesTheSecondVolumeSnapshot(t *testing.T) {
	f, _ := start(t)
	m := withMachine(t, f)
	m.run(true)
	const counted = "count/volumesnapshots.snapshot.storage.k8s.io"
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: "few"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{counted: resource.MustParse("1")}},
	}
	m.Create(quota)
	quota.Status = corev1.ResourceQuotaStatus{
		Hard: quota.Spec.Hard, Used: corev1.ResourceList{counted: resource.MustParse("0")},
	}
	m.SetStatus(quota) // as its controller does, which does not run here
	snapshot := m.snapshot("monday", builder.GivenUpAfter(20))
	m.Create(snapshot)
	testkit.Wait(m.Within(2*time.Minute), snapshot, metav1.ConditionFalse, v1alpha1.ReasonFailed, "exceeded quota")
	assert.False(t, m.isFrozen())
	m.WaitGone(m.Named("monday-root", &snapshotv1.VolumeSnapshot{}),
		m.Named("monday-data", &snapshotv1.VolumeSnapshot{}))
}

// Two snapshots of a machine that begin at the same moment freeze it one after the other.
func TestTwoSnapshotsAtTheSameMoment(t *testing.T) {
	f, _ := start(t)
	m := withMachine(t, f)
	m.run(true)
	one, two := m.snapshot("one"), m.snapshot("two")
	m.Create(one, two)
	finish := func(name string) {
		for _, disk := range []string{"root", "data"} {
			if taken := (&snapshotv1.VolumeSnapshot{}); m.Exists(name+"-"+disk, taken) && taken.Status == nil {
				m.complete(name + "-" + disk)
			}
		}
	}
	m.Until(func() bool {
		finish("one")
		finish("two")
		return m.Exists("one", one) && one.Finished() && m.Exists("two", two) && two.Finished()
	})
	for _, snapshot := range []*v1alpha1.WukongSnapshot{one, two} {
		assert.Equal(t, v1alpha1.ConsistencyApplication, snapshot.Status.Consistency, "%+v", snapshot.Status.Quiesce)
	}
	assert.Equal(t, []string{"freeze 30s", "unfreeze", "freeze 30s", "unfreeze"}, m.calls())
}
