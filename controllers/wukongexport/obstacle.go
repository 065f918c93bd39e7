package wukongexport

import (
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/operation"
)

// obstacle is what keeps the bytes from being read; nil when nothing does.
func obstacle(export *v1alpha1.WukongExport, observed *observation) *operation.State {
	if !observed.moverKnown {
		return operation.Pending(v1alpha1.ReasonMoverMissing,
			"the manager does not know the image that moves the bytes: start it with --mover-image, which is the manager's own image (the chart does so)")
	}
	if observed.namesake {
		return operation.Pending(v1alpha1.ReasonPending, "Job %s of an earlier WukongExport of this name is being deleted", model.ExportJobName(export))
	}
	if export.Spec.Source.VolumeSnapshot != nil {
		return snapshotObstacle(export, observed)
	}
	return diskObstacle(export, observed)
}

func diskObstacle(export *v1alpha1.WukongExport, observed *observation) *operation.State {
	if observed.disk == nil {
		return diskMissing(export, observed)
	}
	if len(observed.users) > 0 {
		return operation.Pending(v1alpha1.ReasonSourceInUse,
			"WukongDisk %s is in use by WukongVM %s, which is not stopped: stop it (powerState: Stopped) and the export goes on by itself, "+
				"or take a VolumeSnapshot and export that", observed.disk.Name, strings.Join(observed.users, ", "))
	}
	if !observed.disk.Complete() {
		return operation.Pending(v1alpha1.ReasonSourceNotReady, "WukongDisk %s: %s", observed.disk.Name, model.Ready(observed.disk).Message)
	}
	if observed.claim == nil {
		return operation.Pending(v1alpha1.ReasonSourceNotReady, "PersistentVolumeClaim %s of WukongDisk %s does not exist", observed.disk.Status.ClaimName, observed.disk.Name)
	}
	return nil
}

func diskMissing(export *v1alpha1.WukongExport, observed *observation) *operation.State {
	source := export.Spec.Source
	switch {
	case source.DiskRef != nil:
		return operation.Pending(v1alpha1.ReasonSourceMissing, "WukongDisk %s does not exist in namespace %s: create it, or make another export", source.DiskRef.Name, export.Namespace)
	case observed.vm == nil:
		return operation.Pending(v1alpha1.ReasonSourceMissing, "WukongVM %s does not exist in namespace %s: create it, or make another export", source.VM.Name, export.Namespace)
	case model.ExportedDisk(export, observed.vm) == "":
		return whichDisk(observed.vm, source.VM.Disk)
	default:
		return operation.Pending(v1alpha1.ReasonSourceMissing, "the WukongDisk of WukongVM %s does not exist yet", source.VM.Name)
	}
}

// whichDisk asks for the disk of a machine that is meant.
func whichDisk(vm *v1alpha1.WukongVM, name string) *operation.State {
	var names []string
	for _, disk := range model.ExportableDisks(vm, "") {
		names = append(names, disk.Name)
	}
	switch {
	case len(names) == 0:
		return operation.Pending(v1alpha1.ReasonSourceMissing, "WukongVM %s has nothing but drives in spec.disks: make an export of a machine that has a disk", vm.Name)
	case name != "" && len(model.ExportableDisks(vm, name)) > 0:
		return operation.Pending(v1alpha1.ReasonSourceMissing, "the drive %s of WukongVM %s is empty: put a medium in, or make an export of another of its disks: %s",
			name, vm.Name, strings.Join(names, ", "))
	case name != "":
		return operation.Pending(v1alpha1.ReasonSourceMissing, "WukongVM %s has no disk %s in spec.disks: make an export of one that it has: %s",
			vm.Name, name, strings.Join(names, ", "))
	default:
		return operation.Pending(v1alpha1.ReasonInvalidSpec, "WukongVM %s has the disks %s, and an export holds one: make an export for each, with its name in source.vm.disk",
			vm.Name, strings.Join(names, ", "))
	}
}

// void tells whether what the Job reads may not be what the disk had at one moment: a machine uses the disk, and nobody can tell whether the Job
// had ended before. It may have ended while no manager looked. One that failed has nothing to be torn, and what a link served is not taken back.
// A Job that has not begun, and whose claim is gone, never will: the next one looks for the source anew.
func void(export *v1alpha1.WukongExport, observed *observation) bool {
	if observed.job == nil || export.Spec.Source.VolumeSnapshot != nil {
		return false
	}
	end := jobEnd(observed.job)
	switch {
	case len(observed.users) > 0:
		return end == nil || end.Type == batchv1.JobComplete && export.Spec.Target.Download == nil
	case observed.claim == nil:
		return end == nil && (observed.pod == nil || observed.pod.Status.Phase == corev1.PodPending)
	default:
		return false
	}
}

// trouble is what stands in the way of a Job that exists: what its pod waits for, or why the last one failed; nil when it works.
func trouble(observed *observation) *operation.State {
	pod := observed.pod
	switch {
	case observed.podRefused != "":
		return operation.Pending(v1alpha1.ReasonApplyRefused, "Job %s may make no pod: %s; it is tried again", observed.job.Name, observed.podRefused)
	case pod == nil:
		return nil
	case pod.Status.Phase == corev1.PodFailed:
		reason, message := failureOf(observed)
		return operation.InProgress(reason, "%s; it is tried again (%d of %d attempts failed)", message, failures(observed.job), attempts)
	case pod.Status.Phase == corev1.PodPending:
		if message := waitsFor(pod); message != "" {
			return operation.InProgress(v1alpha1.ReasonInProgress, "pod %s: %s", pod.Name, message)
		}
	}
	return nil
}

// failures of a Job whose newest pod failed: the Job controller counts it a moment later.
func failures(job *batchv1.Job) int32 { return max(job.Status.Failed, 1) }

// failureOf is what the newest pod said at its end.
func failureOf(observed *observation) (reason, message string) {
	reason = v1alpha1.ReasonTransferFailed
	if observed.pod == nil {
		return reason, "the pod is gone, and nothing is known of it"
	}
	if report := observed.report; report != nil && report.Message != "" {
		if knownReasons[report.Reason] {
			reason = report.Reason
		}
		return reason, report.Message
	}
	for _, status := range observed.pod.Status.ContainerStatuses {
		if end := status.State.Terminated; end != nil {
			return reason, fmt.Sprintf("pod %s ended with code %d (%s) and said nothing", observed.pod.Name, end.ExitCode, end.Reason)
		}
	}
	return reason, fmt.Sprintf("pod %s failed: %s %s", observed.pod.Name, observed.pod.Status.Reason, observed.pod.Status.Message)
}

// knownReasons are those that the mover may give. Its words come from a pod, so that they are not taken on trust.
var knownReasons = map[string]bool{
	v1alpha1.ReasonSourceUnreadable: true, v1alpha1.ReasonCredentialsRefused: true, v1alpha1.ReasonBucketMissing: true,
	v1alpha1.ReasonTargetUnreachable: true, v1alpha1.ReasonTransferFailed: true, v1alpha1.ReasonSecretMissing: true,
}

// waitsFor says why a pod does not start, if there is more to say than that it is about to.
func waitsFor(pod *corev1.Pod) string {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return condition.Message
		}
	}
	for _, status := range pod.Status.ContainerStatuses {
		if waiting := status.State.Waiting; waiting != nil && waiting.Message != "" && waiting.Reason != "ContainerCreating" {
			return waiting.Reason + ": " + waiting.Message
		}
	}
	return ""
}
