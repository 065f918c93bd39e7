package wukongexport

import (
	"context"
	"fmt"
	"regexp"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/internal/usage"
	"github.com/novasphere/wukong/controllers/internal/warnings"
	"github.com/novasphere/wukong/mover"
)

// observation is all that is read in one pass.
type observation struct {
	umbrella umbrella.Link
	// assignsUsers: the cluster gives pods the user and group ids of their namespace, and refuses others (OpenShift).
	assignsUsers bool
	// moverKnown: the manager was told which image moves the bytes.
	moverKnown bool
	// vm is the source's machine, disk the source's disk, or the machine's; nil when they do not exist.
	vm   *v1alpha1.WukongVM
	disk *v1alpha1.WukongDisk
	// users are the machines that may write to the disk.
	users []string
	// snapshotsServed: the cluster serves VolumeSnapshots.
	snapshotsServed bool
	snapshot        *unstructured.Unstructured
	// origin is the claim that the snapshot was taken of; nil when it is gone.
	origin *corev1.PersistentVolumeClaim
	// claim is what the Job reads: of the disk, or restored from the snapshot; nil when it does not exist.
	claim *corev1.PersistentVolumeClaim
	// job and its newest pod; nil when they do not exist. namesake: the Job of an earlier export of the same name is still there.
	job      *batchv1.Job
	namesake bool
	pod      *corev1.Pod
	// podRefused is why the Job makes no pod, empty when nobody says so; podAgain is when to ask again, zero for never.
	podRefused string
	podAgain   time.Duration
	// report is what the pod said last; nil when it has not said anything yet.
	report *mover.Report
	// void: what the Job has read may not be what the disk had at one moment, or there is nothing for it to read.
	void bool
	// outcome is how this pass's writes ended; nil before them.
	outcome *pass.Outcome
}

func (r *Reconciler) observe(ctx context.Context, export *v1alpha1.WukongExport) (*observation, error) {
	observed := &observation{moverKnown: r.mover.Image != ""}
	var err error
	if observed.umbrella, err = umbrella.Observe(ctx, r.client, export); err != nil {
		return nil, err
	}
	if observed.job, err = read.Get(ctx, r.client, export.Namespace, model.ExportJobName(export), &batchv1.Job{}); err != nil {
		return nil, err
	}
	if observed.job != nil && !metav1.IsControlledBy(observed.job, export) {
		observed.job, observed.namesake = nil, true
	}
	if export.Finished() {
		return observed, nil
	}
	if observed.assignsUsers, err = r.dependencies.Served(ctx, dependency.SecurityContextConstraints); err != nil {
		return nil, err
	}
	if export.Spec.Source.VolumeSnapshot != nil {
		err = r.observeSnapshot(ctx, export, observed)
	} else {
		err = r.observeDisk(ctx, export, observed)
	}
	if err != nil {
		return nil, err
	}
	if err := r.observePod(ctx, export, observed); err != nil {
		return nil, err
	}
	observed.void = void(export, observed)
	return observed, r.observeRefusal(ctx, observed)
}

func (r *Reconciler) observeDisk(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	var err error
	if reference := export.Spec.Source.VM; reference != nil {
		if observed.vm, err = read.Get(ctx, r.client, export.Namespace, reference.Name, &v1alpha1.WukongVM{}); err != nil {
			return err
		}
	}
	if observed.job != nil {
		return r.observeRead(ctx, observed)
	}
	name := model.ExportedDisk(export, observed.vm)
	if name == "" {
		return nil
	}
	if observed.disk, err = read.Get(ctx, r.client, export.Namespace, name, &v1alpha1.WukongDisk{}); err != nil || observed.disk == nil {
		return err
	}
	if claim := observed.disk.Status.ClaimName; claim != "" {
		if observed.claim, err = read.Get(ctx, r.client, export.Namespace, claim, &corev1.PersistentVolumeClaim{}); err != nil {
			return err
		}
	}
	observed.users, err = usage.Writers(ctx, r.client, observed.disk)
	return err
}

// observeRead looks at the claim that a Job reads, and at the disks on it. What the export's source would be today does not matter any more: the
// machine may have other disks by now, and the claim another disk.
func (r *Reconciler) observeRead(ctx context.Context, observed *observation) error {
	namespace, name := observed.job.Namespace, claimOfJob(observed.job)
	var err error
	if observed.claim, err = read.Get(ctx, r.client, namespace, name, &corev1.PersistentVolumeClaim{}); err != nil {
		return err
	}
	disks := &v1alpha1.WukongDiskList{}
	if err := r.client.List(ctx, disks, client.InNamespace(namespace), client.MatchingFields{index.DiskByClaim: name}); err != nil {
		return fmt.Errorf("list the disks of PersistentVolumeClaim %s: %w", name, err)
	}
	for i := range disks.Items {
		disk := &disks.Items[i]
		if disk.Status.ClaimName != name { // it moves from there, or to it
			continue
		}
		users, err := usage.Writers(ctx, r.client, disk)
		if err != nil {
			return err
		}
		if observed.disk == nil || len(users) > 0 {
			observed.disk, observed.users = disk, users
		}
	}
	return nil
}

