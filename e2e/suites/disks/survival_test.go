//go:build e2e

package disks

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// TestBytesStayTheSame follows bytes that a guest wrote, and some that a person sends, through clones, a snapshot, and
// loss of power.
func TestBytesStayTheSame(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace, other := cluster.Namespace(t), cluster.Namespace(t)
	data := builder.Disk(namespace, "data", builder.Size("128Mi"))
	vm := tinyVM(namespace, "one")
	uploaded := builder.Disk(namespace, "uploaded", builder.Size("64Mi"), builder.FromUpload)
	abroad := builder.Disk(other, "abroad", builder.Size("128Mi"), builder.CloneOf(namespace, "data"))
	abroad.Spec.CloneableFrom = []string{namespace}
	back := builder.Disk(namespace, "back", builder.Size("128Mi"), builder.CloneOf(other, "abroad"))
	cluster.Make(t, data, vm, uploaded, abroad, back)

	sent := make([]byte, patternMiB<<20)
	_, _ = rand.Read(sent)
	t.Run("AnUploadIsAskedForAndTaken", func(t *testing.T) {
		asked := cluster.WaitReady(t, uploaded, metav1.ConditionFalse, v1alpha1.ReasonAwaitingUpload, patience)
		assert.Contains(t, asked.Message, "virtctl image-upload dv uploaded")
		upload(t, uploaded, sent)
		waitDisk(t, uploaded)
	})
	t.Run("ACloneIntoANamespaceThatIsNotGrantedIsRefused", func(t *testing.T) {
		refused := cluster.WaitReady(t, abroad, metav1.ConditionFalse, v1alpha1.ReasonCloneNotGranted, patience)
		assert.Contains(t, refused.Message, "grants it by "+other+" in its spec.cloneableFrom")
		cluster.WaitReady(t, back, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, patience)
	})

	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	guest := cluster.Shell(t, vm)
	attach(t, vm, guest, "data") // what comes while the guest runs may leave again
	checksum := writePattern(t, guest, "data")
	detach(t, vm, "data")

	near := builder.Disk(namespace, "near", builder.Size("192Mi"), builder.CloneOf("", "data"))
	monday := builder.Snapshot(namespace, "monday", "data", builder.ApplicationConsistent)
	restored := builder.Disk(namespace, "restored", builder.Size("128Mi"), builder.FromSnapshot("", "monday"))
	cluster.Make(t, near, monday, restored)
	t.Run("AGrantHealsTheClone", func(t *testing.T) {
		change(t, data, func(disk *v1alpha1.WukongDisk) { disk.Spec.CloneableFrom = []string{other} })
		waitDisk(t, abroad)
		waitDisk(t, back)
	})
	waitDisk(t, near)
	waitDisk(t, restored)
	// A guest of this size has room for four disks that come while it runs.
	attach(t, vm, guest, "near", "back", "restored", "data")
	t.Run("AGuestSeesThemInEachCopy", func(t *testing.T) {
		assertPattern(t, guest, checksum, "near", "back", "restored", "data")
		detach(t, vm, "restored")
		attach(t, vm, guest, "uploaded")
		sum := sha256.Sum256(sent)
		assertPattern(t, guest, hex.EncodeToString(sum[:]), "uploaded")
		assert.Equal(t, "201326592", guest.Run(t, "lsblk -bdno SIZE "+device("near")), "a clone may be larger")
	})
	t.Run("ASnapshotIsWhatItWasThen", func(t *testing.T) {
		cluster.WaitReady(t, monday, metav1.ConditionTrue, v1alpha1.ReasonTaken, patience)
		assert.Equal(t, v1alpha1.ConsistencyApplication, monday.Status.Consistency, "the disk was in no machine")
		later := writePattern(t, guest, "near")
		require.NotEqual(t, checksum, later)
		assertPattern(t, guest, checksum, "data")
	})
	t.Run("ASnapshotUnderARunningGuestSaysSo", func(t *testing.T) {
		tuesday := monday.DeepCopy()
		tuesday.ObjectMeta = metav1.ObjectMeta{Namespace: namespace, Name: "tuesday"}
		tuesday.Spec.RequiredConsistency, tuesday.Spec.ReclaimPolicy = "", v1alpha1.ReclaimRetain
		cluster.Make(t, tuesday)
		cluster.WaitReady(t, tuesday, metav1.ConditionTrue, v1alpha1.ReasonTaken, patience)
		assert.Equal(t, v1alpha1.ConsistencyCrash, tuesday.Status.Consistency)
		// What is retained outlives its WukongSnapshot, also when that is deleted as Argo CD does it.
		require.NoError(t,
			cluster.Delete(t.Context(), tuesday, client.PropagationPolicy(metav1.DeletePropagationForeground)))
		cluster.WaitGone(t, tuesday, patience)
		wednesday := builder.Disk(namespace, "wednesday", builder.Size("192Mi"), builder.FromVolumeSnapshot("tuesday"))
		cluster.Make(t, wednesday)
		waitDisk(t, wednesday)
		require.NoError(t, cluster.Delete(t.Context(), wednesday))
	})
	t.Run("TheySurvivePowerCycles", func(t *testing.T) {
		for range 2 {
			powerState(t, vm, v1alpha1.PowerStopped, v1alpha1.ReasonStopped)
			powerState(t, vm, v1alpha1.PowerRunning, v1alpha1.ReasonRunning)
			assertPattern(t, booted(t, vm), checksum, "data", "back")
		}
	})
	t.Run("TheySurviveAKilledGuest", func(t *testing.T) {
		ended := instanceUID(t, vm)
		require.Equal(t, 1, cluster.Kill(t, testbed.QEMU, launchers(t, vm)))
		waitAnotherInstance(t, vm, ended)
		assertPattern(t, booted(t, vm), checksum, "data", "back")
	})
	t.Run("TheySurviveALostLauncher", func(t *testing.T) {
		// Deleted by force, it may leave KubeVirt on the node with two of a name, of which the new one never starts:
		// kubevirt/kubevirt#7032.
		ended := instanceUID(t, vm)
		require.Equal(t, 1, cluster.Kill(t, testbed.LauncherMonitor, launchers(t, vm)))
		waitAnotherInstance(t, vm, ended)
		assertPattern(t, booted(t, vm), checksum, "data", "back")
	})
}

