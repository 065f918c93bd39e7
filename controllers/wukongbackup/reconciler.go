package wukongbackup

import (
	"context"

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
)

// fieldManager owns the fields that this controller writes.
const fieldManager = "wukong-backup-controller"

// delete of WukongBackups is for those whose ttlSecondsAfterFinished is over. Clusters with the admission plugin
// OwnerReferencesPermissionEnforcement require finalizers of whoever puts an owner reference on an object.
//
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongbackups,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongbackups/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongbackups/finalizers,verbs=update
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs;wukongsnapshots;wukongdisks;wukongnetworks,verbs=get;list;watch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongexports,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=batch,resources=jobs/finalizers,verbs=update
// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=get
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;create;patch
// +kubebuilder:rbac:groups="",resources=pods;events,verbs=list
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler makes what WukongBackups ask for.
type Reconciler struct {
	client client.Client
	// live reads what no cache holds.
	live    client.Reader
	applier *apply.Applier
	// uncached writes the ConfigMap with the files: a cache of ConfigMaps would need the right to list them all.
	uncached     *apply.Applier
	dependencies *dependency.Registry
	clock        clock.PassiveClock
	mover        kind.Mover
}

// Reconcile is one pass over a WukongBackup.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	backup := &v1alpha1.WukongBackup{}
	if err := r.client.Get(ctx, request.NamespacedName, backup); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !backup.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil // the garbage collector does the rest
	}
	world, err := r.observe(ctx, backup)
	if err != nil {
		return reconcile.Result{}, err
	}
	plan := decide(backup, world)
	outcome := steps.Run(ctx, r, backup, &work{World: world, Plan: plan})
	plan.refused(outcome.Refused())
	result, err := outcome.Conclude(plan.state.After, func() (err error) {
		backup, err = r.writeStatus(ctx, backup, world, plan)
		return err
	})
	if err != nil {
		return result, err
	}
	return operation.End(ctx, r.client, r.applier.Recorder, backup, result, world.now,
		func(ctx context.Context) error { return r.cleanUp(ctx, backup, world) }), nil
}

// work is what the steps of a pass work on.
type work struct {
	*World
	*Plan
}

// steps are the writes of a pass. The files are made before the Job: a Job that exists has them, whatever happens then.
var steps = pass.New("wukongbackup",
	pass.Do("metadata", (*Reconciler).applyMetadata),
	pass.Do("exports", (*Reconciler).makeExports),
	pass.Do("files", (*Reconciler).makeFiles),
	pass.Do("job", (*Reconciler).makeJob, "files"),
)

// applyMetadata makes the backup a dependent of its Wukong.
func (r *Reconciler) applyMetadata(ctx context.Context, backup *v1alpha1.WukongBackup, work *work) error {
	return r.applier.Metadata(ctx, backup.DeepCopy(), apply.Metadata{Umbrella: work.umbrella.OwnerReference()})
}

// makeExports creates the exports that are due.
func (r *Reconciler) makeExports(ctx context.Context, backup *v1alpha1.WukongBackup, work *work) error {
	for _, export := range work.exportsDue {
		made, err := apply.Child(ctx, r.applier, backup, export)
		if err != nil {
			return err
		}
		work.exports[made.Name] = made
	}
	return nil
}

// makeJob creates the Job that completes the backup.
func (r *Reconciler) makeJob(ctx context.Context, backup *v1alpha1.WukongBackup, work *work) error {
	if work.jobDue == nil {
		return nil
	}
	made, err := apply.Child(ctx, r.applier, backup, work.jobDue)
	if err != nil {
		return err
	}
	work.job = made
	return nil
}

// makeFiles creates the ConfigMap with the files that the Job writes.
func (r *Reconciler) makeFiles(ctx context.Context, backup *v1alpha1.WukongBackup, work *work) error {
	if work.files == nil {
		return nil
	}
	_, err := apply.Child(ctx, r.uncached, backup, work.files)
	return err
}

// cleanUp deletes what a finished backup does not need any more. The exports of one that failed stay: they report why.
func (r *Reconciler) cleanUp(ctx context.Context, backup *v1alpha1.WukongBackup, world *World) error {
	if job := world.job; job != nil && job.DeletionTimestamp.IsZero() {
		if err := r.remove(ctx, "Job", job, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
			return err
		}
	}
	if backup.Status.Phase != v1alpha1.OperationSucceeded {
		return nil
	}
	for _, export := range world.exports {
		if export.DeletionTimestamp.IsZero() {
			if err := r.remove(ctx, "WukongExport", export); err != nil {
				return err
			}
		}
	}
	return nil
}

// remove deletes an object that was read, and no other of its name.
func (r *Reconciler) remove(ctx context.Context, kind string, obj client.Object, options ...client.DeleteOption) error {
	uid := obj.GetUID()
	err := r.client.Delete(ctx, obj, append(options, client.Preconditions{UID: &uid})...)
	if client.IgnoreNotFound(err) != nil {
		return apply.Classify(kind, obj.GetName(), err)
	}
	return nil
}
