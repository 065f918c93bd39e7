package model

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// A condition of an earlier spec does not describe the current one.
func TestReady(t *testing.T) {
	diskWith := func(generation int64, conditions ...metav1.Condition) *v1alpha1.WukongDisk {
		return &v1alpha1.WukongDisk{
			ObjectMeta: metav1.ObjectMeta{Generation: generation},
			Status:     v1alpha1.WukongDiskStatus{Conditions: conditions},
		}
	}
	ready := func(generation int64) metav1.Condition {
		return metav1.Condition{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, ObservedGeneration: generation,
		}
	}
	expect(t, metav1.ConditionTrue, Ready(diskWith(3, ready(3))).Status, "of the current generation")
	for name, disk := range map[string]*v1alpha1.WukongDisk{
		"none yet":        diskWith(1),
		"of an older one": diskWith(2, ready(1)),
	} {
		found := Ready(disk)
		expect(t, metav1.ConditionUnknown, found.Status, name)
		expect(t, v1alpha1.ReasonNotObserved, found.Reason, name)
	}
}

// part is ready in the phases in which parts of its kind are.
func part(kind, name, phase string) Part {
	status := metav1.ConditionFalse
	switch phase {
	case "Ready", "Running", "Stopped":
		status = metav1.ConditionTrue
	case "":
		status = metav1.ConditionUnknown
	}
	return Part{Kind: kind, Name: name, Phase: phase, Ready: metav1.Condition{Status: status}}
}

func TestDeepest(t *testing.T) {
	vm := func(phase string) Part { return part("WukongVM", "web", phase) }
	other := func(phase string) Part { return part("WukongVM", "api", phase) }
	disk := func(phase string) Part { return part("WukongDisk", "root", phase) }
	network := func(phase string) Part { return part("WukongNetwork", "lan", phase) }
	image := func(phase string) Part { return part("WukongImage", "debian", phase) }
	deleting := disk("Terminating")
	deleting.Deleting = true
	tests := map[string]struct {
		parts []Part
		cause string // "kind name"; empty when all is ready
	}{
		"nobody":                            {nil, ""},
		"all is ready":                      {[]Part{vm("Running"), disk("Ready")}, ""},
		"the disk is why the machine waits": {[]Part{vm("Pending"), disk("Importing")}, "WukongDisk root"},
		"the image is why the disk waits": {
			[]Part{vm("Pending"), disk("Pending"), image("Importing")}, "WukongImage debian",
		},
		"the network comes before the disk": {
			[]Part{disk("Pending"), network("Pending")}, "WukongNetwork lan",
		},
		"an error counts more than a wait":            {[]Part{vm("Error"), disk("Importing")}, "WukongVM web"},
		"a disk's error counts more than a machine's": {[]Part{vm("Error"), disk("Error")}, "WukongDisk root"},
		"a disk that waits for its machine explains nothing": {
			[]Part{vm("Starting"), disk("AwaitingConsumer")}, "WukongVM web",
		},
		"alone it does": {
			[]Part{vm("Stopped"), disk("AwaitingConsumer")}, "WukongDisk root",
		},
		"what is being deleted explains least": {[]Part{vm("Starting"), deleting}, "WukongVM web"},
		"not looked at yet counts as waiting":  {[]Part{vm(""), disk("Ready")}, "WukongVM web"},
		"of two alike the first name":          {[]Part{other("Error"), vm("Error")}, "WukongVM api"},
		"the order of the list has no meaning": {[]Part{vm("Error"), other("Error")}, "WukongVM api"},
	}
	for name, test := range tests {
		cause := ""
		if found := Deepest(test.parts); found != nil {
			cause = found.Kind + " " + found.Name
		}
		expect(t, test.cause, cause, name)
	}
}

func TestExplain(t *testing.T) {
	vm := &v1alpha1.WukongVM{ObjectMeta: named("web")}
	vm.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Reason: "MachineFailed", Message: "WukongDisk web-root: importer pod: 404",
	}}
	failed := PartOf("WukongVM", vm)
	expect(t, "WukongVM web: WukongDisk web-root: importer pod: 404", failed.Explain(), "a cause")
	failed.Ready.Message = ""
	expect(t, "WukongVM web: MachineFailed", failed.Explain(), "no message")
}
