package wukongdisk

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

// A claim that goes, as it does when someone deleted its DataVolume, is nobody's name to take.
func TestAClaimOfTheNameThatIsNotTheDisks(t *testing.T) {
	disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Name: "root", UID: "disk"}}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "root"}}
	foreign := &observation{claim: keeptest.Object(claim, diskstate.KeepClaim)}
	assert.Equal(t, v1alpha1.ReasonNameConflict, nameTaken(disk, foreign).Reason)

	now := metav1.Now()
	foreign.claim.DeletionTimestamp = &now
	found := nameTaken(disk, foreign)
	assert.Equal(t, v1alpha1.ReasonPending, found.Reason)
	assert.Contains(t, found.Message, "PersistentVolumeClaim root is being deleted")

	// The garbage collector has not come to it yet.
	foreign.claim.DeletionTimestamp = nil
	foreign.claim.OwnerReferences = []metav1.OwnerReference{{Kind: "DataVolume", Name: "root", UID: "gone", Controller: ptr.To(true)}}
	assert.Equal(t, v1alpha1.ReasonNameConflict, nameTaken(disk, foreign).Reason, "that of a DataVolume of somebody else, which no cache holds")
	foreign.claim.Labels = map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue}
	found = nameTaken(disk, foreign)
	assert.Equal(t, v1alpha1.ReasonPending, found.Reason)
	assert.Contains(t, found.Message, "is about to be deleted with the DataVolume")
}
