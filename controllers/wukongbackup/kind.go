package wukongbackup

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// Kind declares WukongBackup and its controller.
var Kind = kind.Kind{
	Name:         "wukongbackup",
	Object:       &v1alpha1.WukongBackup{},
	List:         &v1alpha1.WukongBackupList{},
	Umbrella:     kind.Operation,
	FieldManager: fieldManager,
	ReportErrors: true,
	When:         watches.OwnChange(),
	Reads: []kind.Read{
		{
			Of: &v1alpha1.WukongSnapshot{}, Why: "what is copied",
			Watches: []kind.Watch{kind.Map((*Reconciler).ofSnapshot, snapshotChange())},
		},
		{
			Of: &v1alpha1.WukongExport{}, Why: "the copies of the disks",
			Watches: []kind.Watch{kind.Owned()},
		},
		{
			Of: &batchv1.Job{}, Why: "the Job that completes the backup", Labels: kind.Managed(),
			Watches: []kind.Watch{kind.Owned()},
		},
		{Of: &v1alpha1.WukongDisk{}, Why: "the spec of the disks, for the manifest"},
		{Of: &v1alpha1.WukongNetwork{}, Why: "the networks of the manifest"},
		{Of: &appsv1.ControllerRevision{}, Why: "the WukongVM as the snapshot keeps it", Live: true},
		{Of: &corev1.ConfigMap{}, Why: "the files of the backup, which the Job writes", Live: true},
		{Of: &corev1.Pod{}, Why: "how that Job ended, or why its pod does not start", Live: true},
		{Of: &corev1.Event{}, Why: "why that Job makes no pod", Live: true},
	},
	Indexes: index.Of(&v1alpha1.WukongBackup{}, index.BackupBySnapshot),
	Start: func(env kind.Env) (reconcile.Reconciler, error) {
		uncached, err := env.Uncached()
		if err != nil {
			return nil, err
		}
		return &Reconciler{
			client: env.Client(), live: env.Manager.GetAPIReader(), applier: env.Applier(),
			uncached:     &apply.Applier{Client: uncached, Live: uncached, FieldManager: fieldManager},
			dependencies: env.Dependencies, clock: env.Clock, mover: env.Settings.Mover,
		}, nil
	},
}
