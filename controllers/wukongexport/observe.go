package wukongexport

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/naming"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/internal/usage"
	"github.com/novasphere/wukong/controllers/internal/warnings"
	"github.com/novasphere/wukong/mover"
)

// observation is all that is read in one pass.
type observation struct {
	umbrella umbrella.Link
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
	// job and its newest pod; nil when they do not exist.
	job *batchv1.Job
	pod *corev1.Pod
	// podRefused is why the Job has no pod, empty when nobody says so; podAgain is when to ask again, zero for never.
	podRefused string
	podAgain   time.Duration
	// report is what the pod said last; nil when it has not said anything yet.
	report *mover.Report
	// torn: what the Job has read may not be what the disk had at one moment.
	torn bool
}

func (r *Reconciler) observe(ctx context.Context, export *v1alpha1.WukongExport) (*observation, error) {
	observed := &observation{moverKnown: r.moverImage != ""}
	var err error
	if observed.umbrella, err = umbrella.Observe(ctx, r.client, export); err != nil {
		return nil, err
	}
	if observed.job, err = read.Get(ctx, r.client, export.Namespace, jobName(export), &batchv1.Job{}); err != nil {
		return nil, err
	}
	if finished(export) {
		return observed, nil
	}
	if export.Spec.Source.VolumeSnapshot != nil {
		err = r.observeSnapshot(ctx, export, observed)
	} else {
		err = r.observeDisk(ctx, export, observed)
	}
	if err != nil {
		return nil, err
	}
	observed.torn = torn(export, observed)
	if err := r.observePod(ctx, export, observed); err != nil {
		return nil, err
	}
	return observed, r.observeRefusal(ctx, observed)
}

func (r *Reconciler) observeDisk(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	var name string
	var err error
	if reference := export.Spec.Source.VM; reference != nil {
		if observed.vm, err = read.Get(ctx, r.client, export.Namespace, reference.Name, &v1alpha1.WukongVM{}); err != nil || observed.vm == nil {
			return err
		}
		entry := machineDisk(observed.vm, reference.Disk)
		if entry == nil {
			return nil
		}
		name = index.DiskName(observed.vm, entry)
	} else {
		name = export.Spec.Source.DiskRef.Name
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

// machineDisk is a disk of a machine by name, or the one that it boots from; nil when there is none.
func machineDisk(vm *v1alpha1.WukongVM, name string) *v1alpha1.VMDisk {
	for i := range vm.Spec.Disks {
		if disk := &vm.Spec.Disks[i]; disk.Name == name || name == "" && ptr.Deref(disk.Boot, false) {
			return disk
		}
	}
	for i := range vm.Spec.Disks {
		if disk := &vm.Spec.Disks[i]; name == "" && disk.Type != v1alpha1.DiskTypeCDROM {
			return disk
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
	observed.claim, err = read.Get(ctx, r.client, export.Namespace, restoredName(export), &corev1.PersistentVolumeClaim{})
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

// observeRefusal asks why the Job has no pod: the Job controller tells it by an event only, and tries again by itself
// (k8s.io/kubernetes, pkg/controller/controller_utils.go, FailedCreatePodReason).
func (r *Reconciler) observeRefusal(ctx context.Context, observed *observation) error {
	job := observed.job
	if job == nil || observed.pod != nil || jobEnd(job) != nil || !job.DeletionTimestamp.IsZero() {
		return nil
	}
	if waited := r.clock.Since(job.CreationTimestamp.Time); waited < warnings.Patience {
		observed.podAgain = warnings.Patience - waited
		return nil
	}
	observed.podAgain = warnings.Patience
	latest, err := warnings.Latest(ctx, r.applier.Live, job.Namespace,
		fields.SelectorFromSet(fields.Set{"involvedObject.uid": string(job.UID), "reason": "FailedCreate"}))
	if latest != nil {
		observed.podRefused = latest.Message
	}
	return err
}

// The names of what an export has.
func jobName(export *v1alpha1.WukongExport) string      { return naming.Child(export.Name, "mover") }
func restoredName(export *v1alpha1.WukongExport) string { return naming.Child(export.Name, "restored") }
func downloadName(export *v1alpha1.WukongExport) string { return naming.Child(export.Name, "download") }

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
