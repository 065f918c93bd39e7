//go:build e2e

package core

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

const (
	guestUser     = "alice"
	guestPassword = "correct horse"
	staticAddress = "192.168.77.10"
	// guestKey is a public key whose private half does not exist.
	guestKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJnpU9tZ0n2DkP5Oe0HbT3q3GmVfUuN2pLr0VYJ0m0aB alice@example"
)

// debian is the machine of the main job: a root disk over HTTP, a data disk, the pod network, a bridge with a static
// address, a user.
func debian(namespace, name string) *v1alpha1.WukongVM {
	return builder.PartOf("shop", builder.VM(namespace, name,
		builder.Imported("root", testbed.ImageURL(testbed.DebianImage), builder.Size("3Gi")), builder.Stamped("data"),
		builder.OnPodNetwork, onOffice(staticAddress), builder.Cores(2), builder.Memory("512Mi"),
		builder.GracePeriod(60), builder.Login(guestUser, guestUser, "password"),
		func(spec *v1alpha1.WukongVMSpec) {
			spec.CloudInit.Users[0].SSHAuthorizedKeys = []v1alpha1.SSHPublicKey{guestKey}
		},
	))
}

// TestMainJob follows one machine through its life, so that the slow first boot is paid once.
func TestMainJob(t *testing.T) {
	harness.Essential(t)
	namespace := cluster.Namespace(t)
	start := time.Now()
	application, network, vm := builder.Wukong(namespace, "shop"),
		builder.PartOf("shop", officeNetwork(namespace, "office")), debian(namespace, "web")
	cluster.Make(t, builder.Secret(namespace, guestUser, map[string]string{"password": guestPassword}), network, vm,
		application)

	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	t.Logf("create to Ready: %s", time.Since(start).Round(time.Second))
	writes, err := harness.OperatorWrites(start, namespace)
	require.NoError(t, err)
	t.Logf("%d writes of the operator from create to Ready, for a machine with two disks, a bridge network, and an "+
		"umbrella:", len(writes))
	for _, write := range writes {
		t.Logf("  %s", write)
		assert.NotEqual(t, "update", write.Verb)
	}

	guest := cluster.LogIn(t, vm, guestUser, guestPassword)
	t.Run("TheGuestIsWhatTheManifestSays", func(t *testing.T) { checkGuest(t, guest, vm) })
	t.Run("StatusSaysWhatTheGuestHas", func(t *testing.T) { checkStatus(t, vm) })
	t.Run("TheUmbrellaIsReady", func(t *testing.T) {
		cluster.WaitReady(t, application, metav1.ConditionTrue, "", patience)
		assert.Equal(t, v1alpha1.PhaseRunning, application.Status.Phase)
	})
	t.Run("AppliedAgainNothingIsWritten", func(t *testing.T) { checkNoDrift(t, namespace, vm) })

	guest.Run(t, "echo kept-by-the-disk | sudo tee /root/mark && sync")
	guest.Close()
	before := vm.DeepCopy()
	t.Run("StoppedSaysStopped", func(t *testing.T) {
		patch(t, vm, `{"spec":{"powerState":"Stopped"}}`)
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped, patience)
		assert.Equal(t, v1alpha1.PhaseStopped, vm.Status.Phase)
		assert.Empty(t, vm.Status.NodeName)
		assert.Empty(t, vm.Status.PrimaryAddress)
	})
	t.Run("RunningStartsTheSameMachine", func(t *testing.T) {
		patch(t, vm, `{"spec":{"powerState":"Running"}}`)
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
		guest := cluster.LogIn(t, vm, guestUser, guestPassword)
		defer guest.Close()
		assert.Equal(t, "kept-by-the-disk", guest.Run(t, "sudo cat /root/mark"))
		for i, nic := range before.Status.Networks {
			assert.Contains(t, guest.Run(t, "cat /sys/class/net/*/address"), nic.MACAddress)
			assert.Equal(t, nic.MACAddress, vm.Status.Networks[i].MACAddress)
		}
		assert.Equal(t, string(vm.UID), strings.ToLower(guest.Run(t, "sudo cat /sys/class/dmi/id/product_uuid")))
		assert.Equal(t, before.Status.Disks[0].ClaimName, vm.Status.Disks[0].ClaimName)
	})
	t.Run("DeletingTheUmbrellaRemovesItsChildren", func(t *testing.T) {
		require.NoError(t, cluster.Delete(t.Context(), application))
		cluster.NothingLeft(t, namespace, patience)
	})
}

