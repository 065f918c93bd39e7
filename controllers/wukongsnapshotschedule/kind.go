package wukongsnapshotschedule

import (
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// Kind declares WukongSnapshotSchedule and its controller.
var Kind = kind.Kind{
	Name:         "wukongsnapshotschedule",
	Object:       &v1alpha1.WukongSnapshotSchedule{},
	List:         &v1alpha1.WukongSnapshotScheduleList{},
	Umbrella:     kind.Operation,
	FieldManager: fieldManager,
	ReportErrors: true,
	When:         watches.OwnChange(),
	Reads: []kind.Read{
		{
			Of: &v1alpha1.WukongSnapshot{}, Why: "the snapshots of the schedule",
			Watches: []kind.Watch{kind.Map((*Reconciler).ofLabeled, snapshotChange())},
		},
		{
			Of: &v1alpha1.WukongClone{}, Why: "the trial, and from which snapshots something is being cloned",
			Watches: []kind.Watch{kind.Map((*Reconciler).ofLabeled, cloneChange())},
		},
		{
			Of: &v1alpha1.WukongBackup{}, Why: "the backups of the schedule, and which snapshots are being copied",
			Watches: []kind.Watch{kind.Map((*Reconciler).ofLabeled, backupChange())},
		},
		{Of: &v1alpha1.WukongExport{}, Why: "from which snapshots something is being exported"},
		{
			Of: &v1alpha1.WukongVM{}, Why: "the source, the guest of the trial, and what is being restored from a snapshot",
			Watches: []kind.Watch{kind.Map((*Reconciler).ofVM, vmChange())},
		},
		{
			Of: &v1alpha1.WukongDisk{}, Why: "the source, and what is being filled from a snapshot",
			Watches: []kind.Watch{kind.Map((*Reconciler).ofDisk, existence())},
		},
	},
	Indexes: slices.Concat(
		index.Of(&v1alpha1.WukongSnapshotSchedule{}, index.ScheduleBySource),
		index.Of(&v1alpha1.WukongClone{}, index.CloneBySource),
		index.Of(&v1alpha1.WukongBackup{}, index.BackupBySnapshot),
		index.Of(&v1alpha1.WukongVM{}, index.VMBySnapshot),
		index.Of(&v1alpha1.WukongDisk{}, index.DiskByOrigin)),
	Start: func(env kind.Env) (reconcile.Reconciler, error) {
		return &Reconciler{client: env.Client(), applier: env.Applier(), clock: env.Clock}, nil
	},
}
