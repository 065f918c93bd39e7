package wukong

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// aDisk returns a WukongDisk of the application shop, changed by options.
func aDisk(options ...func(*v1alpha1.WukongDisk)) *v1alpha1.WukongDisk {
	disk := &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{
			Name: "root", Namespace: "default", UID: "root-uid", Generation: 1,
			OwnerReferences: []metav1.OwnerReference{reference("shop")},
		},
		Status: v1alpha1.WukongDiskStatus{
			Phase: v1alpha1.DiskImporting,
			Conditions: []metav1.Condition{{
				Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "Importing",
				Message: "10 %", ObservedGeneration: 1,
			}},
		},
	}
	for _, option := range options {
		option(disk)
	}
	return disk
}

func reference(name string) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Wukong", Name: name,
		UID: types.UID(name + "-uid")}
}

func TestUrgency(t *testing.T) {
	tests := map[string]struct {
		change func(*v1alpha1.WukongDisk)
		after  time.Duration
	}{
		"nothing":  {func(*v1alpha1.WukongDisk) {}, 0},
		"a label":  {func(d *v1alpha1.WukongDisk) { d.Labels = map[string]string{"a": "b"} }, 0},
		"progress": {func(d *v1alpha1.WukongDisk) { d.Status.ProgressPercent = ptr.To(int32(20)) }, 0},
		"another condition": {func(d *v1alpha1.WukongDisk) {
			d.Status.Conditions = append(d.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionUmbrellaLinked})
		}, 0},
		"words":      {func(d *v1alpha1.WukongDisk) { d.Status.Conditions[0].Message = "20 %" }, gatherMessages},
		"the phase":  {func(d *v1alpha1.WukongDisk) { d.Status.Phase = v1alpha1.DiskReady }, gather},
		"readiness":  {func(d *v1alpha1.WukongDisk) { d.Status.Conditions[0].Status = metav1.ConditionTrue }, gather},
		"the reason": {func(d *v1alpha1.WukongDisk) { d.Status.Conditions[0].Reason = "ImportFailed" }, gather},
		"a new spec": {func(d *v1alpha1.WukongDisk) { d.Generation = 2 }, gather},
		"deletion":   {func(d *v1alpha1.WukongDisk) { d.DeletionTimestamp = ptr.To(metav1.Now()) }, gather},
		"it leaves":  {func(d *v1alpha1.WukongDisk) { d.OwnerReferences = nil }, gather},
		"it moves":   {func(d *v1alpha1.WukongDisk) { d.OwnerReferences[0] = reference("other") }, gather},
		"another's owner": {func(d *v1alpha1.WukongDisk) {
			d.OwnerReferences = append(d.OwnerReferences, metav1.OwnerReference{Kind: "WukongVM"})
		}, 0},
		"another object": {func(d *v1alpha1.WukongDisk) { d.UID = "new" }, gather},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.after, urgency(aDisk(), aDisk(test.change)))
		})
	}
}

// recorder records what is enqueued; handlers do not use the rest of the queue.
type recorder struct {
	workqueue.TypedRateLimitingInterface[reconcile.Request]
	added map[string]time.Duration
}

func (r *recorder) AddAfter(request reconcile.Request, after time.Duration) {
	r.added[request.String()] = after
}

func TestChildHandlerTellsOldAndNewUmbrella(t *testing.T) {
	queue := &recorder{added: map[string]time.Duration{}}
	moved := aDisk(func(d *v1alpha1.WukongDisk) { d.OwnerReferences[0] = reference("other") })
	childHandler().Update(t.Context(), event.UpdateEvent{ObjectOld: aDisk(), ObjectNew: moved}, queue)
	assert.Equal(t, map[string]time.Duration{"default/shop": gather, "default/other": gather}, queue.added)
}

func TestChildHandlerIsSilentAboutStrangers(t *testing.T) {
	queue := &recorder{added: map[string]time.Duration{}}
	stranger := aDisk(func(d *v1alpha1.WukongDisk) { d.OwnerReferences = nil })
	childHandler().Create(t.Context(), event.CreateEvent{Object: stranger}, queue)
	childHandler().Delete(t.Context(), event.DeleteEvent{Object: stranger}, queue)
	assert.Empty(t, queue.added)
}

// The umbrella's own status, which it writes itself, must not start a pass.
func TestOwnHandlerIgnoresStatus(t *testing.T) {
	queue := &recorder{added: map[string]time.Duration{}}
	before := &v1alpha1.Wukong{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "default", Generation: 1}}
	after := before.DeepCopy()
	after.Status.Summary = "1/1"
	ownHandler().Update(t.Context(), event.UpdateEvent{ObjectOld: before, ObjectNew: after}, queue)
	assert.Empty(t, queue.added)

	after.Generation = 2
	ownHandler().Update(t.Context(), event.UpdateEvent{ObjectOld: before, ObjectNew: after}, queue)
	assert.Equal(t, map[string]time.Duration{"default/shop": gather}, queue.added)
}
