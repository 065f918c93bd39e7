package wukongdisk

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/read"
)

// clearLeftover ends the DataVolume of a retained disk that went without its finalizer, and leaves its claim, as the end of any retained disk does.
// A finalizer does not save an object whose deletion has begun: the API server decides by those that it read first, and does not look again when one
// is put on meanwhile (k8s.io/apiserver, pkg/registry/generic/registry/store.go, Delete). A DataVolume that was made in that moment would stay for
// ever, because it refers to no owner for the garbage collector to miss.
func (r *Reconciler) clearLeftover(ctx context.Context, disk types.NamespacedName) error {
	served, err := r.dependencies.Served(ctx, dependency.DataVolumes)
	if err != nil || !served {
		return err
	}
	dataVolume, err := read.Get(ctx, r.client, disk.Namespace, disk.Name, &cdiv1.DataVolume{})
	if err != nil || dataVolume == nil || !dataVolume.DeletionTimestamp.IsZero() {
		return err
	}
	owner, retained := model.RetainedFor(dataVolume)
	if !retained || owner.Name != disk.Name || metav1.GetControllerOf(dataVolume) != nil {
		return nil
	}
	live, err := read.Get(ctx, r.applier.Live, disk.Namespace, disk.Name, &v1alpha1.WukongDisk{})
	if err != nil || live != nil && live.UID == owner.UID {
		return err
	}
	return r.orphanClaim(ctx, dataVolume)
}
