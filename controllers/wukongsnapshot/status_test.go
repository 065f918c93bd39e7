package wukongsnapshot

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/parts"
)

// Whoever reads SnapshotLost deletes the snapshot. While the cluster serves no VolumeSnapshots, as when their
// definition is installed again, nothing shows that one is lost.
func TestWhenASnapshotIsLost(t *testing.T) {
	at := metav1.Now()
	snapshot := &v1alpha1.WukongSnapshot{}
	snapshot.Status.Phase, snapshot.Status.CompletionTime = v1alpha1.OperationSucceeded, &at
	snapshot.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonTaken},
	}
	missing := parts.Parts{{SnapshotDiskStatus: v1alpha1.SnapshotDiskStatus{VolumeSnapshotName: "monday-root"}}}
	lost := evaluate(snapshot, &observation{served: true, parts: missing}, nil)
	assert.Equal(t, v1alpha1.ReasonSnapshotLost, lost.Reason)
	unknown := evaluate(snapshot, &observation{served: false, parts: missing}, nil)
	assert.Equal(t, v1alpha1.ReasonTaken, unknown.Reason)
	assert.True(t, unknown.Ready)
}
