package protection

import (
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
)

// Change is a change of the metadata of an object: nil as the value of a label removes it.
type Change struct {
	Object              client.Object
	Labels, Annotations map[string]any
}

// Changes put the label of protection on the objects that hold a protected disk, or remove it. Complete reports whether
// the bytes of the disk are complete: only then the label is added. It is removed only with the protection. An adopted
// claim is protected by its own owner.
func Changes(view backing.View, complete bool) []Change {
	if view.Disk.AdoptsClaim() {
		return nil
	}
	protected := ptr.Deref(view.Disk.Spec.DeletionProtection, false) && view.Disk.DeletionTimestamp.IsZero()
	if protected && !complete {
		return nil
	}
	var changes []Change
	if dataVolume := view.OwnDataVolume(); dataVolume != nil {
		changes = append(changes, label(dataVolume, protected)...)
	}
	if claim := view.OwnClaim(); claim != nil {
		changes = append(changes, label(claim, protected)...)
	}
	return changes
}

// Unprotect removes the label of protection from an object that is about to be deleted; none when it has no label.
func Unprotect(obj client.Object) []Change { return label(obj, false) }

// label is the change that adds or removes the label of protection; none when nothing has to change. The value of the
// label is the object's own UID. On a copy it has no effect: KubeVirt's restores and backup tools copy all labels.
func label(obj client.Object, protected bool) []Change {
	if (obj.GetLabels()[v1alpha1.LabelDeletionProtection] == string(obj.GetUID())) == protected {
		return nil
	}
	change := Change{
		Object:      obj,
		Labels:      map[string]any{v1alpha1.LabelDeletionProtection: nil},
		Annotations: map[string]any{},
	}
	if protected {
		change.Labels[v1alpha1.LabelDeletionProtection] = string(obj.GetUID())
	}
	if dataVolume, ok := obj.(*cdiv1.DataVolume); ok {
		for key, value := range backing.PrePopulated(dataVolume) {
			change.Annotations[key] = value
		}
	}
	return []Change{change}
}