func checkGuest(t *testing.T, guest *harness.Guest, vm *v1alpha1.WukongVM) {
	assert.Equal(t, "web", guest.Run(t, "hostname"))
	assert.Equal(t, guestUser, guest.Run(t, "whoami"))
	assert.Equal(t, "root", guest.Run(t, "sudo -n whoami"), "sudo without a password")
	assert.Contains(t, guest.Run(t, "cat ~/.ssh/authorized_keys"), guestKey)
	assert.NotContains(t, guest.Run(t, "sudo cat /root/.ssh/authorized_keys || true"), "ssh-ed25519",
		"B15: the key is the user's alone")
	assert.Equal(t, "2", guest.Run(t, "nproc"))

	sizes := guest.Run(t, "lsblk -bdno SERIAL,SIZE | awk '$1 {print $1, $2}' | sort")
	assert.Contains(t, sizes, "data 1073741824")
	assert.Contains(t, sizes, "root 3221225472")

	addresses := guest.Run(t, "ip -4 -o address show | awk '{print $4}'")
	assert.Contains(t, addresses, staticAddress+"/24")
	assert.Contains(t, addresses, "10.0.2.2/24", "KubeVirt's masquerading gives the guest this address by DHCP")
	assert.Contains(t, guest.Run(t, "ip route show default"), "10.0.2.1")
	macs := guest.Run(t, "cat /sys/class/net/*/address")
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(vm), vm))
	for _, nic := range vm.Status.Networks {
		assert.Contains(t, macs, nic.MACAddress)
	}
}

func checkStatus(t *testing.T, vm *v1alpha1.WukongVM) {
	cluster.Wait(t, vm, patience, "connected to the guest agent, with both addresses", func() bool {
		return meta.IsStatusConditionTrue(vm.Status.Conditions, v1alpha1.ConditionGuestAgentConnected) &&
			len(vm.Status.Networks) == 2 &&
			assert.ObjectsAreEqual(true, contains(vm.Status.Networks[1].Addresses, staticAddress))
	})
	assert.NotEmpty(t, vm.Status.NodeName)
	assert.NotEmpty(t, vm.Status.PrimaryAddress)
	assert.NotEmpty(t, vm.Status.Networks[0].Addresses)
	require.Len(t, vm.Status.Disks, 2)
	for _, disk := range vm.Status.Disks {
		assert.Equal(t, "web-"+disk.Name, disk.ClaimName)
		require.NotNil(t, disk.Capacity)
		assert.Positive(t, disk.Capacity.Value())
		assert.Equal(t, v1alpha1.DiskReady, disk.Phase)
	}
	assert.Nil(t, model.MigrationObstacle(vm), "%+v", vm.Status.Conditions)
	checkFileSystems(t, vm)
}

// checkFileSystems waits for what the guest agent reports last: the file systems, every few minutes at most.
func checkFileSystems(t *testing.T, vm *v1alpha1.WukongVM) {
	cluster.Wait(t, vm, importAndBoot, "told of the guest's file systems", func() bool {
		return vm.Status.Guest != nil && len(vm.Status.Guest.FileSystems) > 0
	})
	root := vm.Status.Guest.FileSystems[0]
	assert.Equal(t, "/", root.MountPoint)
	assert.Equal(t, "ext4", root.Type)
	assert.Equal(t, []string{"root"}, root.Disks)
	require.NotNil(t, root.Capacity)
	assert.Greater(t, root.Capacity.Value(), int64(2<<30), "cloud-init grew it to the 3 GiB of the disk")
}

func contains(list []string, one string) bool {
	for _, item := range list {
		if item == one {
			return true
		}
	}
	return false
}

// checkNoDrift is contracts 1 and 3: the same manifest applied again and a restarted manager change nothing.
func checkNoDrift(t *testing.T, namespace string, vm *v1alpha1.WukongVM) {
	manifest := v1alpha1.WukongVM{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongVM"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: vm.Name},
		Spec:       debian(namespace, vm.Name).Spec,
	}
	text, err := json.Marshal(map[string]any{"apiVersion": manifest.APIVersion, "kind": manifest.Kind,
		"metadata": map[string]any{"namespace": namespace, "name": vm.Name}, "spec": manifest.Spec})
	require.NoError(t, err)
	kubectl := harness.Kubectl(t)
	kubectl.Run(t, string(text), "apply", "--server-side", "--force-conflicts", "-f", "-")
	generation := read(t, vm).Generation

	cluster.Drain(t)
	settled := time.Now()
	kubectl.Run(t, string(text), "apply", "--server-side", "--force-conflicts", "-f", "-")
	assert.Empty(t, kubectl.Run(t, string(text), "diff", "--server-side", "--force-conflicts", "-f", "-"),
		"kubectl diff is empty")
	assert.Equal(t, generation, read(t, vm).Generation)
	cluster.RestartOperator(t)

	// The restarted manager has looked at everything when it has made a new network ready.
	probe := officeNetwork(namespace, "probe")
	cluster.Make(t, probe)
	cluster.WaitReady(t, probe, metav1.ConditionTrue, "", patience)
	writes, err := harness.OperatorWrites(settled, "")
	require.NoError(t, err)
	for _, write := range writes {
		assert.Equal(t, "probe", write.Name, "the restarted manager wrote: %s", write)
	}
	require.NoError(t, cluster.Delete(t.Context(), probe))
}

func read(t *testing.T, vm *v1alpha1.WukongVM) *v1alpha1.WukongVM {
	t.Helper()
	current := &v1alpha1.WukongVM{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(vm), current))
	return current
}
