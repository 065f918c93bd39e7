//go:build controlplane

package wukongdisk_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

func TestContract7ReclaimPolicy(t *testing.T) {
	f, _ := start(t)
	gone, kept := f.newDisk("gone"), f.newDisk("kept", builder.Retained)
	f.Create(gone, kept)
	for _, disk := range []*v1alpha1.WukongDisk{gone, kept} {
		f.fill(disk)
		f.waitReady(disk)
		claim := testkit.Read(f, disk.Name, &corev1.PersistentVolumeClaim{})
		f.Patch(claim, fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, dvstate.AnnotationPopulatedFor, disk.Name))
	}
	cached := testkit.Read(f, "kept", &cdiv1.DataVolume{})
	f.Remove(gone)
	f.Remove(kept)
	f.WaitGone(gone)
	f.WaitGone(kept)
	for _, name := range []string{"gone", "kept"} {
		f.WaitGone(&cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	f.WaitGone(&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "gone"}})

	claim := testkit.Read(f, "kept", &corev1.PersistentVolumeClaim{})
	assert.Nil(t, claim.DeletionTimestamp)
	assert.Empty(t, claim.OwnerReferences, "it belongs to nobody, so that nothing can take it along")
	assert.False(t, adopts(cached, claim), "CDI puts the owner back, and the garbage collector deletes the claim")
}

// adopts is what CDI does with a claim whose DataVolume its cache still has (version 1.61,
// pkg/controller/datavolume/controller-base.go): handleDelayedAnnotations copies the mark if it is missing, and
// validatePVC sets the owner reference if the mark is the name of the DataVolume.
func adopts(dataVolume *cdiv1.DataVolume, claim *corev1.PersistentVolumeClaim) bool {
	mark, present := claim.Annotations[dvstate.AnnotationPopulatedFor]
	if !present {
		mark = dataVolume.Annotations[dvstate.AnnotationPopulatedFor]
	}
	return mark == dataVolume.Name
}

// The policy may change at any time, also after the disk is complete.
func TestReclaimPolicyCanChange(t *testing.T) {
	f, _ := start(t)
	disk := f.newDisk("root")
	f.Create(disk)
	f.fill(disk)
	f.waitReady(disk)
	f.Patch(disk, `{"spec":{"reclaimPolicy":"Retain"}}`)
	f.Remove(disk)
	f.WaitGone(disk)
	assert.Empty(t, testkit.Read(f, "root", &corev1.PersistentVolumeClaim{}).OwnerReferences)
}

// Deleted in the foreground, as Argo CD does it, an owner takes along what refers to it before its finalizers have
// their word. A retained claim stays all the same, whoever is deleted, and whenever the policy was set; and one that is
// not to be retained any more goes.
func TestContract7RetainHoldsInTheForeground(t *testing.T) {
	f, manager := start(t)
	alone, changed, released := f.newDisk("alone", builder.Retained), f.newDisk("changed"),
		f.newDisk("released", builder.Retained)
	web := f.newVM("web", "stamped")
	f.Create(alone, changed, released, web)
	stamped := f.newDisk("stamped", builder.Retained)
	require.NoError(t, controllerutil.SetControllerReference(web, stamped, f.Client.Scheme()))
	f.Create(stamped)
	disks := []*v1alpha1.WukongDisk{alone, changed, released, stamped}
	for _, disk := range disks {
		f.fill(disk)
		f.waitReady(disk)
	}
	f.Patch(changed, `{"spec":{"reclaimPolicy":"Retain"}}`)
	f.waitReady(changed)
	f.Patch(released, `{"spec":{"reclaimPolicy":"Delete"}}`)
	f.waitReady(released)
	f.WaitIdle()
	manager.Stop() // the garbage collector does not wait for it
	f.Remove(web, client.PropagationPolicy(metav1.DeletePropagationForeground))
	f.RemoveInForeground(alone, changed, released)
	f.Until(func() bool { return f.Has(stamped) && !stamped.DeletionTimestamp.IsZero() },
		"the garbage collector deletes what the machine owns")
	f.StartManager()
	for _, disk := range disks {
		f.WaitGone(disk)
		f.WaitGone(&cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Name: disk.Name}})
	}
	f.WaitGone(&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "released"}})
	for _, name := range []string{"alone", "changed", "stamped"} {
		claim := testkit.Read(f, name, &corev1.PersistentVolumeClaim{})
		assert.Nil(t, claim.DeletionTimestamp, name)
		assert.Empty(t, claim.OwnerReferences, name)
	}
}

