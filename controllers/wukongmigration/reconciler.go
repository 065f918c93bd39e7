package wukongmigration

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/request"
)

// fieldManager owns the fields that this controller applies.
const fieldManager = "wukong-migration-controller"

// delete of WukongMigrations is for those whose ttlSecondsAfterFinished is over. Clusters with the admission plugin
// OwnerReferencesPermissionEnforcement require finalizers of whoever puts an owner reference on an object. patch of
// WukongVMs is for the annotation with the last request.
//
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongmigrations,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongmigrations/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongmigrations/finalizers,verbs=update
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs,verbs=get;list;watch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongvms,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=kubevirt.io,resources=virtualmachineinstances,verbs=get;list;watch
// +kubebuilder:rbac:groups=kubevirt.io,resources=virtualmachineinstancemigrations,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=pods;nodes;resourcequotas;events,verbs=list
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler brings WukongMigrations to what their spec says.
type Reconciler struct {
	client client.Client
	// live reads what no cache holds.
	live         client.Reader
	applier      *apply.Applier
	dependencies *dependency.Registry
	clock        clock.PassiveClock
}

// Reconcile looks at one WukongMigration.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	migration := &v1alpha1.WukongMigration{}
	if err := r.client.Get(ctx, request.NamespacedName, migration); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !migration.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil // the garbage collector deletes the attempt, which cancels it
	}
	world, err := r.observe(ctx, migration)
	if err != nil {
		return reconcile.Result{}, err
	}
	plan := decide(migration, world)
	if plan.asksForFacts {
		if err := r.observeFacts(ctx, migration, world); err != nil {
			return reconcile.Result{}, err
		}
		plan = decide(migration, world)
	}
	outcome := steps.Run(ctx, r, migration, &work{World: world, Plan: plan})
	if err := outcome.Refused(); err != nil {
		plan.state = plan.refused(migration, world, err)
	}
	result, err := outcome.Conclude(plan.state.After, func() (err error) {
		migration, err = r.writeStatus(ctx, migration, world, plan)
		return err
	})
	if err != nil {
		return result, err
	}
	return operation.End(ctx, r.client, r.applier.Recorder, migration, result, world.now,
		func(context.Context) error { return nil }), nil
}

// work is what the steps of a pass work on.
type work struct {
	*World
	*Plan
}

// steps are the writes of a pass. The request is marked before the first attempt exists, so that whatever happens then,
// nobody begins it again.
var steps = pass.New("wukongmigration",
	pass.Do("metadata", (*Reconciler).applyMetadata),
	pass.Do("request", (*Reconciler).markRequest),
	pass.Do("attempt", (*Reconciler).begin, "request"),
	pass.Do("removal", (*Reconciler).remove),
)

// applyMetadata makes the migration a dependent of its Wukong.
func (r *Reconciler) applyMetadata(ctx context.Context, migration *v1alpha1.WukongMigration, work *work) error {
	return r.applier.Metadata(ctx, migration.DeepCopy(), apply.Metadata{Umbrella: work.umbrella.OwnerReference()})
}

// markRequest writes on the WukongVM that this request is handled.
func (r *Reconciler) markRequest(ctx context.Context, migration *v1alpha1.WukongMigration, work *work) error {
	if work.begins == 0 {
		return nil
	}
	mark := markOf(migration).String()
	if work.vm.Annotations[v1alpha1.AnnotationMigrationRequest] == mark {
		return nil
	}
	// The version is a lock: of two requests that look at the same moment, one has to look again.
	before := work.vm.DeepCopy()
	after := work.vm.DeepCopy()
	metav1.SetMetaDataAnnotation(&after.ObjectMeta, v1alpha1.AnnotationMigrationRequest, mark)
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.client.Patch(ctx, after, patch, client.FieldOwner(fieldManager+"-request")); err != nil {
		return apply.Classify("WukongVM", after.Name, err)
	}
	return nil
}

func markOf(migration *v1alpha1.WukongMigration) request.Mark {
	return request.Mark{At: migration.Spec.RequestedAt.Truncate(time.Second), By: migration.UID}
}

// begin makes the next attempt.
func (r *Reconciler) begin(ctx context.Context, migration *v1alpha1.WukongMigration, work *work) error {
	if work.begins == 0 {
		return nil
	}
	attempt := &kubevirtv1.VirtualMachineInstanceMigration{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: migration.Namespace, Name: model.MigrationName(migration, work.begins),
		},
		Spec: kubevirtv1.VirtualMachineInstanceMigrationSpec{
			VMIName: migration.Spec.VMRef.Name, AddedNodeSelector: migration.Spec.NodeSelector,
		},
	}
	made, err := apply.Child(ctx, r.applier, migration, attempt)
	if err != nil {
		return err
	}
	work.follow(work.begins, made, work.World)
	return nil
}

// remove deletes the attempt that is cancelled, or that was none.
func (r *Reconciler) remove(ctx context.Context, _ *v1alpha1.WukongMigration, work *work) error {
	if work.removes == nil {
		return nil
	}
	err := r.client.Delete(ctx, work.removes, client.Preconditions{UID: &work.removes.UID})
	if client.IgnoreNotFound(err) != nil {
		return apply.Classify("VirtualMachineInstanceMigration", work.removes.Name, err)
	}
	return nil
}
