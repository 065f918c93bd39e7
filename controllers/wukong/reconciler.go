package wukong

import (
	"context"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/kind"
)

// fieldManager owns the status of Wukongs.
const fieldManager = "wukong-controller"

// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs,verbs=get;list;watch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongvms;wukongdisks;wukongimages;wukongnetworks;wukongbackups;wukongsnapshots;wukongmigrations;wukongclones;wukongexports;wukongsnapshotschedules,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler aggregates the children of Wukongs. It reads them, and writes only the status of Wukongs.
type Reconciler struct {
	client  client.Client
	applier *apply.Applier
	clock   clock.PassiveClock
	// kinds of the children, causes before consequences.
	kinds []kind.Kind
}

// Reconcile runs a pass over one Wukong.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	wukong := &v1alpha1.Wukong{}
	if err := r.client.Get(ctx, request.NamespacedName, wukong); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	children, err := r.children(ctx, wukong)
	if err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{}, r.writeStatus(ctx, wukong, children)
}