func (r *Reconciler) observeSnapshot(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	var err error
	if observed.snapshotsServed, err = r.dependencies.Served(ctx, dependency.VolumeSnapshots); err != nil || !observed.snapshotsServed {
		return err
	}
	if observed.snapshot, err = read.Get(ctx, r.client, export.Namespace, export.Spec.Source.VolumeSnapshot.Name, newSnapshot()); err != nil {
		return err
	}
	if origin := snapshotOrigin(observed.snapshot); origin != "" {
		if observed.origin, err = read.Get(ctx, r.client, export.Namespace, origin, &corev1.PersistentVolumeClaim{}); err != nil {
			return err
		}
	}
	observed.claim, err = read.Get(ctx, r.client, export.Namespace, model.ExportClaimName(export), &corev1.PersistentVolumeClaim{})
	return err
}

func (r *Reconciler) observePod(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	if observed.job == nil {
		return nil
	}
	pods := &corev1.PodList{}
	if err := r.client.List(ctx, pods, client.InNamespace(export.Namespace), client.MatchingLabels{v1alpha1.LabelExport: export.Name}); err != nil {
		return fmt.Errorf("list the pods of Job %s: %w", observed.job.Name, err)
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if metav1.IsControlledBy(pod, observed.job) && (observed.pod == nil || observed.pod.CreationTimestamp.Before(&pod.CreationTimestamp)) {
			observed.pod = pod
		}
	}
	if observed.pod != nil {
		observed.report = terminationReport(observed.pod)
		if observed.report != nil {
			r.followers.stop(observed.pod.UID)
		} else {
			observed.report = r.followers.report(export, observed.pod)
		}
	}
	return nil
}

// refusalsAreTold is how long ago the Job controller must have told that it may make no pod, for that to be so still. It tries once in a minute
// at least, and its events are let through once in five when there are many (k8s.io/kubernetes, pkg/controller/job; client-go tools/record).
const refusalsAreTold = 6 * time.Minute

// observeRefusal asks why the Job makes no pod: the Job controller tells it by an event only, and tries again by itself
// (k8s.io/kubernetes, pkg/controller/controller_utils.go, FailedCreatePodReason).
func (r *Reconciler) observeRefusal(ctx context.Context, observed *observation) error {
	job := observed.job
	if job == nil || jobEnd(job) != nil || !job.DeletionTimestamp.IsZero() || ptr.Deref(job.Spec.Suspend, false) {
		return nil
	}
	since := job.CreationTimestamp.Time
	if pod := observed.pod; pod != nil {
		if pod.Status.Phase != corev1.PodFailed {
			return nil
		}
		since = pod.CreationTimestamp.Time // the next one is due some time after
	}
	if waited := r.clock.Since(since); waited < warnings.Patience {
		observed.podAgain = warnings.Patience - waited
		return nil
	}
	observed.podAgain = warnings.Patience
	latest, err := warnings.Latest(ctx, r.applier.Live, job.Namespace,
		fields.SelectorFromSet(fields.Set{"involvedObject.uid": string(job.UID), "reason": "FailedCreate"}))
	if err != nil || latest == nil {
		return err
	}
	if told := warnings.Seen(latest).Time; told.After(since) && r.clock.Since(told) < refusalsAreTold {
		observed.podRefused = refusal(latest.Message)
	}
	return nil
}

// varying is what differs at each try in the words of a refusal: the name of the pod, and that there were several like it. A status that followed it
// would be written for as long as the refusal lasts.
var varying = regexp.MustCompile(`^(\(combined from similar events\): )?(Error creating: )?(pods "[^"]*" is )?`)

func refusal(message string) string { return varying.ReplaceAllString(message, "") }

// fileName is the file of a download, and in a container disk.
func fileName(export *v1alpha1.WukongExport) string {
	name := export.Name + ".qcow2"
	if export.Spec.Format == v1alpha1.ExportRaw {
		name = export.Name + ".img"
	}
	if export.Spec.Compression == v1alpha1.ExportGzip && export.Spec.Target.Registry == nil {
		name += ".gz"
	}
	return name
}
