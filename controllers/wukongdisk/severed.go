package wukongdisk

import (
	"context"
	"slices"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
)

// A clone on a class that binds at first use may wait for months, and what it is to be made from may go meanwhile: an image keeps a few versions only. CDI waits for
// that claim for ever, and no event or condition of the DataVolume says so. Nothing was copied yet, so that the DataVolume can be made again from what the
// source is by now.

// unbegun are the phases of a DataVolume in which nothing was copied.
var unbegun = []cdiv1.DataVolumePhase{cdiv1.PhaseUnset, cdiv1.Pending, cdiv1.WaitForFirstConsumer, cdiv1.PendingPopulation, cdiv1.CloneScheduled}

// waitsForOrigin tells whether a disk has a DataVolume of which nothing was copied from another claim or snapshot.
func waitsForOrigin(disk *v1alpha1.WukongDisk, observed *observation) bool {
	_, isClone := model.OriginOf(disk)
	return isClone && observed.dataVolume != nil && model.Belongs(observed.dataVolume, disk) && !wasFilled(disk) && slices.Contains(unbegun, observed.dataVolume.Status.Phase)
}

// observeSevered finds out whether what the DataVolume is to be filled from is gone.
func (r *Reconciler) observeSevered(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if !waitsForOrigin(disk, observed) {
		return nil
	}
	var key types.NamespacedName
	var obj client.Object
	switch source := observed.dataVolume.Spec.Source; {
	case source == nil:
		return nil
	case source.PVC != nil:
		key, obj = types.NamespacedName{Namespace: source.PVC.Namespace, Name: source.PVC.Name}, &corev1.PersistentVolumeClaim{}
	case source.Snapshot != nil:
		served, err := r.dependencies.Served(ctx, dependency.VolumeSnapshots)
		if err != nil || !served {
			return err
		}
		key, obj = types.NamespacedName{Namespace: source.Snapshot.Namespace, Name: source.Snapshot.Name}, &snapshotv1.VolumeSnapshot{}
	default:
		return nil
	}
	if !r.namespaces.Contain(key.Namespace) {
		return nil
	}
	// The cache may not have it yet: it is asked first only because it costs nothing.
	err := r.client.Get(ctx, key, obj)
	if apierrors.IsNotFound(err) {
		err = r.applier.Live.Get(ctx, key, obj)
	}
	observed.severed = apierrors.IsNotFound(err)
	return client.IgnoreNotFound(err)
}

// originChanged tells whether a severed clone can be made from what its source is by now.
func (o *observation) originChanged() bool {
	return o.severed && o.dataVolume != nil && o.origin != nil && o.origin.source != nil && !equality.Semantic.DeepEqual(o.origin.source, o.dataVolume.Spec.Source)
}

// originLost: the source still names what is gone.
func originLost(disk *v1alpha1.WukongDisk, observed *observation) *diskstate.Problem {
	if !observed.severed || observed.originChanged() {
		return nil
	}
	reference, _ := model.OriginOf(disk)
	return diskstate.Failed(v1alpha1.ReasonSourceMissing, "what %s consisted of was deleted before this disk, which was to be a clone of it, had a first consumer: "+
		"make it again, or delete this disk and make it from something else", reference)
}
