package wukongbackup

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/carry"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/manifest"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
)

// World is all that is read in one pass.
type World struct {
	now      time.Time
	umbrella umbrella.Link
	// assignsUsers reports that the cluster gives pods the user and group ids of their namespace, and refuses others
	// (OpenShift).
	assignsUsers bool
	// mover is the image that moves the bytes; empty when the manager does not know it.
	mover kind.Mover
	// snapshot is what is copied; nil when it does not exist.
	snapshot *v1alpha1.WukongSnapshot
	// exports are those of the backup, by their names. foreign is an object that has the name of one, or of the Job, and
	// that is not of this backup; empty for none.
	exports map[string]*v1alpha1.WukongExport
	foreign string
	// job completes the backup, and pod is its newest one; nil when they do not exist.
	job *batchv1.Job
	pod *corev1.Pod
	// refusal is why the Job makes no pod; empty when nothing reports it.
	refusal string
	// machine, disks and networks are read when the manifest is made: see content.Inputs.
	machine  *v1alpha1.WukongVM
	disks    carry.LiveDisks
	networks []*v1alpha1.WukongNetwork
}

func (r *Reconciler) observe(ctx context.Context, backup *v1alpha1.WukongBackup) (*World, error) {
	world := &World{
		now: r.clock.Now(), mover: r.mover, exports: map[string]*v1alpha1.WukongExport{},
		disks: carry.LiveDisks{},
	}
	var err error
	if world.umbrella, err = umbrella.Observe(ctx, r.client, backup); err != nil {
		return nil, err
	}
	if world.assignsUsers, err = r.dependencies.Served(ctx, dependency.SecurityContextConstraints); err != nil {
		return nil, err
	}
	name := backup.Spec.SnapshotRef.Name
	world.snapshot, err = read.Get(ctx, r.client, backup.Namespace, name, &v1alpha1.WukongSnapshot{})
	if err != nil {
		return nil, err
	}
	if err := r.observeExports(ctx, backup, world); err != nil {
		return nil, err
	}
	if err := r.observeJob(ctx, backup, world); err != nil {
		return nil, err
	}
	if backup.Finished() || world.job != nil || world.snapshot == nil || !isCopied(backup, world) {
		return world, nil
	}
	return world, r.observeContent(ctx, world)
}

// observeExports reads the exports of the disks that the backup has, or will have.
func (r *Reconciler) observeExports(ctx context.Context, backup *v1alpha1.WukongBackup, world *World) error {
	for _, disk := range disksOf(backup, world.snapshot) {
		name := model.BackupExportName(backup, disk.Name)
		export, err := read.Get(ctx, r.client, backup.Namespace, name, &v1alpha1.WukongExport{})
		switch {
		case err != nil:
			return err
		case export == nil:
		case metav1.IsControlledBy(export, backup):
			world.exports[name] = export
		default:
			world.foreign = "WukongExport " + name
		}
	}
	return nil
}

// observeJob reads the Job and, from the API server, its newest pod: what it reported is read once, at its end.
func (r *Reconciler) observeJob(ctx context.Context, backup *v1alpha1.WukongBackup, world *World) error {
	name := model.BackupJobName(backup)
	job, err := read.Get(ctx, r.client, backup.Namespace, name, &batchv1.Job{})
	if err != nil || job == nil {
		return err
	}
	if !metav1.IsControlledBy(job, backup) {
		world.foreign = "Job " + name
		return nil
	}
	world.job = job
	if backup.Finished() {
		return nil
	}
	pods := &corev1.PodList{}
	err = r.live.List(ctx, pods, client.InNamespace(backup.Namespace), client.MatchingLabels{
		batchv1.JobNameLabel: name, batchv1.ControllerUidLabel: string(job.UID)})
	if err != nil {
		return fmt.Errorf("list the pods of Job %s: %w", name, err)
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if world.pod == nil || world.pod.CreationTimestamp.Before(&pod.CreationTimestamp) {
			world.pod = pod
		}
	}
	world.refusal, _, err = moverpod.Refusals{Live: r.live, Clock: r.clock}.Of(ctx, job, world.pod)
	return err
}

// observeContent reads what the manifest is made from.
func (r *Reconciler) observeContent(ctx context.Context, world *World) error {
	snapshot := world.snapshot
	var err error
	if world.machine, err = manifest.Read(ctx, r.live, snapshot); err != nil {
		return err
	}
	var names []string
	if reference := snapshot.Spec.Source.DiskRef; reference != nil {
		names = []string{reference.Name}
	}
	if world.machine != nil {
		names = model.DiskNames(world.machine)
	}
	for _, name := range names {
		disk, err := read.Get(ctx, r.client, snapshot.Namespace, name, &v1alpha1.WukongDisk{})
		if err != nil {
			return err
		}
		if disk != nil {
			world.disks[name] = disk
		}
	}
	if world.machine == nil {
		return nil
	}
	for _, name := range carry.ReferencesOf(world.machine).Networks {
		network, err := read.Get(ctx, r.client, snapshot.Namespace, name, &v1alpha1.WukongNetwork{})
		if err != nil {
			return err
		}
		if network != nil {
			world.networks = append(world.networks, network)
		}
	}
	return nil
}
