package wukongsnapshot

import (
	"context"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/internal/usage"
)

// observation is all that is read in one pass.
type observation struct {
	umbrella umbrella.Link
	now      time.Time
	// served: the cluster serves VolumeSnapshots.
	served bool
	// disk is nil when it does not exist. It is not read for a snapshot that is finished.
	disk *v1alpha1.WukongDisk
	// writers are the machines that may write to the disk.
	writers []string
	// taken is our VolumeSnapshot; nil when it does not exist.
	taken *snapshotv1.VolumeSnapshot
	// outcome is how this pass's writes ended; nil before them.
	outcome *pass.Outcome
}

func (r *Reconciler) observe(ctx context.Context, snapshot *v1alpha1.WukongSnapshot) (*observation, error) {
	observed := &observation{now: r.clock.Now()}
	var err error
	if observed.umbrella, err = umbrella.Observe(ctx, r.client, snapshot); err != nil {
		return nil, err
	}
	if observed.served, err = r.dependencies.Served(ctx, dependency.VolumeSnapshots); err != nil {
		return nil, err
	}
	if observed.served {
		found, err := read.Get(ctx, r.client, snapshot.Namespace, snapshot.Name, &snapshotv1.VolumeSnapshot{})
		if err != nil {
			return nil, err
		}
		if found != nil && model.Belongs(found, snapshot) {
			observed.taken = found
		}
	}
	if snapshot.Finished() || snapshot.Spec.Source.DiskRef == nil {
		return observed, nil
	}
	name := snapshot.Spec.Source.DiskRef.Name
	if observed.disk, err = read.Get(ctx, r.client, snapshot.Namespace, name, &v1alpha1.WukongDisk{}); err != nil || observed.disk == nil {
		return observed, err
	}
	observed.writers, err = usage.Writers(ctx, r.client, observed.disk)
	return observed, err
}

func ready(taken *snapshotv1.VolumeSnapshot) bool {
	return taken.Status != nil && ptr.Deref(taken.Status.ReadyToUse, false)
}

// consistency of what is cut while those machines may write.
func consistency(writers []string) v1alpha1.SnapshotConsistency {
	if len(writers) > 0 {
		return v1alpha1.ConsistencyCrash
	}
	return v1alpha1.ConsistencyApplication
}

// reached is the consistency of a VolumeSnapshot: the worst of its begin, of what status remembers of the time since, and of now.
func reached(snapshot *v1alpha1.WukongSnapshot, observed *observation) v1alpha1.SnapshotConsistency {
	begun := v1alpha1.SnapshotConsistency(observed.taken.Annotations[v1alpha1.AnnotationSnapshotBegun])
	if begun != v1alpha1.ConsistencyApplication || snapshot.Status.Consistency == v1alpha1.ConsistencyCrash {
		return v1alpha1.ConsistencyCrash
	}
	return consistency(observed.writers)
}

// insufficient tells whether a complete VolumeSnapshot is less consistent than it has to be.
func insufficient(snapshot *v1alpha1.WukongSnapshot, observed *observation) bool {
	return snapshot.Spec.RequiredConsistency == v1alpha1.ConsistencyApplication && !snapshot.Finished() && reached(snapshot, observed) != v1alpha1.ConsistencyApplication
}
