//go:build e2e

package protection

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// attemptPatience is how long a migration of a guest may take: KubeVirt gives up an attempt whose target pod finds no
// node after five minutes.
const attemptPatience = 10 * time.Minute

const (
	counterAddress  = "10.67.0.1"
	listenerAddress = "10.67.0.2"
	listenerPort    = 9000
)

// counting is a guest that counts, and sends each number over one TCP connection on a bridge to another guest.
type counting struct {
	vm, peer *v1alpha1.WukongVM
	listener *harness.Guest
	boot     string
	// heard is the last number that the peer had.
	heard int
	moves int
}

func startCounting(t *testing.T, namespace string) *counting {
	t.Helper()
	network := builder.Network(namespace, "lan", builder.OnBridge(testbed.LANBridge), builder.Subnet("10.67.0.0/24"))
	vm := builder.VM(namespace, "counter", harness.TinyDisk("root"),
		builder.Networks(builder.Interface("lan", "lan", counterAddress)), movesOnDrain)
	peer := builder.VM(namespace, "listener", harness.TinyDisk("root"),
		builder.Networks(builder.Interface("lan", "lan", listenerAddress)))
	cluster.Make(t, network, vm, peer)
	for _, one := range []*v1alpha1.WukongVM{vm, peer} {
		cluster.WaitReady(t, one, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	}
	c := &counting{vm: vm, peer: peer, listener: cluster.Shell(t, peer)}
	// Its input stays open: nc ends when the other side closes its half of the connection.
	c.listener.Run(t,
		fmt.Sprintf("setsid sh -c 'sleep 86400 | nc -l -p %d >/tmp/heard' >/dev/null 2>&1 </dev/null & sleep 1",
			listenerPort))
	// The other side tries once. State 0A is TCP_LISTEN (include/net/tcp_states.h).
	c.listener.Until(t, harness.CauseNetwork,
		fmt.Sprintf("grep -qE ':%04X 0+:0000 0A' /proc/net/tcp* && echo listens || true", listenerPort), "listens")
	guest := cluster.Shell(t, vm)
	defer guest.Close()
	c.boot = guest.Run(t, "cat /proc/sys/kernel/random/boot_id")
	guest.Until(t, harness.CauseNetwork,
		"ping -c 1 -W 2 "+listenerAddress+" >/dev/null && echo answers || true", "answers")
	guest.Run(t,
		fmt.Sprintf("setsid sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done | nc %s %d' >/dev/null 2>&1 "+
			"</dev/null & sleep 1",
			listenerAddress, listenerPort))
	c.goesOn(t)
	return c
}

// movesOnDrain migrates the guest when its node is drained.
func movesOnDrain(spec *v1alpha1.WukongVMSpec) {
	spec.Scheduling = &v1alpha1.Scheduling{EvictionStrategy: "LiveMigrate"}
}

// goesOn waits until the peer has heard more numbers over the same connection, and checks that none is missing.
func (c *counting) goesOn(t *testing.T) {
	t.Helper()
	last := func() int {
		number, err := strconv.Atoi(strings.TrimSpace(c.listener.Run(t, "tail -n 1 /tmp/heard | head -c 20; true")))
		if err != nil {
			return 0 // nothing yet, or half a line
		}
		return number
	}
	wanted := c.heard + 10
	harness.Until(t, harness.CauseNetwork, patience, fmt.Sprintf("the peer hears number %d", wanted),
		func(context.Context) string {
			if c.heard = last(); c.heard < wanted {
				return fmt.Sprintf("it has heard %d", c.heard)
			}
			return ""
		})
	missing := c.listener.Run(t, "head -n -1 /tmp/heard | awk '$1 != NR { print NR; exit }'")
	assert.Empty(t, missing, "the first number that was not heard in its place")
}

// settle waits until KubeVirt's handlers have forgotten the guest where it was before: a migration that KubeVirt makes
// itself, unlike a WukongMigration, does not wait for that, and stands still for minutes.
func (c *counting) settle(t *testing.T) {
	t.Helper()
	const settling = 15 * time.Second
	if state := c.instance(t).Status.MigrationState; state != nil && state.EndTimestamp != nil {
		time.Sleep(time.Until(state.EndTimestamp.Add(settling)))
	}
}

// neverStopped checks that the guest is the one that was started.
func (c *counting) neverStopped(t *testing.T) {
	t.Helper()
	assert.Equal(t, c.boot, cluster.Ask(t, c.vm, "cat /proc/sys/kernel/random/boot_id"))
}

// ask makes a migration that is asked for now.
func (c *counting) ask(t *testing.T, name string, options ...builder.MigrationOption) *v1alpha1.WukongMigration {
	t.Helper()
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // each request has a second of its own
	migration := builder.Migration(c.vm.Namespace, name, c.vm.Name, time.Now(), options...)
	cluster.Make(t, migration)
	return migration
}

// move moves the guest, and returns its migration.
func (c *counting) move(t *testing.T, options ...builder.MigrationOption) *v1alpha1.WukongMigration {
	t.Helper()
	migration := c.begin(t, options...)
	c.arrive(t, migration)
	return migration
}

// begin returns a migration whose first attempt has begun.
func (c *counting) begin(t *testing.T, options ...builder.MigrationOption) *v1alpha1.WukongMigration {
	t.Helper()
	c.moves++
	migration := c.ask(t, fmt.Sprintf("move-%d", c.moves), options...)
	cluster.Wait(t, migration, patience, "begun", func() bool { return migration.Status.MigrationName != "" })
	return migration
}

// arrive waits until the guest has moved, and counts on.
func (c *counting) arrive(t *testing.T, migration *v1alpha1.WukongMigration) {
	t.Helper()
	cluster.WaitReady(t, migration, metav1.ConditionTrue, v1alpha1.ReasonMigrated, attemptPatience)
	assert.NotEqual(t, migration.Status.SourceNode, migration.Status.TargetNode)
	assert.Equal(t, migration.Status.TargetNode, c.node(t))
	c.goesOn(t)
}

// node is where the guest runs.
func (c *counting) node(t *testing.T) string {
	t.Helper()
	return c.instance(t).Status.NodeName
}

func (c *counting) instance(t *testing.T) *kubevirtv1.VirtualMachineInstance {
	t.Helper()
	instance := &kubevirtv1.VirtualMachineInstance{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(c.vm), instance))
	return instance
}

