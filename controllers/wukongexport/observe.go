package wukongexport

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/internal/usage"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/job"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/restore"
	"github.com/novasphere/wukong/mover"
)

// observation is all that is read in a pass.
type observation struct {
	umbrella umbrella.Link
	// assignsUsers reports that the cluster gives pods the user and group ids of their namespace, and refuses others
	// (OpenShift).
	assignsUsers bool
	// moverKnown reports that the manager knows the image that moves the bytes.
	moverKnown bool
	// vm is the WukongVM of the source. disk is the disk of the source, or of its WukongVM. They are nil when they do
	// not exist.
	vm   *v1alpha1.WukongVM
	disk *v1alpha1.WukongDisk
	// users are the names of the WukongVMs that may write to the disk.
	users []string
	// snapshotsServed reports that the cluster serves VolumeSnapshots.
	snapshotsServed bool
	snapshot        *unstructured.Unstructured
	// origin is the claim that the snapshot was taken of; nil when it does not exist any more.
	origin *corev1.PersistentVolumeClaim
	// claim is what the Job reads: of the disk, or restored from the snapshot; nil when it does not exist.
	claim *corev1.PersistentVolumeClaim
	// job and its newest pod; nil when they do not exist. namesake reports that the Job of an earlier export of the
	// same name still exists.
	job      *batchv1.Job
	namesake bool
	pod      *corev1.Pod
	// refusal is why the Job makes no pod, empty when nothing reports it. refusalAgain is when to ask again; zero for
	// never.
	refusal      string
	refusalAgain time.Duration
	// report is the last one of the pod's mover; nil before the first.
	report *mover.Report
	// void reports that what the Job has read may not be what the disk had at one moment, or that it has nothing to
	// read.
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
	name := model.ExportJobName(export)
	if observed.job, err = read.Get(ctx, r.client, export.Namespace, name, &batchv1.Job{}); err != nil {
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
	reader := moverpod.Refusals{Live: r.applier.Live, Clock: r.clock}
	observed.refusal, observed.refusalAgain, err = reader.Of(ctx, observed.job, observed.pod)
	return observed, err
}

// observeDisk reads the disk of the source, or what a Job that exists reads.
func (r *Reconciler) observeDisk(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	namespace := export.Namespace
	var err error
	if reference := export.Spec.Source.VM; reference != nil {
		observed.vm, err = read.Get(ctx, r.client, namespace, reference.Name, &v1alpha1.WukongVM{})
		if err != nil {
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
	observed.disk, err = read.Get(ctx, r.client, namespace, name, &v1alpha1.WukongDisk{})
	if err != nil || observed.disk == nil {
		return err
	}
	if claim := observed.disk.Status.ClaimName; claim != "" {
		observed.claim, err = read.Get(ctx, r.client, namespace, claim, &corev1.PersistentVolumeClaim{})
		if err != nil {
			return err
		}
	}
	observed.users, err = usage.Writers(ctx, r.client, observed.disk)
	return err
}

// observeRead reads the claim that a Job reads, and the disks on it. The present source of the export does not matter
// any more: the WukongVM may have other disks now, and the claim another disk.
func (r *Reconciler) observeRead(ctx context.Context, observed *observation) error {
	namespace, name := observed.job.Namespace, job.ClaimName(observed.job)
	var err error
	if observed.claim, err = read.Get(ctx, r.client, namespace, name, &corev1.PersistentVolumeClaim{}); err != nil {
		return err
	}
	disks := &v1alpha1.WukongDiskList{}
	err = r.client.List(ctx, disks, client.InNamespace(namespace), client.MatchingFields{index.DiskByClaim: name})
	if err != nil {
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

// observeSnapshot reads the VolumeSnapshot of the source, the claim that it was taken of, and the restored claim.
func (r *Reconciler) observeSnapshot(
	ctx context.Context, export *v1alpha1.WukongExport, observed *observation,
) error {
	namespace := export.Namespace
	var err error
	observed.snapshotsServed, err = r.dependencies.Served(ctx, dependency.VolumeSnapshots)
	if err != nil || !observed.snapshotsServed {
		return err
	}
	name := export.Spec.Source.VolumeSnapshot.Name
	if observed.snapshot, err = read.Get(ctx, r.client, namespace, name, restore.NewSnapshot()); err != nil {
		return err
	}
	if origin := restore.OriginName(observed.snapshot); origin != "" {
		observed.origin, err = read.Get(ctx, r.client, namespace, origin, &corev1.PersistentVolumeClaim{})
		if err != nil {
			return err
		}
	}
	name = model.ExportClaimName(export)
	observed.claim, err = read.Get(ctx, r.client, namespace, name, &corev1.PersistentVolumeClaim{})
	return err
}

// observePod reads the newest pod of the Job, and the last Report of its mover.
func (r *Reconciler) observePod(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	if observed.job == nil {
		return nil
	}
	pods := &corev1.PodList{}
	err := r.client.List(ctx, pods,
		client.InNamespace(export.Namespace), client.MatchingLabels{v1alpha1.LabelExport: export.Name})
	if err != nil {
		return fmt.Errorf("list the pods of Job %s: %w", observed.job.Name, err)
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		newest := observed.pod == nil || observed.pod.CreationTimestamp.Before(&pod.CreationTimestamp)
		if newest && metav1.IsControlledBy(pod, observed.job) {
			observed.pod = pod
		}
	}
	if observed.pod != nil {
		observed.report = moverpod.LastReport(observed.pod)
		if observed.report != nil {
			r.followers.Stop(observed.pod.UID)
		} else {
			observed.report = r.followers.Report(export, observed.pod)
		}
	}
	return nil
}