// The policy that stands at the end counts, also when the disk is deleted before its controller has seen it.
func TestADiskThatIsNotRetainedAnyMoreLeavesNothing(t *testing.T) {
	f, manager := start(t)
	disk := f.newDisk("root", builder.Retained)
	f.Create(disk)
	f.fill(disk)
	f.waitReady(disk)
	f.WaitIdle()
	manager.Stop()
	f.Patch(disk, `{"spec":{"reclaimPolicy":"Delete"}}`)
	f.Remove(disk)
	f.StartManager()
	f.WaitGone(disk)
	f.WaitGone(&cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Name: "root"}})
	f.WaitGone(&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "root"}})
}

// A retained claim of a disk whose DataVolume CDI collected hangs on the disk itself.
func TestContract7RetainAfterCDICollectedTheDataVolume(t *testing.T) {
	f, _ := start(t)
	disk := f.newDisk("root", builder.Retained)
	f.Create(disk)
	f.fill(disk)
	disk = f.waitReady(disk)
	claim := testkit.Read(f, "root", &corev1.PersistentVolumeClaim{})
	claim.OwnerReferences = nil
	require.NoError(t, controllerutil.SetControllerReference(disk, claim, f.Client.Scheme()))
	require.NoError(t, f.Client.Update(t.Context(), claim))
	f.Remove(&cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "root"}})
	f.WaitGone(&cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Name: "root"}})

	f.Remove(disk)
	f.WaitGone(disk)
	f.WaitIdle()
	claim = testkit.Read(f, "root", &corev1.PersistentVolumeClaim{})
	assert.Nil(t, claim.DeletionTimestamp)
	assert.Empty(t, claim.OwnerReferences)
}

// A DataVolume that was made for a retained disk, while that went without its finalizer, refers to nobody. It is found
// by the name that it has the disk's, also by a manager that starts later, and by a new disk of that name.
func TestWhatADiskThatVanishedLeftBehind(t *testing.T) {
	leave := func(f disks, name string) *cdiv1.DataVolume {
		left := &cdiv1.DataVolume{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: f.Namespace, Name: name,
				Labels:      map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue},
				Annotations: map[string]string{v1alpha1.AnnotationRetainedFor: name + "/" + string(uuid.NewUUID())},
			},
			Spec: cdiv1.DataVolumeSpec{
				Source: &cdiv1.DataVolumeSource{Blank: &cdiv1.DataVolumeBlankImage{}}, Storage: &cdiv1.StorageSpec{},
			},
		}
		f.Create(left)
		return left
	}
	f := disks{testkit.New(t).Running("wukongdisk")}
	ghost, reborn := leave(f, "ghost"), leave(f, "reborn")
	disk := f.newDisk("reborn", builder.Retained)
	f.Create(disk)
	f.StartManager()
	f.WaitGone(ghost.DeepCopy())
	f.Until(func() bool {
		current := &cdiv1.DataVolume{}
		return f.Exists("reborn", current) && current.UID != reborn.UID && model.Belongs(current, disk)
	}, "the new disk has a DataVolume of its own")
	other := f.newDisk("other", builder.Retained)
	f.Create(other)
	f.waitDataVolume(other)
	f.WaitIdle()
	assert.True(t, f.Exists("other", &cdiv1.DataVolume{}), "that of a disk that is there stays")
}