// TestAGuestCountsOnWhileItMigrates moves one guest with an open connection, and disturbs its moves.
func TestAGuestCountsOnWhileItMigrates(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	c := startCounting(t, cluster.Namespace(t))

	t.Run("ToAnotherNodeAndBack", func(t *testing.T) {
		start := time.Now()
		first := c.move(t)
		t.Logf("moved from %s to %s in %s", first.Status.SourceNode, first.Status.TargetNode,
			time.Since(start).Round(time.Second))
		second := c.move(t, builder.ToNode(first.Status.SourceNode))
		assert.Equal(t, first.Status.SourceNode, second.Status.TargetNode)
		c.neverStopped(t)
		applied := builder.Migration(c.vm.Namespace, "again", c.vm.Name, second.Spec.RequestedAt.Time)
		cluster.Make(t, applied)
		cluster.WaitReady(t, applied, metav1.ConditionTrue, v1alpha1.ReasonAlreadyHandled, patience)
	})
	t.Run("WhatCannotBeIsSaidBeforeItIsTried", func(t *testing.T) {
		migration := c.ask(t, "nowhere", builder.ToNode("nowhere"))
		cluster.WaitReady(t, migration, metav1.ConditionFalse, v1alpha1.ReasonNoTargetNode, patience)
		assert.Contains(t, meta.FindStatusCondition(migration.Status.Conditions, v1alpha1.ConditionReady).Message,
			"not matching spec.nodeSelector")
		harness.Change(t, cluster, migration, func(migration *v1alpha1.WukongMigration) {
			migration.Spec.Cancel = ptr.To(true)
		})
		cluster.WaitReady(t, migration, metav1.ConditionFalse, v1alpha1.ReasonCancelled, patience)
	})
	t.Run("AFullNodeIsReported", func(t *testing.T) {
		free := fill(t, c.vm.Namespace, c.otherNode(t))
		migration := c.ask(t, "full")
		cluster.WaitReady(t, migration, metav1.ConditionFalse, v1alpha1.ReasonUnschedulable, patience)
		assert.Contains(t, meta.FindStatusCondition(migration.Status.Conditions, v1alpha1.ConditionReady).Message,
			"Insufficient memory")
		c.goesOn(t)
		free()
		cluster.WaitReady(t, migration, metav1.ConditionTrue, v1alpha1.ReasonMigrated, attemptPatience)
		c.goesOn(t)
	})
	t.Run("ADrainMovesIt", func(t *testing.T) {
		node := c.node(t)
		c.settle(t)
		cluster.Wait(t, c.vm, patience, "known to migrate on a drain", func() bool {
			return c.vm.Status.OnDrain == v1alpha1.DrainMigrates
		})
		err := cluster.SubResource("eviction").Create(t.Context(), c.launcher(t), &policyv1.Eviction{})
		require.True(t, err == nil || apierrors.IsTooManyRequests(err),
			"KubeVirt answers that it migrates the guest instead: %v", err)
		harness.Until(t, harness.CauseMigration, attemptPatience, "the guest leaves "+node,
			func(context.Context) string {
				if c.node(t) == node {
					return "it is there"
				}
				return ""
			})
		cluster.WaitReady(t, c.vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, attemptPatience)
		c.goesOn(t)
	})
	t.Run("AKilledTargetIsTriedAgain", func(t *testing.T) {
		migration := c.ask(t, "killed")
		killed := c.killTarget(t, migration)
		require.NotZero(t, killed)
		cluster.WaitReady(t, migration, metav1.ConditionTrue, v1alpha1.ReasonMigrated, attemptPatience)
		assert.Equal(t, int32(2), migration.Status.Attempt)
		c.goesOn(t)
	})
	t.Run("ACancelledOne", func(t *testing.T) {
		node := c.node(t)
		migration := c.ask(t, "cancelled")
		cluster.Wait(t, migration, patience, "begun", func() bool { return migration.Status.MigrationName != "" })
		harness.Change(t, cluster, migration, func(migration *v1alpha1.WukongMigration) {
			migration.Spec.Cancel = ptr.To(true)
		})
		cluster.WaitReady(t, migration, metav1.ConditionFalse, v1alpha1.ReasonCancelled, attemptPatience)
		assert.Equal(t, node, c.node(t))
		c.goesOn(t)
	})
	t.Run("WithoutAManagerItGoesOn", func(t *testing.T) {
		migration := c.ask(t, "alone")
		cluster.Wait(t, migration, patience, "begun", func() bool { return migration.Status.MigrationName != "" })
		require.NotZero(t, cluster.KillOperator(t))
		cluster.WaitReady(t, migration, metav1.ConditionTrue, v1alpha1.ReasonMigrated, attemptPatience)
		assert.Equal(t, int32(1), migration.Status.Attempt)
		c.goesOn(t)
	})
	c.neverStopped(t)
}

