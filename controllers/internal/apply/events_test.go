package apply

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestEventsTellOfFaultsOnly(t *testing.T) {
	disk := func(phase v1alpha1.DiskPhase, status metav1.ConditionStatus, reason, message string) *v1alpha1.WukongDisk {
		return &v1alpha1.WukongDisk{Status: v1alpha1.WukongDiskStatus{Phase: phase, Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: message},
		}}}
	}
	pending := disk(v1alpha1.DiskPending, metav1.ConditionFalse, "Importing", "")
	ready := disk(v1alpha1.DiskReady, metav1.ConditionTrue, "Ready", "")
	failed := disk(v1alpha1.DiskError, metav1.ConditionFalse, "ImportFailed", "404 (restarts so far: 1)")
	again := disk(v1alpha1.DiskError, metav1.ConditionFalse, "ImportFailed", "404 (restarts so far: 2)")
	other := disk(v1alpha1.DiskError, metav1.ConditionFalse, "QuotaExceeded", strings.Repeat("x", 2000))
	for name, row := range map[string]struct {
		before, after *v1alpha1.WukongDisk
		event         string
	}{
		"goes well":                {pending, ready, ""},
		"new":                      {&v1alpha1.WukongDisk{}, pending, ""},
		"a fault":                  {pending, failed, "Warning ImportFailed 404 (restarts so far: 1)"},
		"a fault from the start":   {&v1alpha1.WukongDisk{}, failed, "Warning ImportFailed 404 (restarts so far: 1)"},
		"the same fault again":     {failed, again, ""},
		"another fault, at length": {failed, other, "Warning QuotaExceeded " + strings.Repeat("x", maxEventNote)},
		"tried again":              {failed, pending, ""},
		"over":                     {failed, ready, ""},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := events.NewFakeRecorder(1)
			(&Applier{Recorder: recorder}).announce(row.before, row.after)
			close(recorder.Events)
			assert.Equal(t, row.event, <-recorder.Events)
		})
	}
}
