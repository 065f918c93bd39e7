package wukongdisk

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// A claim that goes, as it does when someone deleted its DataVolume, is nobody's name to take.
func TestAClaimOfTheNameThatIsNotTheDisks(t *testing.T) {
	disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Name: "root", UID: "disk"}}
	foreign := &observation{claim: &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "root"}}}
	assert.Equal(t, v1alpha1.ReasonNameConflict, nameTaken(disk, foreign).reason)

	now := metav1.Now()
	foreign.claim.DeletionTimestamp = &now
	found := nameTaken(disk, foreign)
	assert.Equal(t, v1alpha1.ReasonPending, found.reason)
	assert.Contains(t, found.message, "PersistentVolumeClaim root is being deleted")
}