// launcher is the pod in which the guest runs.
func (c *counting) launcher(t *testing.T) *corev1.Pod {
	t.Helper()
	pods := &corev1.PodList{}
	instance := c.instance(t)
	require.NoError(t, cluster.List(t.Context(), pods, client.InNamespace(c.vm.Namespace),
		client.MatchingLabels{kubevirtv1.CreatedByLabel: string(instance.UID)}))
	for i := range pods.Items {
		if pods.Items[i].Spec.NodeName == instance.Status.NodeName && pods.Items[i].Status.Phase == corev1.PodRunning {
			return &pods.Items[i]
		}
	}
	require.Fail(t, "the guest has no launcher pod")
	return nil
}

// otherNode is where the guest does not run.
func (c *counting) otherNode(t *testing.T) string {
	t.Helper()
	for number := 1; ; number++ {
		if name := testbed.NodeName(number); name != c.node(t) {
			return name
		}
	}
}

// fill leaves no memory on a node for a guest, until free is called.
func fill(t *testing.T, namespace, name string) (free func()) {
	t.Helper()
	node, pods := &corev1.Node{}, &corev1.PodList{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKey{Name: name}, node))
	require.NoError(t, cluster.List(t.Context(), pods))
	left := node.Status.Allocatable.Memory().DeepCopy()
	for i := range pods.Items {
		if pods.Items[i].Spec.NodeName != name || pods.Items[i].Status.Phase == corev1.PodSucceeded ||
			pods.Items[i].Status.Phase == corev1.PodFailed {
			continue
		}
		for j := range pods.Items[i].Spec.Containers {
			left.Sub(*pods.Items[i].Spec.Containers[j].Resources.Requests.Memory())
		}
	}
	left.Sub(resource.MustParse("32Mi"))
	filler := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "filler"},
		Spec: corev1.PodSpec{
			NodeSelector:                  map[string]string{"kubernetes.io/hostname": name},
			TerminationGracePeriodSeconds: ptr.To[int64](0),
			Containers: []corev1.Container{{
				Name: "sleep", Image: testbed.Busybox, ImagePullPolicy: corev1.PullNever,
				Command:   []string{"/bin/busybox", "sleep", "86400"},
				Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceMemory: left}},
			}},
		},
	}
	cluster.Make(t, filler)
	harness.Until(t, harness.CauseOther, patience, "the node is full", func(ctx context.Context) string {
		if err := cluster.Get(ctx, client.ObjectKeyFromObject(filler), filler); err != nil {
			return err.Error()
		}
		if filler.Spec.NodeName == "" {
			return "the filling pod has no node"
		}
		return ""
	})
	return func() { require.NoError(t, client.IgnoreNotFound(cluster.Delete(t.Context(), filler))) }
}

