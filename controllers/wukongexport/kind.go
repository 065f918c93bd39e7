package wukongexport

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/watches"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/attempt"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/progress"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/restore"
)

// Kind declares WukongExport and its controller.
var Kind = kind.Kind{
	Name:         "wukongexport",
	Object:       &v1alpha1.WukongExport{},
	List:         &v1alpha1.WukongExportList{},
	Umbrella:     kind.Operation,
	FieldManager: fieldManager,
	ReportErrors: true,
	When:         watches.OwnChange(),
	Reads: []kind.Read{
		{
			Of: &batchv1.Job{}, Why: "the Job that moves the bytes", Labels: kind.Managed(),
			Watches: []kind.Watch{kind.Owned()},
		},
		{
			Of: &corev1.Pod{}, Why: "how far the mover is, and how it ended", Labels: ofExports(),
			Watches: []kind.Watch{kind.On((*Reconciler).exportOfPod, attempt.Change())},
		},
		{
			Of: &corev1.PersistentVolumeClaim{}, Keep: kind.Copy(diskstate.KeepClaim),
			Why:     "the claim that is read, and the one that is restored from a snapshot",
			Watches: []kind.Watch{kind.On((*Reconciler).unfinished, claimChange())},
		},
		{
			Of: &v1alpha1.WukongDisk{}, Why: "the claim of the disk, and who may write to it",
			Watches: []kind.Watch{kind.On((*Reconciler).unfinished, diskChange())},
		},
		{
			Of: &v1alpha1.WukongVM{}, Why: "a guest that may run must not write to what is read",
			Watches: []kind.Watch{kind.On((*Reconciler).unfinished, vmChange())},
		},
		{
			Of: restore.NewSnapshot(), Why: "the VolumeSnapshot that is exported", API: &dependency.VolumeSnapshots,
			Watches: []kind.Watch{kind.On((*Reconciler).unfinished)},
		},
		{Of: &corev1.Secret{}, Why: "credentials of the target, and the Secret of a download", Live: true},
		{Of: &corev1.Service{}, Why: "the Service of a download", Live: true},
		{Of: &corev1.Event{}, Why: "why a pod does not start", Live: true},
	},
	Indexes: append(
		index.Of(&v1alpha1.WukongDisk{}, index.DiskByClaim),
		index.Of(&v1alpha1.WukongVM{}, index.VMByDisk)...),
	Start:   start,
	Sources: kind.From((*Reconciler).followed),
}

func start(env kind.Env) (reconcile.Reconciler, error) {
	uncached, err := env.Uncached()
	if err != nil {
		return nil, err
	}
	followers := progress.New()
	if err := env.Manager.Add(followers); err != nil {
		return nil, fmt.Errorf("add the followers of movers: %w", err)
	}
	return &Reconciler{
		client:       env.Client(),
		applier:      env.Applier(),
		uncached:     &apply.Applier{Client: uncached, Live: uncached, FieldManager: fieldManager},
		dependencies: env.Dependencies,
		clock:        env.Clock,
		followers:    followers,
		mover:        env.Settings.Mover,
	}, nil
}

// followed starts a pass when a mover reports progress.
func (r *Reconciler) followed() []source.Source {
	return []source.Source{source.Channel(r.followers.Events, &handler.EnqueueRequestForObject{})}
}

// ofExports selects the pods of exports.
func ofExports() labels.Selector {
	requirement, err := labels.NewRequirement(v1alpha1.LabelExport, selection.Exists, nil)
	utilruntime.Must(err)
	return labels.NewSelector().Add(*requirement)
}
