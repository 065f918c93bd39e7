//go:build e2e

package disks

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/console"
)

// TestBytesStayTheSame follows bytes that a guest wrote, and some that a person sends, through clones, a snapshot, and loss of power.
func TestBytesStayTheSame(t *testing.T) {
	t.Parallel()
	namespace, other := cluster.Namespace(t), cluster.Namespace(t)
	data := plainDisk(namespace, "data", "128Mi", nil)
	vm := loginVM(namespace, "one", refer("data", "data"))
	uploaded := plainDisk(namespace, "uploaded", "64Mi", &v1alpha1.WukongDiskSource{Upload: &v1alpha1.UploadSource{}})
	abroad := plainDisk(other, "abroad", "128Mi", cloneOf(namespace, "data"))
	abroad.Spec.CloneableFrom = []string{namespace}
	back := plainDisk(namespace, "back", "128Mi", cloneOf(other, "abroad"))
	exportCreate(t, loginSecret(namespace), data, vm, uploaded, abroad, back)

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
	guest := enter(t, vm)
	checksum := writePattern(t, guest, "data")
	detach(t, vm, "data")

	near := plainDisk(namespace, "near", "192Mi", cloneOf("", "data"))
	monday := &v1alpha1.WukongSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "monday"},
		Spec: v1alpha1.WukongSnapshotSpec{
			Source: v1alpha1.SnapshotSource{DiskRef: &v1alpha1.LocalObjectReference{Name: "data"}}, RequiredConsistency: v1alpha1.ConsistencyApplication,
		},
	}
	restored := plainDisk(namespace, "restored", "128Mi", &v1alpha1.WukongDiskSource{
		Snapshot: &v1alpha1.DiskSnapshotSource{Kind: "WukongSnapshot", Name: "monday"},
	})
	exportCreate(t, near, monday, restored)
	t.Run("AGrantHealsTheClone", func(t *testing.T) {
		change(t, data, func(disk *v1alpha1.WukongDisk) { disk.Spec.CloneableFrom = []string{other} })
		waitDisk(t, abroad)
		waitDisk(t, back)
	})
	waitDisk(t, near)
	waitDisk(t, restored)
	attach(t, vm, guest, "near", "back", "restored", "uploaded", "data")
	t.Run("AGuestSeesThemInEachCopy", func(t *testing.T) {
		assertPattern(t, guest, checksum, "near", "back", "restored", "data")
		sum := sha256.Sum256(sent)
		assertPattern(t, guest, hex.EncodeToString(sum[:]), "uploaded")
		assert.Equal(t, "201326592", inGuest(t, guest, "lsblk -bdno SIZE "+device("near")), "a clone may be larger")
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
		exportCreate(t, tuesday)
		cluster.WaitReady(t, tuesday, metav1.ConditionTrue, v1alpha1.ReasonTaken, patience)
		assert.Equal(t, v1alpha1.ConsistencyCrash, tuesday.Status.Consistency)
		// What is retained outlives its WukongSnapshot, also when that is deleted as Argo CD does it.
		require.NoError(t, cluster.Delete(t.Context(), tuesday, client.PropagationPolicy(metav1.DeletePropagationForeground)))
		cluster.WaitGone(t, tuesday, patience)
		wednesday := plainDisk(namespace, "wednesday", "192Mi", &v1alpha1.WukongDiskSource{
			Snapshot: &v1alpha1.DiskSnapshotSource{Kind: "VolumeSnapshot", Name: "tuesday"},
		})
		exportCreate(t, wednesday)
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
		// Deleted by force, it may leave KubeVirt on the node with two of a name, of which the new one never starts: kubevirt/kubevirt#7032.
		ended := instanceUID(t, vm)
		require.Equal(t, 1, cluster.Kill(t, testbed.LauncherMonitor, launchers(t, vm)))
		waitAnotherInstance(t, vm, ended)
		assertPattern(t, booted(t, vm), checksum, "data", "back")
	})
}

// booted enters a guest that has written what it writes while it boots. One that loses its power before may lose its own files, sudo's among
// them, as any computer.
func booted(t *testing.T, vm *v1alpha1.WukongVM) *console.Console {
	t.Helper()
	guest := enter(t, vm)
	inGuest(t, guest, "sync")
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

// instanceUID is of the machine's running instance. Read it before the instance ends: KubeVirt may make the next one at once.
func instanceUID(t *testing.T, vm *v1alpha1.WukongVM) types.UID {
	t.Helper()
	instance := &kubevirtv1.VirtualMachineInstance{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(vm), instance))
	return instance.UID
}

// waitAnotherInstance waits until the machine runs again, in another instance than the one that has ended.
func waitAnotherInstance(t *testing.T, vm *v1alpha1.WukongVM, ended types.UID) {
	t.Helper()
	require.Eventually(t, func() bool {
		current := &kubevirtv1.VirtualMachineInstance{}
		err := cluster.Get(t.Context(), client.ObjectKeyFromObject(vm), current)
		return err == nil && current.UID != ended && current.Status.Phase == kubevirtv1.Running
	}, patience, time.Second, "KubeVirt starts no other instance of %s", vm.Name)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
}
