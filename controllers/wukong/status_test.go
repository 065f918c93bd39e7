package wukong

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
)

func TestAggregate(t *testing.T) {
	wukong := &v1alpha1.Wukong{ObjectMeta: metav1.ObjectMeta{Name: "shop", Generation: 3}}
	status := aggregate(wukong, []child{
		network("Ready"), disk("Importing"), of("WukongVM", "web", "Running"), of("WukongVM", "api", "Pending"),
	})
	assert.Equal(t, int64(3), status.ObservedGeneration)
	assert.Equal(t, "2/4", status.Summary)
	assert.Equal(t, v1alpha1.PhaseCreating, status.Phase)
	assert.Equal(t, []v1alpha1.ChildCount{
		{Kind: "WukongNetwork", Total: 1, Ready: 1}, {Kind: "WukongDisk", Total: 1},
		{Kind: "WukongVM", Total: 2, Ready: 1},
	}, status.Counts)
	assert.Equal(t, []v1alpha1.ChildStatus{
		{Kind: "WukongDisk", Name: "root", Ready: "False", Phase: "Importing", Reason: "Because",
			Message: "root is Importing"},
		{Kind: "WukongVM", Name: "api", Ready: "False", Phase: "Pending", Reason: "Because", Message: "api is Pending"},
		{Kind: "WukongNetwork", Name: "lan", Ready: "True", Phase: "Ready", Reason: "Because"},
		{Kind: "WukongVM", Name: "web", Ready: "True", Phase: "Running", Reason: "Because"},
	}, status.Children)
}

// A failed backup is reported, and makes no WukongVM unready.
func TestOperationsAreCountedAndNoPartsOfTheApplication(t *testing.T) {
	operation := func(kind, name, phase string) child {
		one := of(kind, name, phase)
		one.operation = true
		return one
	}
	children := []child{vm("Running"), disk("Ready"), operation("WukongExport", "nightly", "Failed"),
		operation("WukongSnapshot", "monday", "Ready")}
	status := aggregate(&v1alpha1.Wukong{}, children)
	assert.Equal(t, "2/2", status.Summary)
	assert.Equal(t, v1alpha1.PhaseRunning, status.Phase)
	assert.Contains(t, status.Counts, v1alpha1.ChildCount{Kind: "WukongExport", Total: 1})
	assert.Contains(t, status.Counts, v1alpha1.ChildCount{Kind: "WukongSnapshot", Total: 1, Ready: 1})
	assert.Equal(t, v1alpha1.ChildStatus{
		Kind: "WukongExport", Name: "nightly", Ready: "False", Phase: "Failed", Reason: "Because",
		Message: "nightly is Failed",
	}, status.Children[0])

	broken := append(children, network("Error"))
	assert.Equal(t, "WukongNetwork", aggregate(&v1alpha1.Wukong{}, broken).Children[0].Kind,
		"a part before an operation")
}

func TestAggregateOfAnApplicationThatGoes(t *testing.T) {
	wukong := &v1alpha1.Wukong{ObjectMeta: metav1.ObjectMeta{Name: "shop", DeletionTimestamp: ptr.To(metav1.Now())}}
	assert.Equal(t, v1alpha1.PhaseTerminating, aggregate(wukong, []child{vm("Running")}).Phase)
}

// A hundred children with long messages must fit into one object: the API server accepts 1.5 MB.
func TestStatusOfManyChildrenIsBounded(t *testing.T) {
	var children []child
	for i := range 500 {
		one := of("WukongVM", fmt.Sprintf("vm-%03d", i), "Error")
		one.Ready.Message = strings.Repeat("é", 16000)
		children = append(children, one)
	}
	children[499] = of("WukongVM", "vm-499", "Running")

	status := aggregate(&v1alpha1.Wukong{}, children)
	assert.Len(t, status.Children, v1alpha1.MaxReportedChildren)
	assert.Equal(t, "vm-000", status.Children[0].Name)
	assert.Equal(t, "1/500", status.Summary)
	text, err := json.Marshal(status)
	require.NoError(t, err)
	assert.Less(t, len(text), 512<<10)
}

func TestReport(t *testing.T) {
	tests := map[string]struct {
		deleting bool
		children []child

		ready          metav1.ConditionStatus
		reason         string
		message        string
		childrenReady  metav1.ConditionStatus
		childrenReason string
	}{
		"no children": {
			ready: metav1.ConditionUnknown, reason: v1alpha1.ReasonNoChildren,
			message:       "no WukongVM, disk, image or network refers to this Wukong in spec.wukongRef yet",
			childrenReady: metav1.ConditionUnknown, childrenReason: v1alpha1.ReasonNoChildren,
		},
		"all ready": {
			children: []child{vm("Running"), disk("Ready")},
			ready:    metav1.ConditionTrue, reason: v1alpha1.ReasonChildrenReady,
			childrenReady: metav1.ConditionTrue, childrenReason: v1alpha1.ReasonChildrenReady,
		},
		"one not ready": {
			children: []child{vm("Pending"), disk("Error")},
			ready:    metav1.ConditionFalse, reason: v1alpha1.ReasonChildNotReady,
			message:       "WukongDisk root: root is Error",
			childrenReady: metav1.ConditionFalse, childrenReason: v1alpha1.ReasonChildNotReady,
		},
		"being deleted": {
			deleting: true, children: []child{vm("Running")},
			ready: metav1.ConditionFalse, reason: v1alpha1.ReasonTerminating,
			message:       "the application is being deleted, and its objects with it",
			childrenReady: metav1.ConditionTrue, childrenReason: v1alpha1.ReasonChildrenReady,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			wukong := &v1alpha1.Wukong{ObjectMeta: metav1.ObjectMeta{Generation: 2}}
			if test.deleting {
				wukong.DeletionTimestamp = ptr.To(metav1.Now())
			}
			set := conditions.For(wukong, clocktesting.NewFakePassiveClock(time.Unix(1000, 0)))
			report(set, wukong, parts(test.children))

			ready := set.Get(v1alpha1.ConditionReady)
			assert.Equal(t, test.ready, ready.Status)
			assert.Equal(t, test.reason, ready.Reason)
			assert.Equal(t, test.message, ready.Message)
			assert.Equal(t, int64(2), ready.ObservedGeneration)
			childrenReady := set.Get(v1alpha1.ConditionChildrenReady)
			assert.Equal(t, test.childrenReady, childrenReady.Status)
			assert.Equal(t, test.childrenReason, childrenReady.Reason)
		})
	}
}
