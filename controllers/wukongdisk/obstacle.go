package wukongdisk

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
)

// writeRefused tells of a permanent error of this pass's writes.
func writeRefused(err error) *diskstate.Problem {
	if reason := apply.Reason(err); reason != v1alpha1.ReasonPending {
		return diskstate.Failed(reason, "%s", err)
	}
	return diskstate.Pending(v1alpha1.ReasonPending, "%s", err)
}

// obstacles keep a DataVolume from being written. The first that stands gives the condition.
var obstacles = []func(*v1alpha1.WukongDisk, *observation) *diskstate.Problem{
	nameTaken,
	bytesLost,
	importerMissing,
	classMissing,
	originUnusable,
	originLost,
}

func obstacle(disk *v1alpha1.WukongDisk, observed *observation) *diskstate.Problem {
	for _, check := range obstacles {
		if found := check(disk, observed); found != nil {
			return found
		}
	}
	return nil
}

// nameTaken: KubeVirt would start a machine from whatever claim has the name, so a foreign one must stop everything.
func nameTaken(disk *v1alpha1.WukongDisk, observed *observation) *diskstate.Problem {
	if observed.claim == nil || observed.ownsClaim(disk) {
		return nil
	}
	if !observed.claim.DeletionTimestamp.IsZero() {
		if wasFilled(disk) {
			return nil // what held the disk: see leaving
		}
		return diskstate.Pending(v1alpha1.ReasonPending, "PersistentVolumeClaim %s is being deleted: the disk is made anew from its source when it is gone", observed.claim.Name)
	}
	if orphaned := metav1.GetControllerOf(observed.claim); observed.dataVolume == nil && apply.Ours(observed.claim) && orphaned != nil &&
		orphaned.Kind == "DataVolume" && orphaned.Name == observed.claim.Name {
		return diskstate.Pending(v1alpha1.ReasonPending, "PersistentVolumeClaim %s is about to be deleted with the DataVolume that made it: the disk is made anew when it is gone", observed.claim.Name)
	}
	return diskstate.Failed(v1alpha1.ReasonNameConflict,
		"PersistentVolumeClaim %s exists already and is not this disk's: it is left alone; to use it as it is, "+
			"create a WukongDisk with source.persistentVolumeClaim.name: %s, else rename this disk or remove the claim",
		observed.claim.Name, observed.claim.Name)
}

func importerMissing(_ *v1alpha1.WukongDisk, observed *observation) *diskstate.Problem {
	if observed.importerServed || observed.claim != nil {
		return nil
	}
	return diskstate.Failed(v1alpha1.ReasonDependencyMissing, "%s", dataVolumesMissing)
}

func classMissing(disk *v1alpha1.WukongDisk, observed *observation) *diskstate.Problem {
	switch {
	case observed.classFound || observed.dataVolume != nil || observed.claim != nil:
		return nil
	case disk.Spec.StorageClassName != nil:
		return diskstate.Failed(v1alpha1.ReasonStorageClassMissing,
			"StorageClass %s does not exist; create it, or use one that 'kubectl get storageclass' lists", *disk.Spec.StorageClassName)
	default:
		return diskstate.Failed(v1alpha1.ReasonStorageClassMissing,
			"the cluster has no default StorageClass; name one in storageClassName, or mark one with the annotation %s", annotationDefaultVirtClass)
	}
}
