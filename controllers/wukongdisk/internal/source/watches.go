package source

import (
	"slices"
	"strconv"
	"strings"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// OriginChange accepts origins that are created or deleted, and changes of what a clone reads of its origin: who may
// clone it, and whether it is complete.
func OriginChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() ||
				!slices.Equal(annotatedGrants(e.ObjectOld), annotatedGrants(e.ObjectNew)) ||
				originState(e.ObjectOld) != originState(e.ObjectNew)
		},
	}
}

// OriginsIn are the origins whose bytes a VolumeSnapshot holds: the VolumeSnapshot itself, the WukongSnapshot that it
// is controlled by or retained for, and the WukongSnapshot of its name.
func OriginsIn(volumeSnapshot metav1.Object) []model.Origin {
	namespace, name := volumeSnapshot.GetNamespace(), volumeSnapshot.GetName()
	origins := []model.Origin{
		{Kind: model.KindSnapshot, Namespace: namespace, Name: name},
		{Kind: model.KindWukongSnapshot, Namespace: namespace, Name: name},
	}
	owner := ""
	if controller := metav1.GetControllerOf(volumeSnapshot); controller != nil {
		if controller.Kind == model.KindWukongSnapshot {
			owner = controller.Name
		}
	} else if retainedFor, ok := model.RetainedFor(volumeSnapshot); ok {
		owner = retainedFor.Name
	}
	if owner != "" && owner != name {
		origins = append(origins, model.Origin{Kind: model.KindWukongSnapshot, Namespace: namespace, Name: owner})
	}
	return origins
}

// originState is a string that changes when an origin becomes complete or incomplete, or changes who may clone it.
func originState(obj client.Object) string {
	switch typed := obj.(type) {
	case *v1alpha1.WukongDisk:
		return strings.Join([]string{
			string(typed.Status.Phase), strconv.FormatBool(typed.Complete()), model.Ready(typed).Message,
			typed.Status.ClaimName, typed.Status.AttachedTo, strings.Join(typed.Spec.CloneableFrom, ","),
		}, "|")
	case *v1alpha1.WukongImage:
		return strings.Join([]string{
			typed.Status.CurrentVersion, typed.Status.DataSourceName, model.Ready(typed).Message,
			strings.Join(typed.Spec.CloneableFrom, ","),
		}, "|")
	case *v1alpha1.WukongSnapshot:
		ready := model.Ready(typed)
		return strings.Join([]string{
			string(ready.Status), ready.Message, strings.Join(typed.Spec.CloneableFrom, ","),
		}, "|")
	case *corev1.PersistentVolumeClaim:
		return string(typed.Status.Phase)
	case *snapshotv1.VolumeSnapshot:
		if typed.Status == nil {
			return ""
		}
		message := ""
		if typed.Status.Error != nil {
			message = ptr.Deref(typed.Status.Error.Message, "")
		}
		return strconv.FormatBool(ptr.Deref(typed.Status.ReadyToUse, false)) + message
	default:
		return ""
	}
}
