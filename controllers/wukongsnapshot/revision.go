package wukongsnapshot

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/read"
)

// maxManifest is how large a manifest may be that is kept, in bytes. A larger one is left out: a list of
// ControllerRevisions should stay small.
const maxManifest = 256 << 10

// revisionName is the ControllerRevision with the manifest of a WukongVM. Its data cannot change: the manifest of a later
// generation, when the snapshot could not begin at once, is another one.
func revisionName(snapshot *v1alpha1.WukongSnapshot, vm *v1alpha1.WukongVM) string {
	return model.Child(snapshot.Name, fmt.Sprintf("machine-%d", vm.Generation))
}

// keepManifest keeps the manifest of the WukongVM, as it is when the snapshot begins, in a ControllerRevision. A clone is
// made of it after the WukongVM was changed or deleted; a restore never changes a spec.
func (r *Reconciler) keepManifest(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation) error {
	vm := observed.source.vm
	if vm == nil || snapshot.Finished() || snapshot.Status.Quiesce != nil || observed.begun() || obstacle(snapshot, observed) != nil {
		return nil
	}
	data, err := manifest(vm)
	if err != nil || len(data) > maxManifest {
		return err
	}
	revision := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name: revisionName(snapshot, vm), Namespace: snapshot.Namespace,
			Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue},
		},
		Revision: vm.Generation,
		Data:     runtime.RawExtension{Raw: data},
	}
	err = controllerutil.SetControllerReference(snapshot, revision, r.client.Scheme(), controllerutil.WithBlockOwnerDeletion(false))
	if err != nil {
		return fmt.Errorf("set the owner of ControllerRevision %s: %w", revision.Name, err)
	}
	switch err := r.uncached.Create(ctx, revision); {
	case err == nil:
		return nil
	case apierrors.IsAlreadyExists(err):
		return r.ownRevision(ctx, snapshot, revision.Name)
	default:
		return apply.Classify("ControllerRevision", revision.Name, err)
	}
}

// ownRevision reports a ControllerRevision under the name that this snapshot did not make.
func (r *Reconciler) ownRevision(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, name string) error {
	existing, err := read.Get(ctx, r.applier.Live, snapshot.Namespace, name, &appsv1.ControllerRevision{})
	if err != nil || existing == nil || metav1.IsControlledBy(existing, snapshot) {
		return err
	}
	return &apply.NameConflictError{Kind: "ControllerRevision", Name: name}
}

// manifest is a WukongVM as a person would apply it again: without what the API server and controllers add.
func manifest(vm *v1alpha1.WukongVM) ([]byte, error) {
	annotations := maps.Clone(vm.Annotations)
	maps.DeleteFunc(annotations, func(key, _ string) bool {
		return key == corev1.LastAppliedConfigAnnotation || strings.HasPrefix(key, v1alpha1.GroupVersion.Group+"/")
	})
	kept := &v1alpha1.WukongVM{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongVM"},
		ObjectMeta: metav1.ObjectMeta{Name: vm.Name, Namespace: vm.Namespace, Labels: vm.Labels, Annotations: annotations},
		Spec:       vm.Spec,
	}
	full, err := json.Marshal(kept)
	if err != nil {
		return nil, fmt.Errorf("encode the manifest of WukongVM %s: %w", vm.Name, err)
	}
	return full, nil
}
