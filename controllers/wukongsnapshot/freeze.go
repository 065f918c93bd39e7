package wukongsnapshot

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/quiesce"
)

// Agents calls the guest agents of instances.
type Agents interface {
	// Freeze returns when the file systems are frozen. The guest thaws them itself after the timeout.
	Freeze(ctx context.Context, namespace, instance string, timeout time.Duration) error
	// Unfreeze succeeds where nothing is frozen.
	Unfreeze(ctx context.Context, namespace, instance string) error
}

// maxActs is how many acts a pass may have: a freeze, the cut, the thaw, and the deletion of unusable VolumeSnapshots.
const maxActs = 8

// minimumRetry is the shortest time after which a snapshot tries again when another one has the guest. The longest is
// twice that.
const minimumRetry = 3 * time.Second

// takeFrozen freezes the guest, cuts the disks and thaws the guest, as far as that is possible without waiting. Each
// step is written to status before the act that follows it.
func (r *Reconciler) takeFrozen(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation) error {
	for range maxActs {
		in := r.quiesceInputs(snapshot, observed)
		decision := in.Decide()
		observed.done.after = decision.After
		var err error
		switch decision.Act {
		case quiesce.Freeze:
			err = r.freeze(ctx, snapshot, observed, decision.Status)
		case quiesce.Cut:
			if err = r.cut(ctx, snapshot, observed); apply.Permanent(err) {
				observed.done.refused, err = err.Error(), nil
			}
		case quiesce.Thaw:
			err = r.thaw(ctx, snapshot, observed, decision.Status)
		case quiesce.Discard:
			return r.discard(ctx, observed)
		case quiesce.GiveUp:
			observed.done.gaveUp = true
			return nil
		default:
			if equality.Semantic.DeepEqual(snapshot.Status.Quiesce, decision.Status) {
				return nil
			}
			return r.note(ctx, snapshot, observed, decision.Status)
		}
		if err != nil || observed.done.after > 0 && decision.Act != quiesce.Cut {
			return err
		}
	}
	observed.done.after = time.Millisecond
	return nil
}

func (r *Reconciler) freeze(
	ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation, next *v1alpha1.SnapshotQuiesce,
) error {
	if err := r.rehearse(ctx, snapshot, observed); err != nil {
		return err
	}
	before := snapshot.Status.Quiesce
	if err := r.note(ctx, snapshot, observed, next); err != nil {
		return err
	}
	// Of two snapshots that begin at the same moment, at least one reads what the other has written. Whichever reads
	// it goes back.
	competitor, err := r.competitor(ctx, r.applier.Live, snapshot)
	if err != nil || competitor != "" {
		observed.source.competitor, observed.done.after = competitor, competitorRetry(snapshot)
		if failed := r.note(ctx, snapshot, observed, before); failed != nil {
			return failed
		}
		return err
	}
	in := r.quiesceInputs(snapshot, observed)
	r.calls.Store(snapshot.UID, in.Now)
	err = r.agents.Freeze(ctx, snapshot.Namespace, snapshot.Spec.Source.VMRef.Name, in.Timeout)
	return r.note(ctx, snapshot, observed, r.quiesceInputs(snapshot, observed).FreezeReturned(err))
}

func (r *Reconciler) thaw(
	ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation, next *v1alpha1.SnapshotQuiesce,
) error {
	if snapshot.Status.Quiesce.Step != next.Step {
		if err := r.note(ctx, snapshot, observed, next); err != nil {
			return err
		}
	}
	err := r.agents.Unfreeze(ctx, snapshot.Namespace, snapshot.Spec.Source.VMRef.Name)
	status, again := r.quiesceInputs(snapshot, observed).ThawReturned(err)
	observed.done.after = again
	return r.note(ctx, snapshot, observed, status)
}

// note writes the state of the freeze, and what the snapshot holds: the next manager must know both.
func (r *Reconciler) note(
	ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation, quiesce *v1alpha1.SnapshotQuiesce,
) error {
	after := snapshot.DeepCopy()
	after.Status.Quiesce = quiesce
	after.Status.Disks, after.Status.Excluded, after.Status.Machine = nil, nil, nil
	if quiesce != nil {
		after.Status.Phase = v1alpha1.OperationInProgress
		after.Status.Disks, after.Status.Excluded = observed.parts.Held(), observed.excluded(snapshot)
		after.Status.Machine = observed.recordedVM(snapshot)
		if after.Status.StartTime == nil {
			after.Status.StartTime = ptr.To(metav1.NewTime(r.clock.Now().Truncate(time.Second)))
		}
	}
	if err := r.applier.Status(ctx, snapshot.DeepCopy(), after); err != nil {
		return err
	}
	*snapshot = *after
	return nil
}

// competitor is another snapshot of the same WukongVM that may have its guest frozen; empty for none.
func (r *Reconciler) competitor(
	ctx context.Context, reader client.Reader, snapshot *v1alpha1.WukongSnapshot,
) (string, error) {
	list := &v1alpha1.WukongSnapshotList{}
	if err := reader.List(ctx, list, client.InNamespace(snapshot.Namespace)); err != nil {
		return "", fmt.Errorf("list the snapshots of WukongVM %s: %w", snapshot.Spec.Source.VMRef.Name, err)
	}
	for i := range list.Items {
		other := &list.Items[i]
		quiesce, ref := other.Status.Quiesce, other.Spec.Source.VMRef
		if other.UID != snapshot.UID && ref != nil && ref.Name == snapshot.Spec.Source.VMRef.Name && quiesce != nil &&
			quiesce.Step != v1alpha1.QuiesceThawed {
			return other.Name, nil
		}
	}
	return "", nil
}

// competitorRetry is when a snapshot tries again whose guest another one has. It is different for each snapshot, so
// that two do not meet again.
func competitorRetry(snapshot *v1alpha1.WukongSnapshot) time.Duration {
	digest := fnv.New32a()
	_, _ = digest.Write([]byte(snapshot.UID)) // which never fails
	return minimumRetry + time.Duration(digest.Sum32()%1000)*minimumRetry/1000
}

// thawBeforeTheEnd thaws the guest of a snapshot that is deleted while it has the guest frozen. It returns when to try
// again; zero when the guest is thawed, or thaws itself.
func (r *Reconciler) thawBeforeTheEnd(
	ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation,
) (again time.Duration) {
	in := r.quiesceInputs(snapshot, observed)
	if snapshot.Finished() || !in.Open() {
		return 0
	}
	err := r.agents.Unfreeze(ctx, snapshot.Namespace, snapshot.Spec.Source.VMRef.Name)
	_, again = in.ThawReturned(err)
	return again
}
