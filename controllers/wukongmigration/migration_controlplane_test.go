//go:build controlplane

package wukongmigration_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// migrations is the fixture in which the migration controller runs alone, and the test plays KubeVirt.
type migrations struct {
	*testkit.Fixture
	now *clocktesting.FakePassiveClock
}

// alone has no manager yet. Its clock, which the test moves, begins when the test's turn has come.
func alone(t *testing.T) migrations {
	t.Helper()
	f := testkit.Parallel(t).Running("wukongmigration")
	now := clocktesting.NewFakePassiveClock(time.Now())
	m := migrations{f.ByClock(now), now}
	for _, name := range []string{"node1", "node2"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name + "-" + m.Namespace, Labels: map[string]string{
			kubevirtv1.NodeSchedulable: "true", "kubernetes.io/hostname": name, "test": m.Namespace,
		}}}
		m.Create(node)
		node.Spec.Taints = nil // of a node that has not reported that it is ready
		require.NoError(t, m.Client.Update(t.Context(), node))
	}
	return m
}

func (m migrations) node(name string) string { return name + "-" + m.Namespace }

// run plays WukongVM web whose guest runs on node1, and that was created two seconds ago by the manager's clock.
func (m migrations) run() *kubevirtv1.VirtualMachineInstance {
	m.Helper()
	return m.runVM("web")
}

func (m migrations) runVM(name string) *kubevirtv1.VirtualMachineInstance {
	m.Helper()
	vm := builder.VM(m.Namespace, name, builder.Stamped("root"))
	m.Create(vm)
	vm.Status.Phase, vm.Status.NodeName = v1alpha1.PhaseRunning, m.node("node1")
	vm.Status.ObservedGeneration = vm.Generation
	testkit.Say(m, vm, metav1.ConditionTrue, v1alpha1.ReasonReady, "", v1alpha1.ConditionLiveMigratable)
	m.now.SetTime(m.now.Now().Add(2 * time.Second))
	instance := &kubevirtv1.VirtualMachineInstance{ObjectMeta: metav1.ObjectMeta{
		Namespace: m.Namespace, Name: name, Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue},
	}}
	instance.Spec.NodeSelector = map[string]string{"test": m.Namespace}
	m.Create(instance)
	instance.Status.Phase, instance.Status.NodeName = kubevirtv1.Running, m.node("node1")
	require.NoError(m, m.Client.Update(m.Context(), instance),
		"KubeVirt's instances have no subresource for their status")
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: "virt-launcher-" + name, Labels: map[string]string{
			kubevirtv1.AppLabel: "virt-launcher", kubevirtv1.CreatedByLabel: string(instance.UID),
		}},
		Spec: corev1.PodSpec{
			NodeName:   m.node("node1"),
			Containers: []corev1.Container{{Name: "compute", Image: "launcher"}},
		},
	}
	m.Create(pod)
	pod.Status.Phase = corev1.PodRunning
	m.SetStatus(pod)
	return instance
}

// ask makes a migration that is asked for now, by the manager's clock.
func (m migrations) ask(name string, options ...builder.MigrationOption) *v1alpha1.WukongMigration {
	m.Helper()
	migration := builder.Migration(m.Namespace, name, "web", m.now.Now(), options...)
	m.Create(migration)
	return migration
}

func (m migrations) attempts() []kubevirtv1.VirtualMachineInstanceMigration {
	m.Helper()
	list := &kubevirtv1.VirtualMachineInstanceMigrationList{}
	require.NoError(m, m.Client.List(m.Context(), list, client.InNamespace(m.Namespace)))
	return list.Items
}

// attempt waits for the attempt of a number.
func (m migrations) attempt(
	migration *v1alpha1.WukongMigration, number int32,
) *kubevirtv1.VirtualMachineInstanceMigration {
	m.Helper()
	testkit.WaitUntil(m, migration, func(now *testkit.Attempt, current *v1alpha1.WukongMigration) {
		assert.Equal(now, number, current.Status.Attempt)
		assert.NotEmpty(now, current.Status.MigrationName)
	})
	return testkit.Read(m, migration.Status.MigrationName, &kubevirtv1.VirtualMachineInstanceMigration{})
}

// report plays KubeVirt's controller of migrations.
func (m migrations) report(
	attempt *kubevirtv1.VirtualMachineInstanceMigration, phase kubevirtv1.VirtualMachineInstanceMigrationPhase,
) {
	m.Helper()
	testkit.Read(m, attempt.Name, attempt)
	attempt.Status.Phase = phase
	attempt.Status.PhaseTransitionTimestamps = append(attempt.Status.PhaseTransitionTimestamps,
		kubevirtv1.VirtualMachineInstanceMigrationPhaseTransitionTimestamp{
			Phase: phase, PhaseTransitionTimestamp: metav1.Now(),
		})
	m.SetStatus(attempt)
}

