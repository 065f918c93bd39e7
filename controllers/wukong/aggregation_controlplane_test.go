//go:build controlplane

package wukong_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// statusWrites are the umbrella's writes of its own status.
var statusWrites = testenv.Write{Verb: "patch", Resource: "wukongs/status"}

func TestNobodyYet(t *testing.T) {
	f, manager := start(t, "wukong")
	shop := f.newWukong("shop")
	f.Create(shop)
	current := testkit.Wait(f, shop, metav1.ConditionUnknown, v1alpha1.ReasonNoChildren,
		"no WukongVM, disk, image or network refers to this Wukong in spec.wukongRef yet")
	assert.Equal(t, v1alpha1.PhasePending, current.Status.Phase)
	assert.Equal(t, "0/0", current.Status.Summary)
	f.WaitIdle()
	assert.Equal(t, map[testenv.Write]int{statusWrites: 1}, manager.Writes.Counts())
}

// A whole application with all controllers, and KubeVirt and CDI simulated: what the umbrella shows, and its writes.
func TestContract3WritesOfAnApplication(t *testing.T) {
	f, manager := start(t)
	f.Simulate()
	shop := f.newWukong("shop")
	f.Create(shop, f.newNetwork("lan", "shop"), f.newDisk("root", "shop"), f.newVM("web", "shop", "root", "lan"))

	current := testkit.Wait(f, shop, metav1.ConditionTrue, v1alpha1.ReasonChildrenReady, "")
	assert.Equal(t, v1alpha1.PhaseRunning, current.Status.Phase)
	assert.Equal(t, "3/3", current.Status.Summary)
	assert.Equal(t, []v1alpha1.ChildCount{
		{Kind: "WukongNetwork", Total: 1, Ready: 1}, {Kind: "WukongDisk", Total: 1, Ready: 1},
		{Kind: "WukongVM", Total: 1, Ready: 1},
	}, current.Status.Counts)
	assert.True(t, meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionChildrenReady))

	f.WaitIdle()
	t.Logf("writes of the whole application:\n%s", manager.Writes)
	assert.LessOrEqual(t, manager.Writes.Counts()[statusWrites], 3, manager.Writes)
	assert.Zero(t, manager.Writes.Counts()[testenv.Write{Verb: "patch", Resource: "wukongs"}],
		"it changes nothing but its status")

	t.Run("none at rest, after a restart", func(t *testing.T) {
		manager.Stop()
		second := f.StartManager()
		f.WaitPasses(4)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})
}

// The umbrella reports an export, and the state of its application does not change.
func TestAnExportBelongsToItsApplication(t *testing.T) {
	f, _ := start(t)
	f.Simulate()
	shop := f.newWukong("shop")
	export := f.newExport("nightly", "shop", "root")
	f.Create(shop, f.newNetwork("lan", "shop"), f.newDisk("root", "shop"),
		f.newVM("web", "shop", "root", "lan"), export)
	testkit.Wait(f, shop, metav1.ConditionTrue, v1alpha1.ReasonChildrenReady, "")
	testkit.WaitUntil(f, shop, func(now *testkit.Attempt, current *v1alpha1.Wukong) {
		assert.True(now, meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionReady))
		assert.Equal(now, "3/3", current.Status.Summary)
		assert.Contains(now, current.Status.Counts, v1alpha1.ChildCount{Kind: "WukongExport", Total: 1})
		require.NotEmpty(now, current.Status.Children)
		assert.Equal(now, "nightly", current.Status.Children[0].Name)
		assert.Equal(now, v1alpha1.ReasonSourceInUse, current.Status.Children[0].Reason,
			current.Status.Children[0].Message)
	})
}

// The umbrella shows the message of its deepest child, a disk that a WukongVM waits for, and follows when it is fixed.
func TestCauseOfADeepChild(t *testing.T) {
	f, _ := start(t)
	f.Simulate()
	shop := f.newWukong("shop")
	disk := f.newDisk("root", "shop")
	disk.Spec.StorageClassName = new(string)
	*disk.Spec.StorageClassName = "nowhere"
	f.Create(shop, f.newNetwork("lan", "shop"), disk, f.newVM("web", "shop", "root", "lan"))

	testkit.Wait(f, shop, metav1.ConditionFalse, v1alpha1.ReasonChildNotReady,
		"WukongDisk root: StorageClass nowhere does not exist")
	current := f.waitSummary(shop, "1/3")
	assert.Equal(t, v1alpha1.PhaseError, current.Status.Phase)
	assert.Equal(t, "WukongDisk root", current.Status.Children[0].Kind+" "+current.Status.Children[0].Name)
	assert.Contains(t, current.Status.Children[0].Message, "StorageClass nowhere does not exist")

	f.Remove(disk)
	f.Patch(disk, `{"metadata":{"finalizers":null}}`) // a WukongVM uses it, which would keep it
	f.WaitGone(disk)
	f.Create(f.newDisk("root", "shop"))
	testkit.Wait(f, shop, metav1.ConditionTrue, v1alpha1.ReasonChildrenReady, "")
}

