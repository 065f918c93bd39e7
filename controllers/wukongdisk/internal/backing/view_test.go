package backing

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

func TestWhichClaimIsTheDisks(t *testing.T) {
	inherited, unmanaged, deleted := claimIn(corev1.ClaimBound), claimIn(corev1.ClaimBound), claimIn(corev1.ClaimBound)
	inherited.OwnerReferences = controlledBy("WukongDisk", "root", "disk-uid")
	unmanaged.OwnerReferences = nil
	deleted.DeletionTimestamp = ptr.To(metav1.Now())
	foreign := dataVolumeIn(cdiv1.Succeeded)
	foreign.OwnerReferences = nil
	tests := map[string]struct {
		view     View
		own, has bool
	}{
		"nothing exists":      {View{Disk: diskWith()}, false, false},
		"the DataVolume only": {View{Disk: diskWith(), DataVolume: dataVolumeIn(cdiv1.Pending)}, false, true},
		"lost":                {View{Disk: marked()}, false, true},
		"of its DataVolume": {View{
			Disk: diskWith(), DataVolume: dataVolumeIn(cdiv1.Succeeded), Claim: claimIn(corev1.ClaimBound)},
			true, true},
		"inherited": {View{Disk: diskWith(), Claim: inherited}, true, true},
		"unmanaged": {View{Disk: diskWith(), Claim: unmanaged}, false, false},
		"adopted":   {View{Disk: diskWith(builder.Adopting("root")), Claim: unmanaged}, false, true},
		"of a foreign one": {
			View{Disk: diskWith(), DataVolume: foreign, Claim: claimIn(corev1.ClaimBound)}, false, false},
		"deleted after it":      {View{Disk: marked(), Claim: deleted}, true, true},
		"deleted, never filled": {View{Disk: diskWith(), Claim: deleted}, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.own, test.view.OwnClaim() != nil)
			assert.Equal(t, test.has, test.view.HasClaim())
		})
	}
}

// A DataVolume is created again when a user asks for it, or when its size is the reason of its failure.
func TestAnOutdatedDataVolume(t *testing.T) {
	filled := dataVolumeIn(cdiv1.Succeeded)
	filled.Annotations = map[string]string{dvstate.AnnotationPrePopulated: "root"}
	assert.True(t, View{Disk: diskWith(), DataVolume: filled}.RefillRequested())
	assert.False(t, View{Disk: marked(), DataVolume: filled}.RefillRequested(), "the user did not remove the mark")
	assert.False(t, View{Disk: diskWith(), DataVolume: filled, Claim: claimIn(corev1.ClaimBound)}.RefillRequested())
	assert.False(t, View{Disk: diskWith(), DataVolume: dataVolumeIn(cdiv1.Pending)}.RefillRequested(),
		"it will be filled")

	failing := dataVolumeIn(cdiv1.ImportInProgress)
	failing.Spec.Storage = &cdiv1.StorageSpec{Resources: corev1.VolumeResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
	}}
	tooSmall := func(size string) bool {
		return View{Disk: diskWith(builder.Size(size)), DataVolume: failing}.TooSmall()
	}
	assert.False(t, tooSmall("2Gi"), "it does not fail")
	failing.Status.Conditions = []cdiv1.DataVolumeCondition{
		{Type: cdiv1.DataVolumeRunning, Status: corev1.ConditionFalse, Reason: "Error", Message: "no space left"},
	}
	assert.True(t, tooSmall("2Gi"))
	assert.False(t, tooSmall("1Gi"), "spec.size was not raised")
}

func TestMissingMarks(t *testing.T) {
	assert.Nil(t, MissingMarks(nil))
	assert.Nil(t, MissingMarks(dataVolumeIn(cdiv1.ImportInProgress)))
	filled := dataVolumeIn(cdiv1.Succeeded)
	assert.Len(t, MissingMarks(filled), 2)
	filled.Annotations = map[string]string{dvstate.AnnotationPopulatedFor: "root"}
	assert.Nil(t, MissingMarks(filled))
}

// The DataVolume of a retained disk that was deleted without its finalizer has only the annotation.
func TestLeftover(t *testing.T) {
	leftover := dataVolumeIn(cdiv1.Succeeded)
	leftover.OwnerReferences = nil
	leftover.Annotations = map[string]string{v1alpha1.AnnotationRetainedFor: "root/disk-uid"}
	_, is := LeftoverOf("root", nil)
	assert.False(t, is)
	owner, is := LeftoverOf("root", leftover)
	assert.True(t, is)
	assert.Equal(t, diskWith().UID, owner)
	_, is = LeftoverOf("other", leftover)
	assert.False(t, is)
	_, is = LeftoverOf("root", dataVolumeIn(cdiv1.Succeeded))
	assert.False(t, is, "the garbage collector deletes it")
}