// hand plays the hand-over of the guest to another node.
func (m migrations) hand(
	instance *kubevirtv1.VirtualMachineInstance, attempt *kubevirtv1.VirtualMachineInstanceMigration,
	ended, failed bool,
) {
	m.Helper()
	testkit.Read(m, instance.Name, instance)
	state := &kubevirtv1.VirtualMachineInstanceMigrationState{
		MigrationUID: attempt.UID, SourceNode: m.node("node1"), TargetNode: m.node("node2"),
		Mode:           kubevirtv1.MigrationPreCopy,
		StartTimestamp: ptr.To(metav1.NewTime(m.now.Now())), Completed: ended, Failed: failed,
	}
	if ended {
		state.EndTimestamp = ptr.To(metav1.NewTime(m.now.Now().Add(time.Second)))
	}
	if ended && !failed {
		instance.Status.NodeName = m.node("node2")
		pod := testkit.Read(m, "virt-launcher-"+instance.Name, &corev1.Pod{})
		pod.Status.Phase = corev1.PodSucceeded
		m.SetStatus(pod)
	}
	if failed {
		state.FailureReason = "the target was killed"
	}
	instance.Status.MigrationState = state
	require.NoError(m, m.Client.Update(m.Context(), instance))
}

// A migration from its request to its end; applied again after its deletion it moves nothing.
func TestAMigration(t *testing.T) {
	m := alone(t)
	manager := m.StartManager()
	instance := m.run()
	m.WaitIdle()
	before := manager.Writes.Total()
	migration := m.ask("move", builder.ToNode("node2"))
	attempt := m.attempt(migration, 1)
	assert.True(t, metav1.IsControlledBy(attempt, migration), "its deletion cancels the migration")
	assert.Equal(t, "web", attempt.Spec.VMIName)
	assert.Equal(t, map[string]string{"kubernetes.io/hostname": "node2"}, attempt.Spec.AddedNodeSelector)
	vm := testkit.Read(m, "web", &v1alpha1.WukongVM{})
	assert.Contains(t, vm.Annotations[v1alpha1.AnnotationMigrationRequest], string(migration.UID))
	testkit.Wait(m, migration, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "attempt 1")

	m.report(attempt, kubevirtv1.MigrationRunning)
	m.hand(instance, attempt, false, false)
	testkit.Wait(m, migration, metav1.ConditionFalse, v1alpha1.ReasonInProgress,
		"copied to the target node, node "+m.node("node2"))
	assert.Equal(t, v1alpha1.OperationInProgress, migration.Status.Phase)
	m.hand(instance, attempt, true, false)
	m.report(attempt, kubevirtv1.MigrationSucceeded)
	testkit.Wait(m, migration, metav1.ConditionTrue, v1alpha1.ReasonMigrated, "")
	assert.Equal(t, m.node("node1"), migration.Status.SourceNode)
	assert.Equal(t, m.node("node2"), migration.Status.TargetNode)
	assert.Equal(t, "PreCopy", migration.Status.Mode)
	assert.Equal(t, v1alpha1.OperationSucceeded, migration.Status.Phase)
	require.NotNil(t, migration.Status.StartTime)
	require.NotNil(t, migration.Status.CompletionTime)
	m.WaitIdle()
	t.Logf("writes: %d", manager.Writes.Total()-before)
	assert.LessOrEqual(t, manager.Writes.Total()-before, 6,
		"the annotation, the attempt, four patches of status:\n%s", manager.Writes)

	t.Run("Contract3: none at rest, after a restart", func(*testing.T) {
		manager.Stop()
		second := m.StartManager()
		m.WaitPasses(1)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})
	t.Run("DeletedAndAppliedAgainItMovesNothing", func(*testing.T) {
		m.Remove(migration)
		m.WaitGone(attempt)
		again := builder.Migration(m.Namespace, "move", "web", migration.Spec.RequestedAt.Time, builder.ToNode("node2"))
		m.Create(again)
		testkit.Wait(m, again, metav1.ConditionTrue, v1alpha1.ReasonAlreadyHandled, "later requestedAt")
		assert.Equal(t, v1alpha1.OperationSkipped, again.Status.Phase)
		older := builder.Migration(m.Namespace, "older", "web", migration.Spec.RequestedAt.Add(-time.Second))
		m.Create(older)
		testkit.Wait(m, older, metav1.ConditionTrue, v1alpha1.ReasonSuperseded, "")
		ancient := builder.Migration(m.Namespace, "ancient", "web", vm.CreationTimestamp.Time)
		m.Create(ancient)
		testkit.Wait(m, ancient, metav1.ConditionTrue, v1alpha1.ReasonSkipped,
			"not later than the creation of WukongVM web")
		assert.Empty(t, m.attempts())
	})
}

