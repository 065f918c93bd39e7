package umbrella

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
)

func referenceTo(name string, uid types.UID) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Wukong", Name: name, UID: uid}
}

func TestLink(t *testing.T) {
	alive := &v1alpha1.Wukong{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "default", UID: "new"}}
	going := alive.DeepCopy()
	going.DeletionTimestamp, going.Finalizers = ptr.To(metav1.Now()), []string{metav1.FinalizerDeleteDependents}

	tests := map[string]struct {
		named   string // spec.wukongRef
		carried []metav1.OwnerReference
		wukong  *v1alpha1.Wukong

		wanted *metav1.OwnerReference
		status metav1.ConditionStatus // of UmbrellaLinked; empty when it is not set
	}{
		"no umbrella named": {wukong: alive},
		"no umbrella named any more": {
			carried: []metav1.OwnerReference{referenceTo("shop", "new")}, wukong: alive,
		},
		"not there yet": {named: "shop", status: metav1.ConditionFalse},
		"there": {named: "shop", wukong: alive, wanted: ptr.To(referenceTo("shop", "new")),
			status: metav1.ConditionTrue},
		"linked": {
			named: "shop", carried: []metav1.OwnerReference{referenceTo("shop", "new")}, wukong: alive,
			wanted: ptr.To(referenceTo("shop", "new")), status: metav1.ConditionTrue,
		},
		"another one is named now": {
			named: "shop", carried: []metav1.OwnerReference{referenceTo("old-shop", "old")}, wukong: alive,
			wanted: ptr.To(referenceTo("shop", "new")), status: metav1.ConditionTrue,
		},
		"going, not linked": {named: "shop", wukong: going, status: metav1.ConditionFalse},
		"going, linked: the garbage collector needs the link": {
			named: "shop", carried: []metav1.OwnerReference{referenceTo("shop", "new")}, wukong: going,
			wanted: ptr.To(referenceTo("shop", "new")), status: metav1.ConditionFalse,
		},
		"gone, linked: the garbage collector needs the link": {
			named: "shop", carried: []metav1.OwnerReference{referenceTo("shop", "old")},
			wanted: ptr.To(referenceTo("shop", "old")), status: metav1.ConditionFalse,
		},
		"made anew, linked to the former": {
			named: "shop", carried: []metav1.OwnerReference{referenceTo("shop", "old")}, wukong: alive,
			wanted: ptr.To(referenceTo("shop", "old")), status: metav1.ConditionFalse,
		},
		"an owner of another kind by that name": {
			named:   "shop",
			carried: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "shop", UID: "x"}},
			wukong:  alive,
			wanted:  ptr.To(referenceTo("shop", "new")), status: metav1.ConditionTrue,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Name: "root", Namespace: "default",
				OwnerReferences: test.carried}}
			if test.named != "" {
				disk.Spec.WukongRef = &v1alpha1.LocalObjectReference{Name: test.named}
			}
			link := newLink(disk, test.wukong)
			assert.Equal(t, test.wanted, link.OwnerReference())

			set := conditions.For(disk, clocktesting.NewFakePassiveClock(time.Unix(0, 0)))
			link.Report(set)
			if test.status == "" {
				assert.Empty(t, set.List())
				return
			}
			assert.Equal(t, test.status, set.Get(v1alpha1.ConditionUmbrellaLinked).Status)
		})
	}
}

func TestPredicate(t *testing.T) {
	before := &v1alpha1.Wukong{ObjectMeta: metav1.ObjectMeta{Name: "shop", UID: "a"}}
	status := before.DeepCopy()
	status.Status.Summary = "1/1"
	going := before.DeepCopy()
	going.DeletionTimestamp = ptr.To(metav1.Now())

	assert.False(t, Predicate().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: status}),
		"its status is no news to children")
	assert.True(t, Predicate().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: going}))
}