// killTarget ends the target pod of the first attempt as soon as it runs, and returns how many processes it killed.
func (c *counting) killTarget(t *testing.T, migration *v1alpha1.WukongMigration) (killed int) {
	t.Helper()
	harness.Until(t, harness.CauseMigration, patience, "the target pod runs", func(ctx context.Context) string {
		pods := &corev1.PodList{}
		if err := cluster.Get(ctx, client.ObjectKeyFromObject(migration), migration); err != nil ||
			migration.Status.MigrationUID == "" {
			return "the migration has not begun"
		}
		selector := client.MatchingLabels{kubevirtv1.MigrationJobLabel: migration.Status.MigrationUID}
		if err := cluster.List(ctx, pods, client.InNamespace(migration.Namespace), selector); err != nil ||
			len(pods.Items) == 0 {
			return "there is no target pod"
		}
		if pods.Items[0].Status.Phase != corev1.PodRunning {
			return "it is " + string(pods.Items[0].Status.Phase)
		}
		var err error
		if killed, err = testbed.KillPod(pods.Items[0].UID); err != nil || killed == 0 {
			return fmt.Sprintf("%d processes killed: %v", killed, err)
		}
		return ""
	})
	return killed
}

// TestAWukongVMThatCannotMigrateSaysSo: its disk is on one node.
func TestAWukongVMThatCannotMigrateSaysSo(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	vm := builder.VM(namespace, "fixed", harness.TinyDisk("root"),
		builder.Stamped("data", builder.Size("64Mi"), builder.OnClass(testbed.LocalClass)))
	cluster.Make(t, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	migration := builder.Migration(namespace, "move", vm.Name, time.Now().Add(time.Second))
	cluster.Make(t, migration)
	cluster.WaitReady(t, migration, metav1.ConditionFalse, v1alpha1.ReasonNotMigratable, patience)
	message := meta.FindStatusCondition(migration.Status.Conditions, v1alpha1.ConditionReady).Message
	t.Log(message)
	assert.Contains(t, message, "disk data (PersistentVolumeClaim fixed-data) is not shared")
	assert.Zero(t, migration.Status.Attempt)
}