// booted enters a guest that has written what it writes while it boots. One that loses its power before may lose its
// own files, sudo's among them, as any computer.
func booted(t *testing.T, vm *v1alpha1.WukongVM) *harness.Guest {
	t.Helper()
	guest := cluster.Shell(t, vm)
	guest.Run(t, "sync")
	return guest
}

// launchers are the pods of a machine's running instance.
func launchers(t *testing.T, vm *v1alpha1.WukongVM) []corev1.Pod {
	t.Helper()
	pods := &corev1.PodList{}
	require.NoError(t, cluster.List(t.Context(), pods, client.InNamespace(vm.Namespace),
		client.MatchingLabels{"vm.kubevirt.io/name": vm.Name, kubevirtv1.AppLabel: "virt-launcher"}))
	var running []corev1.Pod
	for _, pod := range pods.Items {
		if pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp.IsZero() {
			running = append(running, pod)
		}
	}
	return running
}

// instanceUID is of the machine's running instance. Read it before the instance ends: KubeVirt may make the next one at
// once.
func instanceUID(t *testing.T, vm *v1alpha1.WukongVM) types.UID {
	t.Helper()
	instance := &kubevirtv1.VirtualMachineInstance{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(vm), instance))
	return instance.UID
}

// waitAnotherInstance waits until the machine runs again, in another instance than the one that has ended.
func waitAnotherInstance(t *testing.T, vm *v1alpha1.WukongVM, ended types.UID) {
	t.Helper()
	harness.Until(t, harness.CauseBoot, patience, "KubeVirt starts another instance of "+vm.Name,
		func(ctx context.Context) string {
			current := &kubevirtv1.VirtualMachineInstance{}
			if err := cluster.Get(ctx, client.ObjectKeyFromObject(vm), current); err != nil {
				return err.Error()
			}
			if current.UID == ended {
				return "there is the one that ended"
			}
			if current.Status.Phase != kubevirtv1.Running {
				return "it is " + string(current.Status.Phase)
			}
			return ""
		})
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
}