// What is in the way is listed before anything is tried, and the migration begins when it is gone.
func TestObstaclesAreReportedBeforeAnythingIsTried(t *testing.T) {
	m := alone(t)
	m.StartManager()
	migration := m.ask("move", builder.ToNode("node3"))
	testkit.Wait(m, migration, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "WukongVM web does not exist")
	instance := m.run()
	late := m.ask("late", builder.ToNode("node3"))
	testkit.Wait(m, late, metav1.ConditionFalse, v1alpha1.ReasonNoTargetNode, "no node may take WukongVM web")
	assert.Contains(t, late.Status.Obstacles[0].Message, "1 where it runs")
	assert.Contains(t, late.Status.Obstacles[0].Message, "not matching spec.nodeSelector")

	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: "small"}}
	m.Create(quota)
	quota.Status = corev1.ResourceQuotaStatus{
		Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1")},
		Used: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1")},
	}
	m.SetStatus(quota)
	m.now.SetTime(m.now.Now().Add(2 * time.Second))
	other := m.ask("other")
	m.touch(late)
	testkit.Wait(m, late, metav1.ConditionTrue, v1alpha1.ReasonSuperseded,
		"WukongMigration other of WukongVM web was asked for later")
	testkit.Wait(m, other, metav1.ConditionFalse, v1alpha1.ReasonQuotaExceeded, "ResourceQuota small has no room")
	vm := testkit.Read(m, "web", &v1alpha1.WukongVM{})
	testkit.Say(m, vm, metav1.ConditionFalse, v1alpha1.ReasonReady, "disk root is not shared",
		v1alpha1.ConditionLiveMigratable)
	testkit.Wait(m, other, metav1.ConditionFalse, v1alpha1.ReasonNotMigratable, "disk root is not shared")
	require.Len(t, other.Status.Obstacles, 2, "all that is in the way")
	assert.Empty(t, m.attempts())

	m.Remove(quota)
	testkit.Say(m, testkit.Read(m, "web", vm), metav1.ConditionTrue, v1alpha1.ReasonReady, "",
		v1alpha1.ConditionLiveMigratable)
	attempt := m.attempt(other, 1)
	assert.Empty(t, other.Status.Obstacles)
	m.report(attempt, kubevirtv1.MigrationPending)
	m.hand(instance, attempt, true, false)
	m.report(attempt, kubevirtv1.MigrationSucceeded)
	testkit.Wait(m, other, metav1.ConditionTrue, v1alpha1.ReasonMigrated, "")
}

// An attempt that fails is tried again after a while, and given up after the last one.
func TestAttemptsAreRepeated(t *testing.T) {
	m := alone(t)
	m.StartManager()
	instance := m.run()
	migration := m.ask("move", builder.TriedAtMost(2))
	first := m.attempt(migration, 1)
	m.report(first, kubevirtv1.MigrationRunning)
	m.hand(instance, first, true, true)
	m.report(first, kubevirtv1.MigrationFailed)
	testkit.Wait(m, migration, metav1.ConditionFalse, v1alpha1.ReasonAttemptFailed,
		"attempt 1 of 2 failed: the target was killed; the next one begins at")
	assert.Len(t, m.attempts(), 1)
	m.Remove(first) // KubeVirt keeps five of them
	m.now.SetTime(m.now.Now().Add(21 * time.Second))
	m.touch(migration)
	second := m.attempt(migration, 2)
	assert.NotEqual(t, first.Name, second.Name)
	m.report(second, kubevirtv1.MigrationScheduling)
	m.report(second, kubevirtv1.MigrationFailed)
	testkit.Wait(m, migration, metav1.ConditionFalse, v1alpha1.ReasonFailed, "attempt 2 of 2 failed: ")
	assert.Equal(t, v1alpha1.OperationFailed, migration.Status.Phase)
	ready := meta.FindStatusCondition(migration.Status.Conditions, v1alpha1.ConditionReady)
	assert.Contains(t, ready.Message, "the guest runs on node "+m.node("node1"))
}

// touch changes what does not matter, so that a manager whose clock was moved looks again.
func (m migrations) touch(migration *v1alpha1.WukongMigration) {
	m.Helper()
	m.Patch(migration, `{"spec":{"ttlSecondsAfterFinished":100000}}`)
}

