package wukongdisk

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

// A disk that was complete once is never filled a second time by itself: a guest would find an empty disk, or that of a year ago, and nobody would
// learn of it. Two marks see to that. The DataVolume says from the beginning that its claim, once it is filled, is filled for ever, and CDI makes no other
// (dvstate.AnnotationPopulatedFor). The disk itself says that it was complete (v1alpha1.AnnotationFilled), also where its status and its DataVolume
// are gone, as after a backup tool brought it back. A person who takes that mark off asks for the disk to be filled from its source again.

// wasFilled tells whether a disk was complete once. A copy of its manifest under another name was not.
func wasFilled(disk *v1alpha1.WukongDisk) bool {
	return !disk.AdoptsClaim() && disk.Annotations[v1alpha1.AnnotationFilled] == disk.Name
}

// markFilled puts the mark on a disk that is complete, once.
func (r *Reconciler) markFilled(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if disk.AdoptsClaim() || wasFilled(disk) || !observed.growthInputs(disk).Complete() {
		return nil
	}
	return client.IgnoreNotFound(r.applier.Mark(ctx, disk.DeepCopy(), nil, map[string]any{v1alpha1.AnnotationFilled: disk.Name}))
}

// bytesLost says that a disk was complete, and that what held its bytes is gone. It stays so.
func bytesLost(disk *v1alpha1.WukongDisk, observed *observation) *diskstate.Problem {
	if !wasFilled(disk) || observed.claim != nil {
		return nil
	}
	const lost = "PersistentVolumeClaim %s, which held the disk, was deleted, and its bytes are lost; to have them back, make a disk from a WukongSnapshot or another " +
		"backup and give it to the machine; "
	if observed.claimName(disk) != disk.Name {
		return diskstate.Failed(v1alpha1.ReasonBytesLost, lost+"to begin again, delete this disk and make it again", observed.claimName(disk))
	}
	return diskstate.Failed(v1alpha1.ReasonBytesLost, lost+"to fill it again from its source: kubectl annotate wukongdisk %s --namespace=%s %s-",
		disk.Name, disk.Name, disk.Namespace, v1alpha1.AnnotationFilled)
}

// leaving warns of a claim that was deleted and goes when the last pod lets go of it.
func leaving(observed *observation) *diskstate.Problem {
	if observed.claim == nil || observed.claim.DeletionTimestamp.IsZero() {
		return nil
	}
	guest := "whatever has it mounted ends"
	if len(observed.machines) > 0 {
		names := make([]string, 0, len(observed.machines))
		for i := range observed.machines {
			names = append(names, observed.machines[i].Name)
		}
		guest = "WukongVM " + strings.Join(names, ", ") + " stops"
	}
	return diskstate.Failed(v1alpha1.ReasonClaimDeleted, "PersistentVolumeClaim %s was deleted: it and the bytes of this disk are gone as soon as %s; "+
		"a deletion cannot be taken back, so copy the bytes before that, with a WukongSnapshot that a new disk is made from, or within the guest",
		observed.claim.Name, guest)
}

// leavingOurs tells whether a claim that is being deleted held the disk, though the DataVolume that it belongs to was deleted first.
func (o *observation) leavingOurs(disk *v1alpha1.WukongDisk) bool {
	if !wasFilled(disk) || o.claim.DeletionTimestamp.IsZero() || o.dataVolume != nil {
		return false
	}
	owner := metav1.GetControllerOf(o.claim)
	return owner != nil && owner.Kind == "DataVolume" && owner.Name == o.claim.Name
}

// beginAgain deletes a DataVolume that is to be made again: that of a disk that a person wants filled again, because it says that it needs no filling; that of
// a clone whose source has something else to copy by now; and one that cannot be filled and is smaller than the disk is to be by now.
func (r *Reconciler) beginAgain(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) (begun bool, err error) {
	dataVolume := observed.dataVolume
	if dataVolume == nil || !model.Belongs(dataVolume, disk) {
		return false, nil
	}
	if observed.claim == nil && !wasFilled(disk) && dataVolume.Annotations[dvstate.AnnotationPrePopulated] != "" {
		return true, r.deleteCopy(ctx, dataVolume)
	}
	if !observed.originChanged() && !tooSmall(disk, dataVolume) {
		return false, nil
	}
	// The version keeps one from being deleted that was filled since the cache was told of it.
	return true, r.deleteCopy(ctx, dataVolume, client.Preconditions{UID: &dataVolume.UID, ResourceVersion: &dataVolume.ResourceVersion})
}

// tooSmall tells whether a DataVolume fails for a size that spec has raised since. The spec of a DataVolume cannot change, and nothing is lost with one that was
// never complete.
func tooSmall(disk *v1alpha1.WukongDisk, dataVolume *cdiv1.DataVolume) bool {
	if dataVolume == nil || dataVolume.Spec.Storage == nil || dataVolume.Status.Phase == cdiv1.Succeeded || wasFilled(disk) || dvstate.ImporterSays(dataVolume) == "" {
		return false
	}
	size, asked := dataVolume.Spec.Storage.Resources.Requests[corev1.ResourceStorage]
	return asked && disk.Spec.Size != nil && size.Cmp(*disk.Spec.Size) < 0
}

// seal puts both marks on a DataVolume that was filled by a version of Wukong that did not know them. CDI's webhook accepts a change of a clone
// whose source is gone only together with the second.
func (r *Reconciler) seal(ctx context.Context, dataVolume *cdiv1.DataVolume) error {
	if dataVolume == nil || dataVolume.Status.Phase != cdiv1.Succeeded || dataVolume.Annotations[dvstate.AnnotationPopulatedFor] != "" {
		return nil
	}
	return client.IgnoreNotFound(r.applier.Mark(ctx, dataVolume.DeepCopy(), nil, map[string]any{
		dvstate.AnnotationPopulatedFor: dataVolume.Name, dvstate.AnnotationPrePopulated: dataVolume.Name,
	}))
}
