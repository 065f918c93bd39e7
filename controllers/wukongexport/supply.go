package wukongexport

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/download"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/job"
)

// supplied reports whether a pod of the Job has to run, and needs what is made for it.
func (o *observation) supplied(export *v1alpha1.WukongExport) bool {
	return !export.Finished() && o.job != nil && o.job.DeletionTimestamp.IsZero() && !o.void
}

// supplyDownload makes the Secret with a new token and certificate, and the Service, until the link is served. The
// export owns both.
func (r *Reconciler) supplyDownload(
	ctx context.Context, export *v1alpha1.WukongExport, observed *observation,
) error {
	if !observed.supplied(export) || export.Spec.Target.Download == nil || moverpod.Ready(observed.pod) {
		return nil
	}
	expiresAt, err := job.ExpiresAt(observed.job)
	if err != nil {
		return fmt.Errorf("read when the download of Job %s expires: %w", observed.job.Name, err)
	}
	existing, err := r.ownSecret(ctx, export)
	if err != nil {
		return err
	}
	in := download.Inputs{Export: export, ExpiresAt: expiresAt, Now: r.clock.Now()}
	if !in.Issued(existing) {
		secret, err := in.Secret()
		if err != nil {
			return err
		}
		if _, err := apply.Child(ctx, r.uncached, export, secret); err != nil {
			return err
		}
	}
	_, err = apply.Child(ctx, r.uncached, export, download.Service(export))
	return err
}

// ownSecret is the Secret of the download; nil when it does not exist. An unmanaged one of this name is a conflict: the
// pod would serve the disk to everybody who knows the token in it.
func (r *Reconciler) ownSecret(ctx context.Context, export *v1alpha1.WukongExport) (*corev1.Secret, error) {
	name := model.ExportDownloadName(export)
	secret, err := read.Get(ctx, r.uncached.Client, export.Namespace, name, &corev1.Secret{})
	if err == nil && secret != nil && !metav1.IsControlledBy(secret, export) {
		return nil, &apply.NameConflictError{Kind: "Secret", Name: secret.Name}
	}
	return secret, err
}

// supplySnapshot makes the claim that the Job waits for, from the VolumeSnapshot. The Job owns it, and it is deleted
// with the Job.
func (r *Reconciler) supplySnapshot(
	ctx context.Context, export *v1alpha1.WukongExport, observed *observation,
) error {
	if !observed.supplied(export) || export.Spec.Source.VolumeSnapshot == nil || observed.snapshot == nil ||
		observed.claim != nil && metav1.IsControlledBy(observed.claim, observed.job) {
		return nil
	}
	applied, err := apply.Child(ctx, r.applier, observed.job, observed.restore(export).Desired())
	if err != nil {
		return err
	}
	observed.claim = applied
	return nil
}