func TestACancelledMigration(t *testing.T) {
	m := alone(t)
	m.StartManager()
	instance := m.run()
	migration := m.ask("move")
	attempt := m.attempt(migration, 1)
	attempt.Finalizers = []string{"kubevirt.io/migrationJobFinalize"} // as KubeVirt's webhook
	require.NoError(t, m.Client.Update(t.Context(), attempt))
	m.report(attempt, kubevirtv1.MigrationRunning)
	m.Patch(migration, `{"spec":{"cancel":true}}`)
	testkit.Wait(m, migration, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "is being cancelled")
	m.hand(instance, attempt, true, true)
	m.report(attempt, kubevirtv1.MigrationFailed)
	testkit.Wait(m, migration, metav1.ConditionFalse, v1alpha1.ReasonCancelled, "spec.cancel")
	assert.Equal(t, v1alpha1.OperationCancelled, migration.Status.Phase)
	takeBack := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"cancel":false}}`))
	err := m.Client.Patch(t.Context(), migration.DeepCopy(), takeBack)
	require.ErrorContains(t, err, "cancel cannot be taken back")
	testkit.Read(m, attempt.Name, attempt)
	attempt.Finalizers = nil
	require.NoError(t, m.Client.Update(t.Context(), attempt))

	m.now.SetTime(m.now.Now().Add(12 * time.Second)) // a guest that has just migrated stays for a while
	second := m.ask("second")
	other := m.attempt(second, 1)
	m.Remove(second)
	m.WaitGone(other)
}

// Of two requests of one WukongVM, one is carried out at a time, whatever the order in which they are seen.
func TestTwoMigrationsOfOneWukongVM(t *testing.T) {
	m := alone(t)
	m.StartManager()
	instance := m.run()
	one := m.ask("one")
	attempt := m.attempt(one, 1)
	m.now.SetTime(m.now.Now().Add(2 * time.Second))
	two := m.ask("two")
	testkit.Wait(m, two, metav1.ConditionFalse, v1alpha1.ReasonBusy, "WukongMigration one of WukongVM web is under way")
	m.hand(instance, attempt, true, false)
	m.report(attempt, kubevirtv1.MigrationSucceeded)
	testkit.Wait(m, one, metav1.ConditionTrue, v1alpha1.ReasonMigrated, "")
	m.now.SetTime(m.now.Now().Add(12 * time.Second)) // KubeVirt's handlers forget the guest where it was
	m.touch(two)
	m.attempt(two, 1)
	assert.Len(t, m.attempts(), 2)
}

// KubeVirt's webhook has the last word, and a write that fails is made by the next pass.
func TestWhatKubeVirtRefusesIsTriedAgain(t *testing.T) {
	faults := testenv.NewFaults()
	m := alone(t)
	m.Fixture = m.Meeting(faults)
	m.StartManager()
	m.run()
	faults.Refuse("virtualmachineinstancemigrations", "move")
	migration := m.ask("move")
	testkit.Wait(m, migration, metav1.ConditionFalse, v1alpha1.ReasonApplyRefused, "forbidden by a test")
	assert.Equal(t, v1alpha1.OperationPending, migration.Status.Phase)
	faults.Heal("move")
	faults.Fail("virtualmachineinstancemigrations", "move")
	m.touch(migration)
	m.Never(func() bool { return len(m.attempts()) > 0 }, time.Second, "the webhook does not answer")
	faults.Heal("move")
	m.attempt(migration, 1)

	faults.Fail("wukongvms", "web")
	m.now.SetTime(m.now.Now().Add(time.Minute))
	second := m.ask("second")
	testkit.Wait(m, second, metav1.ConditionFalse, v1alpha1.ReasonBusy, "")
	m.Never(func() bool { return len(m.attempts()) > 1 }, time.Second, "nothing is tried before the request is marked")
	faults.Heal("web")
}

// A manager may be killed after each of its writes, and lose its status: the guest is asked to migrate once.
func TestAManagerThatIsKilledMigratesOnce(t *testing.T) {
	m := alone(t)
	m.run()
	migration := m.ask("move")
	for _, lost := range []string{"wukongmigrations", "virtualmachineinstancemigrations"} {
		faults := testenv.NewFaults()
		faults.Fail(lost, "move")
		killed := migrations{m.Meeting(faults), m.now}
		manager := killed.StartManager()
		if lost == "virtualmachineinstancemigrations" {
			m.Until(func() bool {
				return testkit.Read(m, "web",
					&v1alpha1.WukongVM{}).Annotations[v1alpha1.AnnotationMigrationRequest] != ""
			}, "the request is marked")
		}
		m.WaitPasses(1)
		manager.Stop()
	}
	manager := m.StartManager()
	attempt := m.attempt(migration, 1)
	manager.Stop()
	testkit.Read(m, "move", migration)
	migration.Status = v1alpha1.WukongMigrationStatus{}
	m.SetStatus(migration)
	m.StartManager()
	again := m.attempt(migration, 1)
	assert.Equal(t, attempt.UID, again.UID)
	assert.Len(t, m.attempts(), 1)
}
