package wukongsnapshot

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/manifest"
)

// keepManifest keeps the manifest of the WukongVM, as it is when the snapshot begins, in a ControllerRevision. A clone
// is made from it after the WukongVM was changed or deleted. A restore never changes a spec.
func (r *Reconciler) keepManifest(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation) error {
	vm := observed.source.vm
	if vm == nil || snapshot.Finished() || snapshot.Status.Quiesce != nil || observed.parts.Begun() ||
		observed.obstacle(snapshot) != nil {
		return nil
	}
	revision, err := manifest.Inputs{Snapshot: snapshot.Name, VM: vm}.Revision()
	if err != nil || revision == nil {
		return err
	}
	err = controllerutil.SetControllerReference(
		snapshot, revision, r.client.Scheme(), controllerutil.WithBlockOwnerDeletion(false))
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

// ownRevision reports a ControllerRevision of this name that the snapshot did not make.
func (r *Reconciler) ownRevision(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, name string) error {
	existing, err := read.Get(ctx, r.applier.Live, snapshot.Namespace, name, &appsv1.ControllerRevision{})
	if err != nil || existing == nil || metav1.IsControlledBy(existing, snapshot) {
		return err
	}
	return &apply.NameConflictError{Kind: "ControllerRevision", Name: name}
}
