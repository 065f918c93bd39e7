package backing

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

// Filled reports whether a disk was complete once. A copy of its manifest under another name was not.
func Filled(disk *v1alpha1.WukongDisk) bool {
	return !disk.AdoptsClaim() && disk.Annotations[v1alpha1.AnnotationFilled] == disk.Name
}

// RefillRequested reports whether a user asks for the disk to be filled again, and its DataVolume would not do so,
// because it has the mark of a filled one.
func (v View) RefillRequested() bool {
	dataVolume := v.OwnDataVolume()
	return dataVolume != nil && v.Claim == nil && !Filled(v.Disk) &&
		dataVolume.Annotations[dvstate.AnnotationPrePopulated] != ""
}

// TooSmall reports whether the DataVolume fails, and spec.size was raised since it was made. The spec of a DataVolume
// cannot change, and no bytes are lost with one that was never complete.
func (v View) TooSmall() bool {
	dataVolume := v.DataVolume
	if dataVolume == nil || dataVolume.Spec.Storage == nil || dataVolume.Status.Phase == cdiv1.Succeeded ||
		Filled(v.Disk) || dvstate.ImporterSays(dataVolume) == "" {
		return false
	}
	size, requested := dataVolume.Spec.Storage.Resources.Requests[corev1.ResourceStorage]
	return requested && v.Disk.Spec.Size != nil && size.Cmp(*v.Disk.Spec.Size) < 0
}

// MissingMarks are the annotations that a filled DataVolume lacks if a version of Wukong made it that did not know
// them; nil for none. CDI's webhook accepts a change of a clone whose source was deleted only together with the second.
func MissingMarks(dataVolume *cdiv1.DataVolume) map[string]any {
	if dataVolume == nil || dataVolume.Status.Phase != cdiv1.Succeeded ||
		dataVolume.Annotations[dvstate.AnnotationPopulatedFor] != "" {
		return nil
	}
	return map[string]any{
		dvstate.AnnotationPopulatedFor: dataVolume.Name,
		dvstate.AnnotationPrePopulated: dataVolume.Name,
	}
}

// PrePopulated are the annotations with which CDI's webhook accepts a change of the metadata of a complete DataVolume.
// It checks each time whether the source may be cloned, unless the claim is known to be filled. The check fails for
// ever when the namespace of the source was deleted (pkg/apiserver/webhooks/datavolume-mutate.go).
func PrePopulated(dataVolume *cdiv1.DataVolume) map[string]string {
	if dataVolume.Status.Phase != cdiv1.Succeeded {
		return nil
	}
	return map[string]string{dvstate.AnnotationPrePopulated: dataVolume.Name}
}

// LeftoverOf returns the UID of the disk of the name that a DataVolume is retained for. It reports false for a
// DataVolume that is being deleted, or has a controller, or is not retained for a disk of the name.
func LeftoverOf(name string, dataVolume *cdiv1.DataVolume) (types.UID, bool) {
	if dataVolume == nil || !dataVolume.DeletionTimestamp.IsZero() || metav1.GetControllerOf(dataVolume) != nil {
		return "", false
	}
	owner, retained := model.RetainedFor(dataVolume)
	return owner.UID, retained && owner.Name == name
}
