//go:build e2e

package protection

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// Snapshots are taken at scheduled times, and the oldest is deleted. A guest starts from the newest one, and is deleted
// again. A guest whose network is unplugged runs beside its original, with the same identity.
func TestSnapshotsAreTakenBySchedule(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	vm := builder.VM(namespace, "web", harness.TinyDisk("root"), builder.OnPodNetwork)
	cluster.Make(t, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)

	schedule := builder.Schedule(namespace, "web", "web", "* * * * *", builder.KeepingSnapshots(1), builder.RPO(3600),
		builder.TriedAt("* * * * *", func(trial *v1alpha1.TrialRestore) {
			trial.SuccessWhen = v1alpha1.RestoreSuccessGuestAgent
		}))
	cluster.Make(t, schedule)
	cluster.Wait(t, schedule, importAndBoot, "tried", func() bool { return schedule.Status.LastTrial != nil })
	assert.Equal(t, v1alpha1.TrialPassed, schedule.Status.LastTrial.Result, schedule.Status.LastTrial.Message)
	first := schedule.Status.LastTrial.SnapshotName
	require.True(t, strings.HasPrefix(first, "web-"), first)
	harness.Change(t, cluster, schedule, func(schedule *v1alpha1.WukongSnapshotSchedule) { schedule.Spec.Trial = nil })
	cluster.WaitGone(t, builder.VM(namespace, "web-trial"), patience)
	cluster.WaitGone(t, builder.SnapshotOfVM(namespace, first, "web"), patience)

	harness.Change(t, cluster, schedule, func(schedule *v1alpha1.WukongSnapshotSchedule) {
		schedule.Spec.Suspend = ptr.To(true)
	})
	cluster.Wait(t, schedule, patience, "suspended, with one snapshot", func() bool {
		return schedule.Status.Phase == v1alpha1.ScheduleSuspended && schedule.Status.Kept == 1
	})
	clone := builder.CloneOfSnapshot(namespace, "look", schedule.Status.LastSnapshot.Name, "look", builder.CloneRunning,
		builder.KeepingIdentity, builder.CloneOverrides(&v1alpha1.CloneOverrides{Isolated: ptr.To(true)}))
	cluster.Make(t, clone)
	cluster.WaitReady(t, clone, metav1.ConditionTrue, v1alpha1.ReasonCloned, importAndBoot)
	look := builder.VM(namespace, "look")
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(look), look))
	const carrier = "cat /sys/class/net/e*/carrier 2>/dev/null || echo 0"
	assert.Equal(t, "0", cluster.Shell(t, look).Run(t, carrier), "its cable is unplugged")
	assert.Equal(t, "1", cluster.Shell(t, vm).Run(t, carrier), "that of the original is not")
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, patience)
}