// A child that leaves or is deleted is no longer counted; a new one is.
func TestChildrenComeAndGo(t *testing.T) {
	f, _ := start(t, "wukong", "wukongdisk")
	shop, other := f.newWukong("shop"), f.newWukong("other")
	one, two := f.newDisk("one", "shop"), f.newDisk("two", "shop")
	f.Create(shop, other, one, two)
	f.waitSummary(shop, "0/2")
	f.waitSummary(other, "0/0")

	f.Patch(two, `{"spec":{"wukongRef":{"name":"other"}}}`)
	f.waitSummary(shop, "0/1")
	f.waitSummary(other, "0/1")

	f.Patch(one, `{"spec":{"wukongRef":null}}`)
	testkit.Wait(f, shop, metav1.ConditionUnknown, v1alpha1.ReasonNoChildren, "")
	f.Remove(two)
	f.waitSummary(other, "0/0")
}

// What the umbrella shows of its children, with children written by hand: each state of an application costs at most
// one write, and what the umbrella does not show costs none.
func TestWritesFollowWhatIsShown(t *testing.T) {
	f, manager := start(t, "wukong")
	shop := f.newWukong("shop")
	f.Create(shop)
	vm := f.newVM("web", "shop", "root", "lan")
	vm.OwnerReferences = []metav1.OwnerReference{{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Wukong",
		Name: "shop", UID: shop.UID}}
	f.Create(vm)
	say := func(phase v1alpha1.Phase, status metav1.ConditionStatus, reason string) {
		vm.Status.Phase = phase
		vm.Status.Conditions = []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: reason,
			LastTransitionTime: metav1.Now(), ObservedGeneration: vm.Generation,
		}}
		f.SetStatus(vm)
	}

	say(v1alpha1.PhasePending, metav1.ConditionFalse, v1alpha1.ReasonWaitingForDisk)
	testkit.Wait(f, shop, metav1.ConditionFalse, v1alpha1.ReasonChildNotReady, "WukongVM web: WaitingForDisk")
	say(v1alpha1.PhaseStarting, metav1.ConditionFalse, v1alpha1.ReasonStarting)
	testkit.Wait(f, shop, metav1.ConditionFalse, v1alpha1.ReasonChildNotReady, "WukongVM web: Starting")
	say(v1alpha1.PhaseRunning, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	testkit.Wait(f, shop, metav1.ConditionTrue, v1alpha1.ReasonChildrenReady, "")
	f.WaitIdle()
	assert.Equal(t, map[testenv.Write]int{statusWrites: 3}, manager.Writes.Counts())

	manager.Writes.Reset()
	vm.Status.NodeName, vm.Status.PrimaryAddress = "node-1", "10.0.0.5"
	f.SetStatus(vm)
	f.Patch(vm, `{"metadata":{"labels":{"tier":"front"}}}`)
	f.WaitIdle()
	assert.Zero(t, manager.Writes.Total(), manager.Writes)
}

// Contract 6 and the composition: deleting the umbrella deletes all children, with any deletion policy and however
// fast their own controllers are.
func TestContract6DeletionOfAnApplication(t *testing.T) {
	for _, policy := range []metav1.DeletionPropagation{metav1.DeletePropagationBackground,
		metav1.DeletePropagationForeground} {
		t.Run(string(policy), func(t *testing.T) {
			f, _ := start(t)
			f.Simulate()
			shop := f.newWukong("shop")
			f.Create(shop)
			var children []client.Object
			for _, letter := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
				children = append(children, f.newNetwork("lan-"+letter, "shop"), f.newDisk("root-"+letter, "shop"),
					f.newVM("web-"+letter, "shop", "root-"+letter, "lan-"+letter))
			}
			f.Create(children...)
			f.waitSummary(shop, "24/24")

			f.Remove(shop, client.PropagationPolicy(policy))
			f.WaitGone(shop)
			f.WaitGone(children...)
		})
	}
}

// Deleted with orphaning, the children remain, and belong to the next Wukong with the name.
func TestOrphanedChildrenStay(t *testing.T) {
	f, _ := start(t, "wukong", "wukongdisk")
	shop, disk := f.newWukong("shop"), f.newDisk("root", "shop")
	f.Create(shop, disk)
	f.waitSummary(shop, "0/1")
	f.Remove(shop, client.PropagationPolicy(metav1.DeletePropagationOrphan))
	f.WaitGone(shop)
	f.WaitIdle()
	require.True(t, f.Has(disk))
	assert.Empty(t, disk.OwnerReferences)
	assert.True(t, meta.IsStatusConditionFalse(disk.Status.Conditions, v1alpha1.ConditionUmbrellaLinked))

	again := f.newWukong("shop")
	f.Create(again)
	f.waitSummary(again, "0/1")
}
