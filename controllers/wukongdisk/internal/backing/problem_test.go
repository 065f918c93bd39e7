package backing

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

// A claim that is being deleted (for example because its DataVolume was deleted) is not a name conflict: the disk waits
// until it is deleted.
func TestAClaimOfTheNameThatIsNotTheDisks(t *testing.T) {
	disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Name: "root", UID: "disk"}}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "root"}}
	foreign := View{Disk: disk, Claim: keeptest.Object(claim, diskstate.KeepClaim)}
	assert.Equal(t, v1alpha1.ReasonNameConflict, foreign.NameConflict().Reason)

	now := metav1.Now()
	foreign.Claim.DeletionTimestamp = &now
	found := foreign.NameConflict()
	assert.Equal(t, v1alpha1.ReasonPending, found.Reason)
	assert.Contains(t, found.Message, "PersistentVolumeClaim root is being deleted")

	// The garbage collector has not deleted it yet.
	foreign.Claim.DeletionTimestamp = nil
	foreign.Claim.OwnerReferences = []metav1.OwnerReference{
		{Kind: "DataVolume", Name: "root", UID: "gone", Controller: ptr.To(true)},
	}
	assert.Equal(t, v1alpha1.ReasonNameConflict, foreign.NameConflict().Reason,
		"that of an unmanaged DataVolume, which no cache holds")
	foreign.Claim.Labels = map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue}
	found = foreign.NameConflict()
	assert.Equal(t, v1alpha1.ReasonPending, found.Reason)
	assert.Contains(t, found.Message, "is about to be deleted with the DataVolume")
}

// A disk that was complete once is not filled again automatically.
func TestALostClaim(t *testing.T) {
	assert.Nil(t, View{Disk: diskWith()}.BytesLost(), "it was never complete")
	lost := View{Disk: marked()}
	assert.Contains(t, lost.BytesLost().Message, "to fill it again from its source: kubectl annotate wukongdisk root")
	lost.Copies.Current = "root-2"
	assert.Contains(t, lost.BytesLost().Message, "PersistentVolumeClaim root-2, which held the disk, was deleted")
	assert.Contains(t, lost.BytesLost().Message, "delete this disk and create it again")
}

func TestAClaimThatIsBeingDeleted(t *testing.T) {
	view := View{Disk: marked(), Claim: claimIn(corev1.ClaimBound)}
	assert.Nil(t, view.ClaimDeleted(nil))
	view.Claim.DeletionTimestamp = ptr.To(metav1.Now())
	assert.Contains(t, view.ClaimDeleted(nil).Message, "as soon as whatever has it mounted ends")
	assert.Contains(t, view.ClaimDeleted([]string{"web", "api"}).Message, "as soon as WukongVM web, api stops")
	assert.Nil(t, view.NameConflict(), "it held the disk")
	assert.Nil(t, view.BytesLost(), "a guest may still use it")
}
