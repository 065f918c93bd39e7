package wukongsnapshotschedule

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

var labels = []string{"namespace", "schedule"}

var (
	lastSuccess = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "wukong_snapshot_schedule_last_success_timestamp_seconds",
		Help: "Point in time of the newest successful snapshot of a WukongSnapshotSchedule, in seconds since 1970.",
	}, labels)
	trialSuccess = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "wukong_snapshot_trial_success",
		Help: "1 if the last trial of a WukongSnapshotSchedule started a guest from a snapshot, else 0.",
	}, labels)
	backupTime = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "wukong_snapshot_backup_timestamp_seconds",
		Help: "Point in time of the last backup of a WukongSnapshotSchedule that succeeded, in seconds since 1970.",
	}, labels)
	trialTime = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "wukong_snapshot_trial_timestamp_seconds",
		Help: "When the last trial of a WukongSnapshotSchedule ended, in seconds since 1970.",
	}, labels)
)

func init() { metrics.Registry.MustRegister(lastSuccess, trialSuccess, trialTime, backupTime) }

// measure sets the metrics of a schedule: its newest successful snapshot, its last trial, and its last backup; nil for
// none. A backup that fails leaves its metric as it is: that gets too old.
func measure(
	schedule types.NamespacedName, newest *v1alpha1.ScheduledSnapshot, trial *v1alpha1.TrialStatus,
	backup *v1alpha1.ScheduledBackupStatus,
) {
	if backup != nil && backup.Result == v1alpha1.BackupFailed {
		forget(schedule, backupTime)
	} else {
		forget(schedule)
	}
	if backup != nil && backup.Result == v1alpha1.BackupSucceeded && backup.TakenAt != nil {
		backupTime.WithLabelValues(schedule.Namespace, schedule.Name).Set(float64(backup.TakenAt.Unix()))
	}
	if newest != nil {
		lastSuccess.WithLabelValues(schedule.Namespace, schedule.Name).Set(float64(newest.TakenAt.Unix()))
	}
	if trial == nil {
		return
	}
	success := 0.0
	if trial.Result == v1alpha1.TrialPassed {
		success = 1
	}
	trialSuccess.WithLabelValues(schedule.Namespace, schedule.Name).Set(success)
	trialTime.WithLabelValues(schedule.Namespace, schedule.Name).Set(float64(trial.CompletionTime.Unix()))
}

// forget removes the metrics of a schedule but some.
func forget(schedule types.NamespacedName, but ...*prometheus.GaugeVec) {
	for _, gauge := range []*prometheus.GaugeVec{lastSuccess, trialSuccess, trialTime, backupTime} {
		if !slices.Contains(but, gauge) {
			gauge.DeleteLabelValues(schedule.Namespace, schedule.Name)
		}
	}
}
