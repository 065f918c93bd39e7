package wukongimage

import (
	"cmp"
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/problem"
)

// writeStatus computes the status from scratch and writes it when it differs.
func (r *Reconciler) writeStatus(ctx context.Context, image *v1alpha1.WukongImage, observed *observation) error {
	after := image.DeepCopy()
	set := conditions.For(image, r.clock)
	unready, outdated := evaluate(image, observed, observed.outcome.Refused())
	report(set, v1alpha1.ConditionReady, v1alpha1.ReasonReady, unready)
	report(set, v1alpha1.ConditionUpToDate, v1alpha1.ReasonUpToDate, outdated)
	observed.umbrella.Report(set)
	after.Status = describe(image, observed, unready)
	after.Status.Conditions = set.List()
	after.Status.ObservedGeneration = image.Generation
	return r.applier.Status(ctx, image, after)
}

func report(set *conditions.Set, conditionType, reason string, found *notReady) {
	if found == nil {
		set.True(conditionType, reason, "")
		return
	}
	set.False(conditionType, found.Reason, found.Message)
}

// evaluate returns why disks cannot start from the image, and why it is not the newest version of the source; nil for
// either when there is no problem. A complete version stays usable, whatever happens to the next.
func evaluate(image *v1alpha1.WukongImage, observed *observation, applyErr error) (unready, outdated *notReady) {
	if !image.DeletionTimestamp.IsZero() {
		deleting := problem.In(v1alpha1.ImageTerminating, v1alpha1.ReasonTerminating,
			"the versions are being deleted, or released, as reclaimPolicy requests")
		return deleting, deleting
	}
	outdated = freshness(image, observed, applyErr)
	if currentVersion(image, observed) == nil {
		if outdated == nil {
			outdated = pending(v1alpha1.ReasonImporting, "no version is complete yet")
		}
		return outdated, outdated
	}
	if observed.dataSource == nil { // it could not be written
		return outdated, outdated
	}
	return offered(observed.dataSource), outdated
}

// freshness returns why the newest version of the source is not available.
func freshness(image *v1alpha1.WukongImage, observed *observation, applyErr error) *notReady {
	if applyErr != nil {
		return writeRefused(applyErr)
	}
	if found := obstacle(observed); found != nil {
		return found
	}
	if observed.importer.Says != "" {
		return failed(observed.importer.Reason, "%s", observed.importer.Says)
	}
	if current := underway(observed.imports); current != nil {
		found := importProblem(current)
		if says := observed.stillSays(image); says != "" && found != nil && found.Reason == v1alpha1.ReasonImporting {
			return failed(v1alpha1.ReasonImportFailed, "%s", says)
		}
		return found
	}
	if polled(image) {
		return polling(observed)
	}
	if len(observed.imports) > 0 {
		return importProblem(&observed.imports[0])
	}
	return nil
}

// stillSays returns the failure of an importer that CDI has restarted, until the restart succeeds, or "".
func (o *observation) stillSays(image *v1alpha1.WukongImage) string {
	return o.importer.Still(meta.FindStatusCondition(image.Status.Conditions, v1alpha1.ConditionUpToDate),
		image.Generation)
}

// noCause stands for the empty message of a condition of CDI that is False.
const noCause = "CDI does not report why it is not ready"

// polling returns why an idle DataImportCron is not up to date. CDI does not report a failed poll: it is the Job of
// its CronJob, which CDI deletes after ten seconds.
func polling(observed *observation) *notReady {
	cron := observed.cron
	switch {
	case cron == nil || !cron.DeletionTimestamp.IsZero():
		return pending(v1alpha1.ReasonAwaitingPoll, "the DataImportCron is being created")
	case cron.Annotations[annotationDesiredDigest] == "":
		return pending(v1alpha1.ReasonAwaitingPoll,
			"CDI's poller has not read the image's digest from the registry yet; "+
				"if this lasts, its Job cannot reach the registry, or the "+
				"Secret or ConfigMap that the source names is not in CDI's namespace too: 'kubectl get events -A' "+
				"and 'kubectl get jobs -A -l %s=%s' show the cause", labelCron, cron.Name)
	}
	for _, one := range cron.Status.Conditions {
		if one.Type == cdiv1.DataImportCronUpToDate && one.Status == corev1.ConditionTrue {
			return overdue(observed)
		}
		if one.Type == cdiv1.DataImportCronUpToDate {
			return problem.In(v1alpha1.ImageImporting, v1alpha1.ReasonImporting, "DataImportCron %s: %s", cron.Name,
				cmp.Or(one.Message, noCause))
		}
	}
	return pending(v1alpha1.ReasonImporting, "DataImportCron %s has not started to import", cron.Name)
}

// overdue: CDI still reports up to date when its poller no longer reaches the registry.
func overdue(observed *observation) *notReady {
	last, deadline := pollDeadline(observed)
	if deadline.IsZero() || observed.now.Before(deadline) {
		return nil
	}
	return pending(v1alpha1.ReasonAwaitingPoll, "CDI's poller last read the image's digest from the registry at "+
		"%s, and missed two ticks of the schedule since: "+
		"'kubectl get events -A' and 'kubectl get jobs -A -l "+
		"%s=%s' show the cause", last.UTC().Format(time.RFC3339), labelCron, observed.cron.Name)
}

// offered returns why disks cannot start from the complete version. While CDI processes a new one, its report on the
// last counts.
func offered(dataSource *cdiv1.DataSource) *notReady {
	for _, one := range dataSource.Status.Conditions {
		if one.Type != cdiv1.DataSourceReady {
			continue
		}
		if one.Status == corev1.ConditionTrue {
			return nil
		}
		return pending(v1alpha1.ReasonSourceNotReady, "DataSource %s: %s", dataSource.Name,
			cmp.Or(one.Message, noCause))
	}
	return pending(v1alpha1.ReasonSourceNotReady, "DataSource %s: CDI has not processed it yet", dataSource.Name)
}

// describe returns the status without its conditions.
func describe(image *v1alpha1.WukongImage, observed *observation, unready *notReady) v1alpha1.WukongImageStatus {
	status := v1alpha1.WukongImageStatus{Phase: v1alpha1.ImageReady}
	if unready != nil {
		status.Phase = unready.Phase
	}
	// The name promises that the DataSource is this image's: disks start from it.
	if observed.dataSource != nil && metav1.IsControlledBy(observed.dataSource, image) {
		status.DataSourceName = observed.dataSource.Name
	}
	current := currentVersion(image, observed)
	if current != nil {
		status.CurrentVersion, status.Digest, status.LastImportTime = current.name, current.digest, current.time
	}
	status.Versions = listVersions(current, observed.imports)
	if one := underway(observed.imports); one != nil && observed.stillSays(image) == "" {
		status.ProgressPercent = dvstate.Progress(one.Status.Progress)
	}
	if next := nextTick(image, observed); !next.IsZero() && obstacle(observed) == nil {
		status.NextImportTime = ptr.To(metav1.NewTime(next))
	}
	return status
}
