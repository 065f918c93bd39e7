//go:build e2e

package disks

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// writeRecords writes numbered records to /mnt/records for ever, each with fsync, in the background.
const writeRecords = "(i=0; while :; do i=$((i+1)); echo $i | dd of=/mnt/records oflag=append conv=notrunc,fsync " +
	"status=none; done) >/dev/null 2>&1 </dev/null & echo it begins"

// TestASnapshotOfAWukongVM takes a snapshot of a guest that writes: its file systems are frozen, all of its disks are
// cut, and it writes again. A disk from the snapshot is clean, and has every record up to one.
func TestASnapshotOfAWukongVM(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	data := builder.Disk(namespace, "data", builder.Size("64Mi"))
	vm := tinyVM(namespace, "web", builder.DiskReference("data", "data"))
	cluster.Make(t, data, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	cluster.Wait(t, vm, patience, "its guest agent is connected", func() bool {
		return meta.IsStatusConditionTrue(vm.Status.Conditions, v1alpha1.ConditionGuestAgentConnected)
	})
	guest := cluster.Shell(t, vm)
	guest.Run(t, "mkfs.ext4 -q "+device("data")+" && mount "+device("data")+" /mnt && rm -f /run/fsfreeze")
	guest.Run(t, writeRecords)
	guest.Until(t, harness.CausePlug, "test $(wc -l </mnt/records) -gt 5 && echo it writes || echo not yet",
		"it writes")

	monday := builder.SnapshotOfVM(namespace, "monday", "web", builder.AtLeast(v1alpha1.ConsistencyApplication),
		builder.FrozenFor(60))
	cluster.Make(t, monday)
	cluster.WaitReady(t, monday, metav1.ConditionTrue, v1alpha1.ReasonTaken, patience)
	status := monday.Status
	assert.Equal(t, v1alpha1.ConsistencyApplication, status.Consistency)
	assert.Equal(t, []v1alpha1.SnapshotIndication{v1alpha1.IndicationOnline, v1alpha1.IndicationGuestAgent},
		status.Indications)
	require.NotNil(t, status.Quiesce)
	assert.True(t, status.Quiesce.Proven, "%+v", status.Quiesce)
	t.Logf("frozen for %s", status.Quiesce.ThawedAt.Sub(status.Quiesce.CalledAt.Time))
	require.Len(t, status.Disks, 2)
	assert.Contains(t, guest.Run(t, "cat /run/fsfreeze"), "freeze", "the hook of the guest ran")

	t.Run("TheGuestWritesAgain", func(t *testing.T) {
		before := records(t, guest, "/mnt/records")
		guest.Until(t, harness.CausePlug,
			"test $(wc -l </mnt/records) -gt "+strconv.Itoa(before)+" && echo it writes || echo not yet", "it writes")
	})
	t.Run("ADiskFromItIsCleanAndHasAllUpToOneRecord", func(t *testing.T) {
		restored := builder.Disk(namespace, "restored", builder.Size("64Mi"),
			builder.FromSnapshotOfVM("monday", "data"))
		cluster.Make(t, restored)
		waitDisk(t, restored)
		attach(t, vm, guest, "restored")
		guest.Run(t, "mkdir -p /restored && mount -o ro,noload "+device("restored")+" /restored")
		assert.Greater(t, records(t, guest, "/restored/records"), 5,
			"and it needs no journal: the file system was at rest")
	})
	t.Run("OneThatNamesNoDiskSaysWhichThereAre", func(t *testing.T) {
		unnamed := builder.Disk(namespace, "unnamed", builder.Size("64Mi"), builder.FromSnapshot("", "monday"))
		cluster.Make(t, unnamed)
		cluster.WaitReady(t, unnamed, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, patience)
		assert.Contains(t, meta.FindStatusCondition(unnamed.Status.Conditions, v1alpha1.ConditionReady).Message,
			"root, data")
	})
	t.Run("AStoppedMachineNeedsNoFreeze", func(t *testing.T) {
		powerState(t, vm, v1alpha1.PowerStopped, v1alpha1.ReasonStopped)
		tuesday := builder.SnapshotOfVM(namespace, "tuesday", "web", builder.AtLeast(v1alpha1.ConsistencyApplication),
			builder.OfDisks("data"))
		cluster.Make(t, tuesday)
		cluster.WaitReady(t, tuesday, metav1.ConditionTrue, v1alpha1.ReasonTaken, patience)
		assert.Nil(t, tuesday.Status.Quiesce)
		assert.Len(t, tuesday.Status.Disks, 1)
	})
}

// records is how many records a file has. It fails where one is missing, or not whole but for the last.
func records(t *testing.T, guest *harness.Guest, file string) int {
	t.Helper()
	lines := strings.Fields(guest.Run(t, "cat "+file))
	for i, line := range lines {
		number, err := strconv.Atoi(line)
		require.NoError(t, err)
		require.Equal(t, i+1, number, "a record is missing in %s", file)
	}
	return len(lines)
}
