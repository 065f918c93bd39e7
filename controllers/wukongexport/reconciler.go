package wukongexport

import (
	"context"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/job"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/progress"
)

// fieldManager owns the fields that this controller applies.
const fieldManager = "wukong-export-controller"

// The right to delete exports is for those whose ttlSecondsAfterFinished is over. Exports and Jobs become owners, and
// the admission plugin OwnerReferencesPermissionEnforcement requires the right to their finalizers for that.
//
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongexports,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongexports/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongexports/finalizers,verbs=update
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs;wukongvms;wukongdisks,verbs=get;list;watch
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=batch,resources=jobs/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=list
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=secrets;services,verbs=get;create;patch
// +kubebuilder:rbac:groups=snapshot.storage.k8s.io,resources=volumesnapshots,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler brings WukongExports to the desired state.
type Reconciler struct {
	client client.Client
	// applier writes what the caches hold. uncached writes the Secret and the Service of a download, once each: a cache
	// of them would need the right to list those of the whole cluster.
	applier      *apply.Applier
	uncached     *apply.Applier
	dependencies *dependency.Registry
	clock        clock.PassiveClock
	followers    *progress.Followers
	mover        kind.Mover
}

// Reconcile is one pass over a WukongExport.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	export := &v1alpha1.WukongExport{}
	if err := r.client.Get(ctx, request.NamespacedName, export); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !export.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil // the garbage collector does the rest
	}
	observed, err := r.observe(ctx, export)
	if err != nil {
		return reconcile.Result{}, err
	}
	observed.outcome = steps.Run(ctx, r, export, observed)
	result, err := observed.outcome.Conclude(observed.refusalAgain, func() (err error) {
		export, err = r.writeStatus(ctx, export, observed)
		return err
	})
	if err != nil {
		return result, err
	}
	cleanUp := func(ctx context.Context) error { return r.cleanUp(ctx, observed) }
	return operation.End(ctx, r.client, r.applier.Recorder, export, result, r.clock.Now(), cleanUp), nil
}

// steps are the writes of a pass. All but the first do nothing for a finished export. What the pod waits for is made
// after the Job, so that nothing is made for a Job that is refused.
var steps = pass.New("wukongexport",
	pass.Do("metadata", (*Reconciler).applyMetadata),
	pass.Do("job", (*Reconciler).applyJob),
	pass.Do("download", (*Reconciler).supplyDownload, "job"),
	pass.Do("snapshot", (*Reconciler).supplySnapshot, "download"),
)

// applyMetadata makes the export a dependent of its Wukong.
func (r *Reconciler) applyMetadata(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	metadata := apply.Metadata{Umbrella: observed.umbrella.OwnerReference()}
	return r.applier.Metadata(ctx, export.DeepCopy(), metadata)
}

// applyJob makes the Job, or deletes it when a guest began to use the disk.
func (r *Reconciler) applyJob(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	if export.Finished() {
		return nil
	}
	if job := observed.job; job != nil {
		if observed.void && job.DeletionTimestamp.IsZero() {
			return r.deleteJob(ctx, job)
		}
		return nil
	}
	if obstacle(export, observed) != nil {
		return nil
	}
	expiresAt := time.Time{}
	if download := export.Spec.Target.Download; download != nil {
		valid := time.Duration(download.ExpiresAfterSeconds) * time.Second
		expiresAt = r.clock.Now().Add(valid).Truncate(time.Second)
		if _, err := r.ownSecret(ctx, export); err != nil {
			return err
		}
	}
	applied, err := apply.Child(ctx, r.applier, export, r.desiredJob(export, observed, expiresAt))
	if err != nil {
		return err
	}
	observed.job = applied
	return nil
}

func (r *Reconciler) desiredJob(
	export *v1alpha1.WukongExport, observed *observation, expiresAt time.Time,
) *batchv1.Job {
	in := job.Inputs{Export: export, Mover: r.mover, AssignsUsers: observed.assignsUsers, ExpiresAt: expiresAt}
	if export.Spec.Source.VolumeSnapshot != nil {
		in.RestoredMode = observed.restore(export).Mode()
	} else {
		in.Claim = observed.claim
	}
	return job.Make(in)
}

func (r *Reconciler) deleteJob(ctx context.Context, job *batchv1.Job) error {
	uid := job.UID
	err := r.client.Delete(ctx, job,
		client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &uid})
	if client.IgnoreNotFound(err) != nil {
		return apply.Classify("Job", job.Name, err)
	}
	return nil
}

// cleanUp deletes the Job of a finished export. What its pods reported is in the status; the pods would keep the claim
// from being deleted (k8s.io/kubernetes, pkg/controller/volume/pvcprotection) for as long as the export exists.
func (r *Reconciler) cleanUp(ctx context.Context, observed *observation) error {
	if job := observed.job; job != nil && job.DeletionTimestamp.IsZero() {
		return r.deleteJob(ctx, job)
	}
	return nil
}