// B2: what is deleted is what exists, whatever status says; at any moment of a disk's life.
func TestB2DeletedWhileItIsMade(t *testing.T) {
	f, _ := start(t)
	moments := map[string]func(disks, *v1alpha1.WukongDisk){
		"at-once":    func(disks, *v1alpha1.WukongDisk) {},
		"begun":      func(f disks, disk *v1alpha1.WukongDisk) { f.waitDataVolume(disk) },
		"with-claim": func(f disks, disk *v1alpha1.WukongDisk) { f.ClaimOf(f.waitDataVolume(disk)) },
		"being-filled": func(f disks, disk *v1alpha1.WukongDisk) {
			f.Bind(f.ClaimOf(f.waitDataVolume(disk)))
			f.SetDataVolume(disk.Name, cdiv1.ImportInProgress)
		},
	}
	for _, policy := range []v1alpha1.ReclaimPolicy{v1alpha1.ReclaimDelete, v1alpha1.ReclaimRetain} {
		for name, moment := range moments {
			t.Run(string(policy)+" "+name, func(t *testing.T) {
				f := f.in(t)
				lower := map[v1alpha1.ReclaimPolicy]string{v1alpha1.ReclaimDelete: "delete-",
					v1alpha1.ReclaimRetain: "retain-"}[policy]
				disk := f.newDisk(lower+name, builder.Reclaim(policy))
				f.Create(disk)
				moment(f, disk)
				f.Remove(disk)
				f.WaitGone(disk)
				f.WaitGone(&cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Name: disk.Name}})
				if policy == v1alpha1.ReclaimDelete {
					f.WaitGone(&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: disk.Name}})
				}
			})
		}
	}
}

// A disk in use stays, says by whom, and goes when its user is gone. A machine that only waits for it keeps it from
// nothing, and one that is being deleted counts no more.
func TestContract7DiskInUseIsNotDeleted(t *testing.T) {
	f, manager := start(t)
	disk, web, api := f.newDisk("root"), f.newVM("web", "root"), f.newVM("api", "root")
	api.Finalizers = []string{"example.com/hold"}
	f.Create(disk, web, api)
	f.fill(disk)
	f.waitReady(disk)

	f.Remove(disk)
	waiting := testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonInUse, "used by WukongVM api, and")
	assert.Equal(t, v1alpha1.DiskTerminating, waiting.Status.Phase)
	assert.Zero(t, testkit.Read(f, "root", &cdiv1.DataVolume{}).DeletionTimestamp)

	// The second manager is the whole test's: what follows needs it.
	t.Run("Contract3: no writes while it waits, after a restart", func(t *testing.T) {
		f.WaitIdle()
		manager.Stop()
		second := f.StartManager()
		f.WaitPasses(1)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})

	f.Remove(api) // its finalizer holds it, and it counts no more
	f.WaitGone(disk)
	f.WaitGone(&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "root"}})
	f.Patch(api, `{"metadata":{"finalizers":null}}`)
}

// The link to the Wukong is made when it appears, taken off when the spec no longer asks for it, and deleting the
// Wukong deletes the disk.
func TestUmbrellaLink(t *testing.T) {
	f, manager := start(t)
	disk := builder.PartOf("shop", f.newDisk("root"))
	f.Create(disk)
	f.fill(disk)
	current := f.waitReady(disk)
	linked := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionUmbrellaLinked)
	require.NotNil(t, linked)
	assert.Equal(t, metav1.ConditionFalse, linked.Status)
	assert.Contains(t, linked.Message, "Wukong shop does not exist")

	shop := builder.Wukong(f.Namespace, "shop")
	f.Create(shop)
	f.waitLinked(disk, shop)

	// The second manager is the whole test's: what follows needs it.
	t.Run("none at rest, after a restart", func(t *testing.T) {
		f.WaitIdle()
		manager.Stop()
		second := f.StartManager()
		f.WaitPasses(1)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})

	f.Patch(disk, `{"spec":{"wukongRef":null}}`)
	f.Until(func() bool {
		current := testkit.Read(f, "root", &v1alpha1.WukongDisk{})
		return len(current.OwnerReferences) == 0 &&
			meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionUmbrellaLinked) == nil
	})

	f.Patch(disk, `{"spec":{"wukongRef":{"name":"shop"}}}`)
	f.waitLinked(disk, shop)
	f.Remove(shop)
	f.WaitGone(disk)
	f.WaitGone(&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "root"}})
}

func (f disks) waitLinked(disk *v1alpha1.WukongDisk, wukong *v1alpha1.Wukong) {
	f.Helper()
	current := &v1alpha1.WukongDisk{}
	f.Eventually(func(now *testkit.Attempt) {
		require.NoError(now, f.Client.Get(f.Context(), client.ObjectKeyFromObject(disk), current))
		require.Len(now, current.OwnerReferences, 1)
		assert.Equal(now, wukong.UID, current.OwnerReferences[0].UID)
		assert.True(now, meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionUmbrellaLinked))
	})
	assert.Nil(f, current.OwnerReferences[0].Controller, "the Wukong is an owner, not the controller")
}
