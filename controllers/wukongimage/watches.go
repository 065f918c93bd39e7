package wukongimage

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// imagesOfImport maps a DataVolume to its image: ours by the label with the image's UID, CDI's by the name of the
// DataImportCron. Neither uses the owner, which CDI's do not have, and ours lose when they are released.
func (r *Reconciler) imagesOfImport() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, dataVolume client.Object) []reconcile.Request {
		labels := dataVolume.GetLabels()
		uid, cron := types.UID(labels[v1alpha1.LabelImage]), labels[labelCron]
		if uid == "" && cron == "" {
			return nil
		}
		images := &v1alpha1.WukongImageList{}
		if err := r.client.List(ctx, images, client.InNamespace(dataVolume.GetNamespace()),
			client.DisableReadYourWritesConsistency); err != nil {
			logf.FromContext(ctx).Error(err, "list images to enqueue")
			return nil
		}
		for i := range images.Items {
			if image := &images.Items[i]; image.UID == uid || model.ImportCronName(image) == cron {
				return []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(image)}}
			}
		}
		return nil
	})
}
